// Sums of outer products over the rows of all steps: gradients of matrices, from those of what the matrices produce.
#pragma once

#include "flush.hpp"
#include "block.hpp"

namespace {

// Rows of both factors and columns of the right one that are worked on together, to stay in the second-level cache.
constexpr int64_t kPanelRows = 128, kPanelColumns = 128;

// Columns of the left factor that are worked on together.
template <class T>
constexpr int kColumns = tiles_per_group(1) * kLanes<T>;

// Rows of both factors that lie one after the other.
template <class T>
struct Pairs {
  int64_t a_first;
  const T* b;
  int64_t b_row, rows;

  bool continues(const Pairs& before) const {
    return a_first == before.a_first + before.rows && b_row == before.b_row && b == before.b + before.rows * b_row;
  }
};

// Calls body(pairs) for all rows, as many at a time as lie one after the other. With `before` the right factor of a
// row is the state before it, from `b` or from the initial ones.
template <class T, class Body>
inline void for_each_pairs(const OuterSum& o, Body&& body) {
  const T* b = static_cast<const T*>(o.b);
  const T* initial = static_cast<const T*>(o.initial);
  if (!o.before) return body(Pairs<T>{0, b, o.b_row, o.sequences.offsets[o.sequences.steps]});
  Pairs<T> waiting{};
  const auto add = [&](const Pairs<T>& next) {
    if (!next.rows) return;
    if (waiting.rows && next.continues(waiting)) {
      waiting.rows += next.rows;
      return;
    }
    if (waiting.rows) body(waiting);
    waiting = next;
  };
  for (int64_t t = 0; t < o.sequences.steps; ++t) {
    const Step s = step_at(o.sequences, t);
    add({s.first, b + s.before * o.b_row, o.b_row, s.before_rows});
    add({s.first + s.before_rows, initial + s.before_rows * o.width, o.width, s.rows - s.before_rows});
  }
  if (waiting.rows) body(waiting);
}

// One part's share of the columns of the left factor, in runs of kColumns. A run is summed with the right factor's
// columns across, so that vectors hold columns of the left one, and turned in the end.
template <class T>
struct Share {
  const OuterSum& o;
  int64_t first, runs;
  T *sums, *totals, *packed, *panel;

  static int64_t size(int64_t runs, int64_t width) {
    return runs * kColumns<T> * (width + 1 + kPanelRows) + (width > kPanelColumns ? kPanelRows * kPanelColumns : 0);
  }

  Share(const OuterSum& call, int64_t first_run, int64_t last_run, T* work)
      : o(call), first(first_run), runs(last_run - first_run), sums(work),
        totals(sums + runs * kColumns<T> * o.width), packed(totals + runs * kColumns<T>),
        panel(packed + runs * kColumns<T> * kPanelRows) {
    std::memset(sums, 0, sizeof(T) * runs * kColumns<T> * (o.width + 1));
  }

  // Calls body(run, column, columns, tiles) for every run.
  template <class Body>
  void for_each_run(Body&& body) const {
    for (int64_t run = 0; run < runs; ++run) {
      const int64_t column = (first + run) * kColumns<T>, columns = smaller(kColumns<T>, o.columns - column);
      body(run, column, columns, static_cast<int>((columns + kLanes<T> - 1) / kLanes<T>));
    }
  }

  // Rows of the left factor are read in full, one after the other, and laid out run by run.
  void pack(const T* a, int64_t rows) {
    for (int64_t r = 0; r < rows; ++r, a += o.a_row)
      for_each_run([&](int64_t run, int64_t column, int64_t columns, int tiles) {
        T* to = packed + run * kColumns<T> * kPanelRows + r * tiles * kLanes<T>;
        T* total = totals + run * kColumns<T>;
        for (int64_t i = 0; i < tiles * kLanes<T>; i += kLanes<T>) {
          const Vec<T> values = load_some(a + column + i, columns - i);
          store(to + i, values);
          store(total + i, load(total + i) + values);
        }
      });
  }

  void add(const T* b, int64_t b_row, int64_t rows) {
    for (int64_t across = 0; across < o.width; across += kPanelColumns) {
      const int64_t width = smaller(kPanelColumns, o.width - across);
      Factor<T> right{b + across, 1, b_row, rows, nullptr};
      if (o.width > kPanelColumns) {
        for (int64_t r = 0; r < rows; ++r) std::memcpy(panel + r * width, right.rows + r * b_row, sizeof(T) * width);
        right.rows = panel, right.next = width;
      }
      for_each_run([&](int64_t run, int64_t, int64_t, int tiles) {
        right.packed = packed + run * kColumns<T> * kPanelRows;
        T* sum = sums + run * kColumns<T> * o.width + across * tiles * kLanes<T>;
        multiply<T, 1>(tiles, static_cast<int>(width), sum, tiles * kLanes<T>, sum, kNothing<T>, right);
      });
    }
  }

  void hand_out() const {
    constexpr int L = kLanes<T>;
    for_each_run([&](int64_t run, int64_t column, int64_t columns, int tiles) {
      const T* turned = sums + run * kColumns<T> * o.width;
      for (int64_t k = 0; k < o.width; k += L)  // a square at a time: both sides stay in the first-level cache
        for (int64_t c = 0; c < columns; ++c) {
          T* to = at<T>(o.sum, column + c, o.width) + k;
          const T* from = turned + k * tiles * L + c;
          const int64_t count = smaller(L, o.width - k);
          if (count == L)
            for (int i = 0; i < L; ++i) to[i] = from[i * tiles * L];
          else
            for (int64_t i = 0; i < count; ++i) to[i] = from[i * tiles * L];
        }
      if (o.total) std::memcpy(at<T>(o.total, column, 1), totals + run * kColumns<T>, sizeof(T) * columns);
    });
  }
};

// Runs [first, last) of the columns; `work`: Share<T>::size numbers.
template <class T>
void outer_sum(const OuterSum& o, int64_t first, int64_t last, void* work) {
  const FlushToZero guard;
  Share<T> share(o, first, last, static_cast<T*>(work));
  for_each_pairs<T>(o, [&](const Pairs<T>& pairs) {
    for (int64_t row = 0; row < pairs.rows; row += kPanelRows) {
      const int64_t rows = smaller(kPanelRows, pairs.rows - row);
      share.pack(at<T>(o.a, pairs.a_first + row, o.a_row), rows);
      share.add(pairs.b + row * pairs.b_row, pairs.b_row, rows);
    }
  });
  share.hand_out();
}

}  // namespace
