// The product at the heart of every step: a block of rows times a tile of packed columns.
//
// Packed layout: units are cut into groups of `tiles` vectors; within a group the values of one k lie together,
// tile by tile and gate by gate: [group][K][tiles * gates][lanes]. One group is one product call, its
// tiles * gates columns of vectors staying in registers while k runs. Of halves two columns share a vector of floats'
// size, [lanes][2]: a shift makes the first of them floats, a mask the second. The last of an odd number is by itself.
//
// A row's sum always runs over k from 0 to K - 1 in one chain, whatever the block, so its result never depends
// on its neighbours.
#pragma once

#include "simd.hpp"
#include "table.hpp"

namespace {

// Registers bound the block: columns * rows accumulators, one broadcast a row, one column in flight.
constexpr int kMaxColumns = 4;
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kMaxRows[kMaxColumns + 1] = {0, 8, 8, 8, 6};
#else
constexpr int kMaxRows[kMaxColumns + 1] = {0, 8, 6, 4, 3};
#endif
// Rows worked on together, and their accumulators.
constexpr int kRowsTogether = 32;
constexpr int kScratchVectors = kRowsTogether * kMaxColumns;
template <class T>
constexpr int kScratch = kScratchVectors * kLanes<T>;

constexpr int kLine = 64;  // bytes of a line of the caches

// Calls body(first, count) for rows [first, last), at most `together` at a time.
template <class Body>
inline void for_each_rows(int64_t first, int64_t last, int together, Body&& body) {
  for (; first < last; first += together)
    body(first, static_cast<int>(last - first < together ? last - first : together));
}

// Loops over registers must be gone before the compiler decides what lives in memory.
#define UNROLL _Pragma("GCC unroll 16")

constexpr int tiles_per_group(int gates) { return gates == 1 ? 4 : gates == 2 ? 2 : 1; }

// Packed weights: numbers of T or, to be widened in the product, halves.
template <class T>
struct Packed {
  const char* at;
  bool halves;

  constexpr Packed() : at(nullptr), halves(false) {}
  Packed(const T* numbers) : at(reinterpret_cast<const char*>(numbers)), halves(false) {}
  Packed(const void* numbers, bool halves) : at(static_cast<const char*>(numbers)), halves(halves) {}

  int64_t size() const { return halves ? sizeof(Half) : sizeof(T); }  // bytes of a number
  Packed operator+(int64_t numbers) const { return {at + numbers * size(), halves}; }
};

// body(S{}), S being what the weights are stored as.
template <class T, class Body>
inline void with_storage(bool halves, Body&& body) {
  if constexpr (kHasHalves<T>)
    if (halves) return body(Half{});
  body(T{});
}

// Rows of numbers and the packed matrix they meet: element k of row r lies at rows[r * row + k * next].
template <class T>
struct Factor {
  const T* rows;
  int64_t row, next, depth;
  Packed<T> packed;

  // Elements [k, k + n) as far as there are such; `width`: numbers of packed[k].
  Factor part(int64_t k, int64_t n, int64_t width) const {
    const int64_t first = k < 0 ? 0 : k < depth ? k : depth, end = k + n < depth ? k + n : depth;
    return {rows + first * next, row, next, end > first ? end - first : 0, packed + first * width};
  }
};

template <class T>
constexpr Factor<T> kNothing{nullptr, 0, 0, 0, {}};

// Column i of COLUMNS at one k.
template <int COLUMNS, class T>
inline __attribute__((always_inline)) Vec<T> column(const T* packed, int i) {
  return load(packed + i * kLanes<T>);
}

template <int COLUMNS>
inline __attribute__((always_inline)) Vec<float> column(const Half* packed, int i) {
  if (i == COLUMNS - 1 && COLUMNS % 2) return load(packed + i * kLanes<float>);
  Bits pair;
  std::memcpy(&pair, packed + i / 2 * 2 * kLanes<float>, sizeof pair);
  return (Vec<float>)(i % 2 ? pair & 0xffff0000u : pair << 16);
}

// Accumulators of a tile: a column each, and one more if the last columns of the two factors stay apart, the second
// factor's then the first factor's.
constexpr int width_of(int columns, bool apart) { return columns + apart; }

// sum[r][i] += rows . packed[:, i], the last column's in sum[r][LAST], for the rows from `a` on. `ahead` is wanted soon: a
// line of it is asked for at every k.
template <class T, class S, int COLUMNS, int ROWS, int WIDTH, int LAST>
inline __attribute__((always_inline)) void accumulate(Vec<T> (&sum)[ROWS][WIDTH], const Factor<T>& f, const T* a,
                                                      const char*& ahead) {
  const S* packed = reinterpret_cast<const S*>(f.packed.at);
  for (int64_t k = 0; k < f.depth; ++k, a += f.next, packed += COLUMNS * kLanes<T>, ahead += kLine) {
    __builtin_prefetch(ahead, 0, 2);
    if constexpr (COLUMNS <= ROWS) {  // the smaller side is held in registers, the other streams through one
      Vec<T> w[COLUMNS];
      UNROLL
      for (int i = 0; i < COLUMNS; ++i) w[i] = column<COLUMNS>(packed, i);
      UNROLL
      for (int r = 0; r < ROWS; ++r) {
        const Vec<T> x = broadcast(a[r * f.row]);
        UNROLL
        for (int i = 0; i < COLUMNS; ++i) {
          Vec<T>& s = sum[r][i < COLUMNS - 1 ? i : LAST];
          s = fma(x, w[i], s);
        }
      }
    } else {
      Vec<T> x[ROWS];
      UNROLL
      for (int r = 0; r < ROWS; ++r) x[r] = broadcast(a[r * f.row]);
      UNROLL
      for (int i = 0; i < COLUMNS; ++i) {
        const Vec<T> w = column<COLUMNS>(packed, i);
        UNROLL
        for (int r = 0; r < ROWS; ++r) {
          Vec<T>& s = sum[r][i < COLUMNS - 1 ? i : LAST];
          s = fma(x[r], w, s);
        }
      }
    }
  }
}

// Memory that is written after a product: a line of the cache a row. The cores would otherwise wait for it to be theirs.
struct Line {
  const char* first;
  int64_t row_bytes;
};

struct Lines {
  static constexpr int kMost = 16;
  Line each[kMost];
  int count = 0;

  // `tiles` vectors of each row from `first` on.
  template <class T>
  void add(const T* first, int64_t row, int tiles) {
    for (int at = 0; at < tiles * kVectorBytes && count < kMost; at += kLine)
      each[count++] = {reinterpret_cast<const char*>(first) + at, row * static_cast<int64_t>(sizeof(T))};
  }
};

constexpr Lines kNoLines{};

// acc = start + both factors' products, of one stretch of k for all rows; start_row 0: all rows start from the same numbers.
template <class T>
struct Stretch {
  const T* start;
  int64_t start_row;
  T* acc;
  Factor<T> first, second;
  Packed<T> ahead;                              // the columns that are met next
  const Line *lines = nullptr, *end = nullptr;  // what is asked for meanwhile
};

// The same for `blocks` times ROWS rows of a tile, from `row` on.
template <class T, class S, int COLUMNS, int ROWS, bool APART>
__attribute__((noinline)) void product(const Stretch<T>& s, int64_t row, int64_t blocks) {
  constexpr int W = width_of(COLUMNS, APART);
  const Factor<T> first = s.first, second = s.second;
  const int64_t start_row = s.start_row;
  const T *start = s.start + row * start_row, *a = first.rows + row * first.row, *b = second.rows + row * second.row;
  T* acc = s.acc + row * W * kLanes<T>;
  const char* ahead = s.ahead.at + row / ROWS * (first.depth + second.depth) * kLine;
  for (; blocks > 0; --blocks, row += ROWS) {
    for (const Line* line = s.lines; line != s.end; ++line)
      UNROLL
      for (int r = 0; r < ROWS; ++r) __builtin_prefetch(line->first + (row + r) * line->row_bytes, 1, 3);
    Vec<T> sum[ROWS][W];
    UNROLL
    for (int r = 0; r < ROWS; ++r)
      UNROLL
      for (int i = 0; i < W; ++i) sum[r][i] = load(start + r * start_row + i * kLanes<T>);
    accumulate<T, S, COLUMNS, ROWS, W, W - 1>(sum, first, a, ahead);
    accumulate<T, S, COLUMNS, ROWS, W, COLUMNS - 1>(sum, second, b, ahead);
    UNROLL
    for (int r = 0; r < ROWS; ++r)
      UNROLL
      for (int i = 0; i < W; ++i) store(acc + (r * W + i) * kLanes<T>, sum[r][i]);
    start += ROWS * start_row, acc += ROWS * W * kLanes<T>, a += ROWS * first.row, b += ROWS * second.row;
  }
}

template <class T, class S, int COLUMNS, int GROUPS, int WIDTH, int LAST>
inline __attribute__((always_inline)) void accumulate_row(Vec<T> (&sum)[GROUPS][WIDTH], const Factor<T>& f) {
  const int64_t next_group = f.depth * COLUMNS * kLanes<T>;
  const S* packed = reinterpret_cast<const S*>(f.packed.at);
  for (int64_t k = 0; k < f.depth; ++k, packed += COLUMNS * kLanes<T>) {
    const Vec<T> x = broadcast(f.rows[k]);
    UNROLL
    for (int g = 0; g < GROUPS; ++g)
      UNROLL
      for (int i = 0; i < COLUMNS; ++i) {
        Vec<T>& s = sum[g][i < COLUMNS - 1 ? i : LAST];
        s = fma(x, column<COLUMNS>(packed + g * next_group, i), s);
      }
  }
}

// One row against GROUPS groups side by side: a single group would leave too few chains to hide the latency of
// the multiply-add.
template <class T, class S, int COLUMNS, int GROUPS, bool APART>
__attribute__((noinline)) void product_of_row(const T* start, T* acc, const Factor<T>& first, const Factor<T>& second) {
  constexpr int W = width_of(COLUMNS, APART);
  Vec<T> sum[GROUPS][W];
  UNROLL
  for (int g = 0; g < GROUPS; ++g)
    UNROLL
    for (int i = 0; i < W; ++i) sum[g][i] = load(start + (g * W + i) * kLanes<T>);
  accumulate_row<T, S, COLUMNS, GROUPS, W, W - 1>(sum, first);
  accumulate_row<T, S, COLUMNS, GROUPS, W, COLUMNS - 1>(sum, second);
  UNROLL
  for (int g = 0; g < GROUPS; ++g)
    UNROLL
    for (int i = 0; i < W; ++i) store(acc + (g * W + i) * kLanes<T>, sum[g][i]);
}

template <class T, class S, int COLUMNS, bool APART, int ROWS = kMaxRows[width_of(COLUMNS, APART)]>
inline void product_of_blocks(int each, const Stretch<T>& s, int64_t row, int64_t blocks) {
  if constexpr (ROWS > 1)
    if (each < ROWS) return product_of_blocks<T, S, COLUMNS, APART, ROWS - 1>(each, s, row, blocks);
  product<T, S, COLUMNS, ROWS, APART>(s, row, blocks);
}

// The product for `blocks` blocks of `each` rows of a group, from `row` on.
template <class T, class S, int GATES, bool APART>
inline void product_of_group(int tiles, int each, const Stretch<T>& s, int64_t row, int64_t blocks) {
  if (!blocks) return;
  if constexpr (GATES > 2) return product_of_blocks<T, S, GATES, APART>(each, s, row, blocks);
  else
    switch (tiles * GATES) {
      case 1: return product_of_blocks<T, S, 1, false>(each, s, row, blocks);
      case 2: return product_of_blocks<T, S, 2, false>(each, s, row, blocks);
      case 3: return product_of_blocks<T, S, 3, false>(each, s, row, blocks);
      default: return product_of_blocks<T, S, 4, false>(each, s, row, blocks);
    }
}

// acc = start + both factors' products, for rows times a run of `tiles` tiles of GATES gates. A run longer than one
// packed group has one row. All blocks of rows pass over one stretch of k before the next: it stays in the
// first-level cache meanwhile.
template <class T, int GATES, bool APART = false>
void multiply(int tiles, int rows, const T* start, int64_t start_row, T* acc, Factor<T> first, Factor<T> second,
              const Lines& written = kNoLines) {
  static_assert(!APART || tiles_per_group(GATES) == 1);
  constexpr int most = tiles_per_group(GATES), columns_of_group = most * GATES;
  constexpr int64_t group_width = width_of(columns_of_group, APART) * kLanes<T>;
  const bool halves = first.packed.halves || second.packed.halves;
  while (tiles > most) {
    const int groups = columns_of_group == 3 && tiles >= 3 ? 3 : tiles >= 2 * most ? 2 : 1;
    with_storage<T>(halves, [&]<class S>(S) {
      if (groups == 3)
        product_of_row<T, S, 3, 3, APART && GATES == 3>(start, acc, first, second);
      else if (groups == 2)
        product_of_row<T, S, columns_of_group, 2, APART>(start, acc, first, second);
      else
        product<T, S, columns_of_group, 1, APART>(Stretch<T>{start, 0, acc, first, second, second.packed}, 0, 1);
    });
    tiles -= groups * most;
    start += groups * group_width;
    acc += groups * group_width;
    first.packed = first.packed + groups * columns_of_group * kLanes<T> * first.depth;
    second.packed = second.packed + groups * columns_of_group * kLanes<T> * second.depth;
  }
  const int columns = tiles * GATES, width = width_of(columns, APART);
  if (!columns) return;
  const int64_t depth = first.depth + second.depth, row_size = width * kLanes<T>, k_size = columns * kLanes<T>;
  const int64_t stretch = unrolled_stretch_bytes[kVectorBytes > 32] / (k_size * static_cast<int64_t>(halves ? sizeof(Half) : sizeof(T)));
  const int blocks = (rows + kMaxRows[width] - 1) / kMaxRows[width], each = rows / blocks, longer = rows % blocks;
  const int64_t stretches = depth ? (depth + stretch - 1) / stretch : 1;
  int64_t k = 0;
  for (int64_t i = 0; i < stretches; ++i) {
    const int64_t next = k + stretch;
    const Packed<T> ahead = next < first.depth ? first.packed + next * k_size
                            : next < depth     ? second.packed + (next - first.depth) * k_size
                            : first.depth      ? first.packed + first.depth * k_size  // the next group's
                                               : second.packed + second.depth * k_size;
    const Stretch<T> s{start, start_row, acc, first.part(k, stretch, k_size),
                       second.part(k - first.depth, stretch, k_size), ahead, written.each + written.count * i / stretches,
                       written.each + written.count * (i + 1) / stretches};
    with_storage<T>(halves, [&]<class S>(S) {
      product_of_group<T, S, GATES, APART>(tiles, each + 1, s, 0, longer);
      product_of_group<T, S, GATES, APART>(tiles, each, s, longer * (each + 1), blocks - longer);
    });
    start = acc, start_row = row_size;
    k = next;
  }
}

// A run of units worked on together. For a single row it spans several packed groups, to have enough independent work
// in flight.
struct Group {
  int64_t first_unit;
  int tiles;

  // Where its columns begin in a matrix packed with so many gates and so deep; first_unit is a whole number of vectors.
  template <class Matrix>
  Matrix in(Matrix packed, int gates, int64_t depth) const {
    return packed + first_unit * gates * depth;
  }
};

// Whole groups, whatever the number of gates.
template <class T>
constexpr int kUnitsTogether = tiles_per_group(1) * kLanes<T>;

// Calls body(group) for all runs of units [first_unit, last_unit) with GATES gates, in order; the first one begins a
// group.
template <class T, int GATES, class Body>
inline void for_each_group(int64_t first_unit, int64_t last_unit, bool single_row, Body&& body) {
  constexpr int most = tiles_per_group(GATES), longest = kScratchVectors / kMaxColumns / most * most;
  const int64_t tiles = (last_unit + kLanes<T> - 1) / kLanes<T>;
  const int64_t run = single_row ? longest : most;
  for (int64_t first = first_unit / kLanes<T>; first < tiles; first += run)
    body(Group{first * kLanes<T>, static_cast<int>(tiles - first < run ? tiles - first : run)});
}

template <class T>
int64_t packed_size(int64_t gates, int64_t units, int64_t depth) {
  return (units + kLanes<T> - 1) / kLanes<T> * kLanes<T> * gates * depth;
}

// out[k * columns + lane * step] = in[lane * unit_stride + k * k_stride] for one vector of units, zero past the last one.
template <class T, class S>
inline void pack_columns(const T* in, int64_t unit_stride, int64_t k_stride, int64_t units, int64_t depth, S* out,
                         int64_t columns, int step) {
  const auto stored = [](T x) -> S {
    if constexpr (sizeof(S) < sizeof(T)) return half_of(x);
    else return x;
  };
  if constexpr (sizeof(S) == sizeof(T))
    if (unit_stride == 1) {
      for (int64_t k = 0; k < depth; ++k) store(out + k * columns, load_some(in + k * k_stride, units));
      return;
    }
  if (units >= kLanes<T>)
    for (int64_t k = 0; k < depth; ++k)
      for (int lane = 0; lane < kLanes<T>; ++lane)
        out[k * columns + lane * step] = stored(in[lane * unit_stride + k * k_stride]);
  else
    for (int64_t k = 0; k < depth; ++k)
      for (int lane = 0; lane < kLanes<T>; ++lane)
        out[k * columns + lane * step] = lane < units ? stored(in[lane * unit_stride + k * k_stride]) : S(0);
}

template <class T, class S>
void pack_as(const Packing& p, S* packed, int part, int parts) {
  const T* source = static_cast<const T*>(p.source);
  const int most = tiles_per_group(static_cast<int>(p.gates));
  const int64_t tiles = (p.units + kLanes<T> - 1) / kLanes<T>, groups = (tiles + most - 1) / most;
  const int64_t begin = groups * part / parts * most, end = groups * (part + 1) / parts * most;
  packed += begin * p.gates * kLanes<T> * p.total_depth;
  for (int64_t first = begin; first < (end < tiles ? end : tiles); first += most) {
    const int64_t count = (tiles - first < most ? tiles - first : most) * p.gates, columns = count * kLanes<T>;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t unit = (first + i / p.gates) * kLanes<T>;
      const T* in = source + i % p.gates * p.gate_stride + unit * p.unit_stride;
      const bool paired = sizeof(S) < sizeof(T) && (i | 1) < count;
      S* out = packed + p.first_k * columns + (paired ? i / 2 * 2 * kLanes<T> + i % 2 : i * kLanes<T>);
      pack_columns(in, p.unit_stride, p.k_stride, p.units - unit, p.depth, out, columns, paired ? 2 : 1);
    }
    packed += p.total_depth * columns;
  }
}

// One part of the groups.
template <class T>
void pack(const Packing& p, void* packed, int part, int parts) {
  with_storage<T>(p.halves, [&]<class S>(S) { pack_as<T>(p, static_cast<S*>(packed), part, parts); });
}

template <class T>
void pack_biases(const Biases& p, T* packed) {
  const T* input = static_cast<const T*>(p.input);
  const T* recurrent = static_cast<const T*>(p.recurrent);
  const auto value = [&](const T* bias, int64_t gate, int64_t unit) {
    const int64_t own = gate - p.first;
    return bias && unit < p.units && own >= 0 && own < p.count ? bias[own * p.units + unit] : T(0);
  };
  for (int64_t first = 0; first < p.units; first += kLanes<T>)
    for (int64_t gate = 0; gate < p.gates + p.apart; ++gate)
      for (int64_t unit = first; unit < first + kLanes<T>; ++unit)
        *packed++ = gate == p.gates                    ? value(input, gate - 1, unit)
                    : p.apart && gate == p.gates - 1 ? value(recurrent, gate, unit)
                                                       : value(input, gate, unit) + value(recurrent, gate, unit);
}

}  // namespace
