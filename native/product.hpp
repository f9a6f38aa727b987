// The product at the heart of every step: a block of rows times a tile of packed columns.
//
// Packed layout: units are cut into groups of `tiles` vectors; within a group the values of one k lie together,
// tile by tile and gate by gate: [group][K][tiles * gates][lanes]. One group is one product call, its
// tiles * gates columns of vectors staying in registers while k runs.
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
constexpr int kRowsTogether = 48;
constexpr int kScratchVectors = kRowsTogether * kMaxColumns;
template <class T>
constexpr int kScratch = kScratchVectors * kLanes<T>;

// Packed weights that pass through the first-level cache at a time: half of the smallest such cache.
constexpr int kStretchBytes = 16384;

// Calls body(first, count) for rows [first, last), at most kRowsTogether at a time.
template <class Body>
inline void for_each_rows(int64_t first, int64_t last, Body&& body) {
  for (; first < last; first += kRowsTogether)
    body(first, static_cast<int>(last - first < kRowsTogether ? last - first : kRowsTogether));
}

// Loops over registers must be gone before the compiler decides what lives in memory.
#define UNROLL _Pragma("GCC unroll 16")

constexpr int tiles_per_group(int gates) { return gates == 1 ? 4 : gates == 2 ? 2 : 1; }

// acc[r][i] += a[r, :] . packed[:, i], with acc as rows of COLUMNS vectors.
template <class T, int COLUMNS, int ROWS>
__attribute__((noinline)) void product(T* acc, const T* a, int64_t a_row, int64_t depth, const T* packed) {
  Vec<T> sum[ROWS][COLUMNS];
  UNROLL
  for (int r = 0; r < ROWS; ++r)
    UNROLL
    for (int i = 0; i < COLUMNS; ++i) sum[r][i] = load(acc + (r * COLUMNS + i) * kLanes<T>);
  for (int64_t k = 0; k < depth; ++k) {
    if constexpr (COLUMNS <= ROWS) {  // the smaller side is held in registers, the other streams through one
      Vec<T> w[COLUMNS];
      UNROLL
      for (int i = 0; i < COLUMNS; ++i) w[i] = load(packed + i * kLanes<T>);
      UNROLL
      for (int r = 0; r < ROWS; ++r) {
        const Vec<T> x = broadcast(a[r * a_row + k]);
        UNROLL
        for (int i = 0; i < COLUMNS; ++i) sum[r][i] = fma(x, w[i], sum[r][i]);
      }
    } else {
      Vec<T> x[ROWS];
      UNROLL
      for (int r = 0; r < ROWS; ++r) x[r] = broadcast(a[r * a_row + k]);
      UNROLL
      for (int i = 0; i < COLUMNS; ++i) {
        const Vec<T> w = load(packed + i * kLanes<T>);
        UNROLL
        for (int r = 0; r < ROWS; ++r) sum[r][i] = fma(x[r], w, sum[r][i]);
      }
    }
    packed += COLUMNS * kLanes<T>;
  }
  UNROLL
  for (int r = 0; r < ROWS; ++r)
    UNROLL
    for (int i = 0; i < COLUMNS; ++i) store(acc + (r * COLUMNS + i) * kLanes<T>, sum[r][i]);
}

// One row against GROUPS groups side by side: a single group would leave too few chains to hide the latency of
// the multiply-add.
template <class T, int COLUMNS, int GROUPS>
__attribute__((noinline)) void product_of_row(T* acc, const T* a, int64_t depth, const T* packed) {
  const int64_t next_group = depth * COLUMNS * kLanes<T>;
  Vec<T> sum[GROUPS][COLUMNS];
  UNROLL
  for (int g = 0; g < GROUPS; ++g)
    UNROLL
    for (int i = 0; i < COLUMNS; ++i) sum[g][i] = load(acc + (g * COLUMNS + i) * kLanes<T>);
  for (int64_t k = 0; k < depth; ++k) {
    const Vec<T> x = broadcast(a[k]);
    UNROLL
    for (int g = 0; g < GROUPS; ++g)
      UNROLL
      for (int i = 0; i < COLUMNS; ++i)
        sum[g][i] = fma(x, load(packed + g * next_group + i * kLanes<T>), sum[g][i]);
    packed += COLUMNS * kLanes<T>;
  }
  UNROLL
  for (int g = 0; g < GROUPS; ++g)
    UNROLL
    for (int i = 0; i < COLUMNS; ++i) store(acc + (g * COLUMNS + i) * kLanes<T>, sum[g][i]);
}

template <class T, int COLUMNS>
inline void product_of_block(int rows, T* acc, const T* a, int64_t a_row, int64_t depth, const T* packed) {
  switch (rows) {
    case 1: return product<T, COLUMNS, 1>(acc, a, a_row, depth, packed);
    case 2: return product<T, COLUMNS, 2>(acc, a, a_row, depth, packed);
    case 3: return product<T, COLUMNS, 3>(acc, a, a_row, depth, packed);
    case 4:
      if constexpr (kMaxRows[COLUMNS] >= 4) return product<T, COLUMNS, 4>(acc, a, a_row, depth, packed);
      break;
    case 5:
      if constexpr (kMaxRows[COLUMNS] >= 5) return product<T, COLUMNS, 5>(acc, a, a_row, depth, packed);
      break;
    case 6:
      if constexpr (kMaxRows[COLUMNS] >= 6) return product<T, COLUMNS, 6>(acc, a, a_row, depth, packed);
      break;
    case 7:
      if constexpr (kMaxRows[COLUMNS] >= 7) return product<T, COLUMNS, 7>(acc, a, a_row, depth, packed);
      break;
    default:
      if constexpr (kMaxRows[COLUMNS] >= 8) return product<T, COLUMNS, 8>(acc, a, a_row, depth, packed);
  }
}

template <class T, int COLUMNS_PER_TILE>
inline void product_of_group(int tiles, int rows, T* acc, const T* a, int64_t a_row, int64_t depth, const T* packed) {
  switch (tiles * COLUMNS_PER_TILE) {
    case 1: return product_of_block<T, 1>(rows, acc, a, a_row, depth, packed);
    case 2: return product_of_block<T, 2>(rows, acc, a, a_row, depth, packed);
    case 3: return product_of_block<T, 3>(rows, acc, a, a_row, depth, packed);
    default: return product_of_block<T, 4>(rows, acc, a, a_row, depth, packed);
  }
}

// Calls body(first, count) for blocks of nearly equal size that fit the registers.
template <class Body>
inline void for_each_block(int rows, int columns, Body&& body) {
  const int blocks = (rows + kMaxRows[columns] - 1) / kMaxRows[columns];
  for (int i = 0, row = 0; i < blocks; ++i) {
    const int count = rows / blocks + (i < rows % blocks);
    body(row, count);
    row += count;
  }
}

// acc += rows of a times a run of `tiles` tiles of GATES gates. A run longer than one packed group has one row.
// All blocks of rows pass over one stretch of k before the next: it stays in the first-level cache meanwhile.
template <class T, int GATES>
void multiply(int tiles, int rows, T* acc, const T* a, int64_t a_row, int64_t depth, const T* packed) {
  constexpr int most = tiles_per_group(GATES), widest = most * GATES;
  while (tiles > most) {
    const int groups = widest == 3 && tiles >= 3 * most ? 3 : tiles >= 2 * most ? 2 : 1;
    if (groups == 3)
      product_of_row<T, 3, 3>(acc, a, depth, packed);
    else if (groups == 2)
      product_of_row<T, widest, 2>(acc, a, depth, packed);
    else
      product<T, widest, 1>(acc, a, a_row, depth, packed);
    tiles -= groups * most;
    acc += groups * widest * kLanes<T>;
    packed += groups * widest * kLanes<T> * depth;
  }
  const int columns = tiles * GATES, width = columns * kLanes<T>;
  if (!columns) return;
  const int64_t stretch = kStretchBytes / (width * static_cast<int>(sizeof(T)));
  for (int64_t k = 0; k < depth; k += stretch) {
    const int64_t n = depth - k < stretch ? depth - k : stretch;
    for_each_block(rows, columns, [&](int row, int count) {
      product_of_group<T, GATES>(tiles, count, acc + row * width, a + row * a_row + k, a_row, n, packed + k * width);
    });
  }
}

// A run of units worked on together: its first unit, its number of vector tiles, its packed weights. For a
// single row it spans several packed groups, to have enough independent work in flight.
template <class T>
struct Group {
  int64_t first_unit;
  int tiles;
  const T* packed;
};

// Calls body(group) for all runs of `units` units with GATES gates and depth `depth`, in order.
template <class T, int GATES, class Body>
inline void for_each_group(int64_t units, int64_t depth, const T* packed, bool single_row, Body&& body) {
  constexpr int most = tiles_per_group(GATES), longest = kScratchVectors / GATES / most * most;
  const int64_t tiles = (units + kLanes<T> - 1) / kLanes<T>;
  const int64_t run = single_row ? longest : most;
  for (int64_t first = 0; first < tiles; first += run) {
    const int64_t count = tiles - first < run ? tiles - first : run;
    body(Group<T>{first * kLanes<T>, static_cast<int>(count), packed});
    packed += depth * count * GATES * kLanes<T>;
  }
}

template <class T>
int64_t packed_size(int64_t gates, int64_t units, int64_t depth) {
  return (units + kLanes<T> - 1) / kLanes<T> * kLanes<T> * gates * depth;
}

template <class T>
void pack(const Packing& p, T* packed) {
  const T* source = static_cast<const T*>(p.source);
  const int most = tiles_per_group(static_cast<int>(p.gates));
  const int64_t tiles = (p.units + kLanes<T> - 1) / kLanes<T>;
  for (int64_t first = 0; first < tiles; first += most) {
    const int64_t count = tiles - first < most ? tiles - first : most;
    const int64_t columns = count * p.gates * kLanes<T>;
    for (int64_t tile = 0; tile < count; ++tile)
      for (int64_t gate = 0; gate < p.gates; ++gate)
        for (int64_t lane = 0; lane < kLanes<T>; ++lane) {
          const int64_t unit = (first + tile) * kLanes<T> + lane;
          T* out = packed + p.first_k * columns + (tile * p.gates + gate) * kLanes<T> + lane;
          const T* in = source + gate * p.gate_stride + unit * p.unit_stride;
          for (int64_t k = 0; k < p.depth; ++k) out[k * columns] = unit < p.units ? in[k * p.k_stride] : T(0);
        }
    packed += p.total_depth * columns;
  }
}

// Rows of a dense layer: the same product, started from the bias.
template <class T>
void dense(const Dense& d, int64_t first_row, int64_t last_row) {
  const T* bias = static_cast<const T*>(d.bias);
  const T* x = static_cast<const T*>(d.x);
  T* out = static_cast<T*>(d.out);
  const bool single = last_row - first_row == 1;
  for_each_group<T, 1>(d.outputs, d.inputs, static_cast<const T*>(d.weight), single, [&](const Group<T>& group) {
    alignas(64) T start[kScratch<T>];
    const int64_t units = d.outputs - group.first_unit;
    for (int i = 0; i < group.tiles; ++i) {
      const int64_t at = i * kLanes<T>;
      store(start + at, bias ? load_some(bias + group.first_unit + at, units - at) : Vec<T>{});
    }
    for_each_rows(first_row, last_row, [&](int64_t row, int rows) {
      alignas(64) T acc[kScratch<T>];
      const int width = group.tiles * kLanes<T>;
      for (int r = 0; r < rows; ++r) std::memcpy(acc + r * width, start, width * sizeof(T));
      multiply<T, 1>(group.tiles, rows, acc, x + row * d.x_row, d.x_row, d.inputs, group.packed);
      for (int r = 0; r < rows; ++r)
        for (int i = 0; i < group.tiles; ++i)
          store_some(out + (row + r) * d.out_row + group.first_unit + i * kLanes<T>,
                     load(acc + r * width + i * kLanes<T>), units - i * kLanes<T>);
    });
  });
}

}  // namespace
