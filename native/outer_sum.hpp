// Sums of outer products over the rows of all steps: gradients of matrices, from those of what the matrices produce.
#pragma once

#include "flush.hpp"
#include "block.hpp"

namespace {

// Rows of both factors and columns of the right one that are worked on together, to stay in the second-level cache; rows of
// such a panel lie a line apart, as a power of two between them would leave most sets of the first-level cache unused.
constexpr int64_t kPanelRows = 256, kPanelColumns = 256;
template <class T>
constexpr int64_t kPanelRow = kPanelColumns + kLine / static_cast<int64_t>(sizeof(T));

// Columns of the left factor that are worked on together.
template <class T>
constexpr int kColumns = tiles_per_group(1) * kLanes<T>;

// What reading and packing a run of the left factor's columns costs, in columns of the right one.
constexpr int64_t kRunCost = 8;

// Rows of the left factor and, in a state, the rows before them; both lie one after the other.
struct Pairs {
  int64_t first, rows;
  bool initial;  // the state is the initial one
  int64_t before;

  bool continues(const Pairs& last) const {
    return first == last.first + last.rows && initial == last.initial && before == last.before + last.rows;
  }
};

// Calls body(pairs) for all rows, as many at a time as possible.
template <class Body>
inline void for_each_pairs(const Sequences& s, bool states, Body&& body) {
  if (!states) return body(Pairs{0, s.offsets[s.steps], false, 0});
  Pairs waiting{};
  const auto add = [&](const Pairs& next) {
    if (!next.rows) return;
    if (waiting.rows && next.continues(waiting)) {
      waiting.rows += next.rows;
      return;
    }
    if (waiting.rows) body(waiting);
    waiting = next;
  };
  for (int64_t t = 0; t < s.steps; ++t) {
    const Step step = step_at(s, t);
    add({step.first, step.before_rows, false, step.before});
    add({step.first + step.before_rows, step.rows - step.before_rows, true, step.before_rows});
  }
  if (waiting.rows) body(waiting);
}

// A run of the left factor's columns times some columns of each right factor. It is summed with the right factor's
// columns across, so that vectors hold columns of the left one, and turned in the end.
template <class T>
struct Piece {
  const OuterSegment* segment;
  int64_t run, column, columns;  // of the left factor; `run` counts from the segment's first one
  int tiles;
  int64_t from[kOuterFactors], to[kOuterFactors];
  bool totals;
  T *sums[kOuterFactors], *total, *packed;
};

// Calls body(piece) for one part's pieces, whose memory is cut from `work`; returns how many numbers they take there.
template <class T, class Body>
inline int64_t for_each_piece(const OuterSums& o, int part, int parts, T* work, Body&& body) {
  int64_t used = 0;
  const auto cut = [&](int64_t count) {
    T* piece = work ? work + used : nullptr;
    used += count;
    return piece;
  };
  const auto width_of_run = [&](const OuterSegment& s) {
    int64_t width = kRunCost;
    for (int f = 0; f < kOuterFactors; ++f)
      if (s.factors[f]) width += s.factors[f]->width;
    return width;
  };
  const auto runs = [](const OuterSegment& s) { return (s.columns + kColumns<T> - 1) / kColumns<T>; };
  int64_t all = 0, at = 0;
  for (int64_t i = 0; i < o.count; ++i) all += runs(o.segments[i]) * width_of_run(o.segments[i]);
  const int64_t begin = all * part / parts, end = all * (part + 1) / parts;
  for (int64_t i = 0; i < o.count; ++i) {
    const OuterSegment& s = o.segments[i];
    for (int64_t run = 0; run < runs(s); ++run, at += width_of_run(s)) {
      if (at + width_of_run(s) <= begin || at >= end) continue;
      const int64_t first = run * kColumns<T>;
      Piece<T> p{&s, run, s.first + first, smaller(kColumns<T>, s.columns - first), 0, {}, {}, false, {}, nullptr, nullptr};
      p.tiles = static_cast<int>((p.columns + kLanes<T> - 1) / kLanes<T>);
      p.totals = at >= begin;  // the part that has a run's first unit of work
      int64_t unit = at + kRunCost;
      for (int f = 0; f < kOuterFactors; ++f) {
        const int64_t width = s.factors[f] ? s.factors[f]->width : 0;
        p.from[f] = smaller(larger(begin - unit, 0), width), p.to[f] = smaller(larger(end - unit, 0), width);
        unit += width;
        p.sums[f] = cut((p.to[f] - p.from[f]) * p.tiles * kLanes<T>);
      }
      p.total = cut(kColumns<T>);
      p.packed = cut(kPanelRows * kColumns<T>);
      body(p);
    }
  }
  return used;
}

// Lays out rows of a run's columns one after the other and adds them up.
template <class T, int TILES>
inline void pack_run(const T* a, int64_t a_row, int64_t rows, const Piece<T>& p) {
  constexpr int L = kLanes<T>;
  Vec<T> total[TILES];
  UNROLL
  for (int i = 0; i < TILES; ++i) total[i] = load(p.total + i * L);
  T* to = p.packed;
  for (int64_t r = 0; r < rows; ++r, a += a_row, to += TILES * L) {
    UNROLL
    for (int i = 0; i < TILES; ++i) {
      const Vec<T> values = i < TILES - 1 ? load(a + i * L) : load_some(a + i * L, p.columns - i * L);
      store(to + i * L, values);
      total[i] += values;
    }
  }
  UNROLL
  for (int i = 0; i < TILES; ++i) store(p.total + i * L, total[i]);
}

template <class T>
inline void pack_run(const T* a, int64_t a_row, int64_t rows, const Piece<T>& p) {
  switch (p.tiles) {
    case 1: return pack_run<T, 1>(a, a_row, rows, p);
    case 2: return pack_run<T, 2>(a, a_row, rows, p);
    case 3: return pack_run<T, 3>(a, a_row, rows, p);
    default: return pack_run<T, 4>(a, a_row, rows, p);
  }
}

// Adds the products of the packed rows with `b`, rows of a right factor; `panel` holds a part of them.
template <class T, class Pieces>
inline void add_products(const Pieces& pieces, const OuterFactor& factor, const T* b, int64_t b_row, int64_t rows,
                         T* panel) {
  for (int64_t across = 0; across < factor.width; across += kPanelColumns) {
    const int64_t width = smaller(kPanelColumns, factor.width - across);
    bool copied = factor.width <= kPanelColumns;
    pieces([&](const Piece<T>& p) {
      for (int f = 0; f < kOuterFactors; ++f) {
        if (p.segment->factors[f] != &factor) continue;
        const int64_t from = larger(p.from[f], across), to = smaller(p.to[f], across + width);
        if (from >= to) continue;
        if (!copied)
          for (int64_t r = 0; r < rows; ++r) std::memcpy(panel + r * kPanelRow<T>, b + r * b_row + across, sizeof(T) * width);
        copied = true;
        const T* start = factor.width <= kPanelColumns ? b + from : panel + (from - across);
        const int64_t row = factor.width <= kPanelColumns ? b_row : kPanelRow<T>;
        T* sum = p.sums[f] + (from - p.from[f]) * p.tiles * kLanes<T>;
        multiply<T, 1>(p.tiles, static_cast<int>(to - from), sum, p.tiles * kLanes<T>, sum, kNothing<T>,
                       {start, 1, row, rows, p.packed});
      }
    });
  }
}

template <class T>
inline void hand_out(const Piece<T>& p) {
  constexpr int L = kLanes<T>;
  const int64_t row = p.run * kColumns<T>;
  for (int f = 0; f < kOuterFactors; ++f) {
    const int64_t width = p.to[f] - p.from[f], columns = p.columns;
    for (int64_t k = 0; k < width; k += L)  // a square at a time: both sides stay in the first-level cache
      for (int64_t c = 0; c < columns; ++c) {
        T* to = at<T>(p.segment->sums[f], row + c, p.segment->factors[f]->width) + p.from[f] + k;
        const T* from = p.sums[f] + k * p.tiles * L + c;
        const int64_t count = smaller(L, width - k);
        if (count == L)
          for (int i = 0; i < L; ++i) to[i] = from[i * p.tiles * L];
        else
          for (int64_t i = 0; i < count; ++i) to[i] = from[i * p.tiles * L];
      }
  }
  for (void* total : p.segment->totals)
    if (total && p.totals) std::memcpy(at<T>(total, row, 1), p.total, sizeof(T) * p.columns);
}

// Numbers of work space that a part needs.
template <class T>
int64_t outer_sums_work(const OuterSums& o, int part, int parts) {
  return kPanelRows * kPanelRow<T> + for_each_piece<T>(o, part, parts, nullptr, [](const Piece<T>&) {});
}

// One part of the work.
template <class T>
void outer_sums(const OuterSums& o, int part, int parts, void* work) {
  const FlushToZero guard;
  T* panel = static_cast<T*>(work);
  T* sums = panel + kPanelRows * kPanelRow<T>;
  const auto pieces = [&](auto&& body) { return for_each_piece<T>(o, part, parts, sums, body); };
  pieces([&](const Piece<T>& p) {
    for (int f = 0; f < kOuterFactors; ++f)
      std::memset(p.sums[f], 0, sizeof(T) * (p.to[f] - p.from[f]) * p.tiles * kLanes<T>);
    std::memset(p.total, 0, sizeof(T) * kColumns<T>);
  });
  bool states = false;
  for (const OuterFactor& factor : o.factors) states = states || factor.initial;
  for_each_pairs(o.sequences, states, [&](const Pairs& pairs) {
    for (int64_t done = 0; done < pairs.rows; done += kPanelRows) {
      const int64_t rows = smaller(kPanelRows, pairs.rows - done), first = pairs.first + done;
      pieces([&](const Piece<T>& p) { pack_run<T>(at<T>(o.a, first, o.a_row) + p.column, o.a_row, rows, p); });
      for (const OuterFactor& factor : o.factors) {
        const bool initial = factor.initial && pairs.initial;
        const int64_t row = factor.initial ? pairs.before + done : first, b_row = initial ? factor.width : factor.row;
        const T* b = at<T>(initial ? factor.initial : factor.rows, row, b_row);
        add_products<T>(pieces, factor, b, b_row, rows, panel);
      }
    }
  });
  pieces(hand_out<T>);
}

}  // namespace
