// Cells that normalise over hidden units: their step sees whole rows.
#pragma once

#include "drivers.hpp"
#include "row.hpp"

namespace {

// One row of a step, with all its units.
template <class T>
inline Block<T> row_of(const Step& s, const Part& part, int64_t row, int64_t units) {
  const int tiles = static_cast<int>((units + kLanes<T> - 1) / kLanes<T>);
  return {row, s.first + row, part.linked ? s.before + row : -1, 1, tiles, 0, units};
}

// What the product with the state or, where SOURCE is kInput, with x leaves for a block of rows goes to column COLUMN of the
// work space.
template <class T, class Cell, Source SOURCE, int COLUMN>
inline void leave_product(const Forward& f, const Weights<T>& weights, const Block<T>& b, const Group& g, const T* state,
                          int64_t state_row) {
  constexpr int G = Cell::kColumns;
  alignas(64) T acc[kScratch<T>];
  preactivations<T, G, 0, false, SOURCE>(f, weights, b, g, state, state_row, acc);
  for_each_vector<T, G>(b, acc, [&](int r, int64_t u, int64_t count, const T* a) {
    T* left = at<T>(f.work, b.row + r, f.work_row) + COLUMN * b.units + u;
    for (int gate = 0; gate < G; ++gate) store_some(left + gate * b.units, load(a + gate * kLanes<T>), count);
  });
}

template <class T, class Cell>
void forward_normalised(const Forward& f, const Portion& own) {
  const FlushToZero guard;
  const int64_t H = f.hidden;
  const Weights<T> weights(f, 0, 0);
  forward_steps<T>(f, own, own, [&](const Step& s, const Part& part, const T* h, int64_t h_row) {
    for_each_tile<T, Cell::kColumns>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      leave_product<T, Cell, kState, 0>(f, weights, b, g, h + b.row * h_row, h_row);
      if (f.x) leave_product<T, Cell, kInput, Cell::kInputColumn>(f, weights, b, g, nullptr, 0);
    });
    for (int64_t row = part.first; row < part.last; ++row) {
      const Block<T> b = row_of<T>(s, part, row, H);
      T *work = at<T>(f.work, row, f.work_row), *input = at<T>(f.gates, b.packed, f.gates_row);
      Cell::forward(f, b, f.x ? work + Cell::kInputColumn * H : input, work);
      finish_memory(f, b);
      finish_state(f, b);
    }
  });
}

template <class T, class Cell>
void backward_normalised(const Backward& f, const Portion& own) {
  const FlushToZero guard;
  const int64_t H = f.hidden;
  const T* weight = static_cast<const T*>(f.weight);
  const bool carry = Cell::kCarry || f.new_h;
  const Arriving from{nullptr, 2 * Cell::kColumns * H, Cell::kColumns * H, carry};
  backward_steps<T>(f, own, from, [&](const Step& s, const Part& part, const Arriving& arriving) {
    for_each_tile<T, 1>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      PastStep<T> past;
      arriving_gradient(f, weight, b, g, arriving, false, acc);
      past.take_state(f, b, acc);
      for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, const T* a) {
        store_some(at<T>(f.work, b.row + r, f.work_row) + u, load(a), count);
      });
      past.hand_on_state(f, b, false);
    });
    for (int64_t row = part.first; row < part.last; ++row)
      Cell::backward(f, row_of<T>(s, part, row, H), at<T>(f.work, row, f.work_row));
  });
}

template <class T, class Cell>
constexpr Passes normalised(const char* name) {
  return {name, Cell::kColumns, 2 * Cell::kColumns, forward_normalised<T, Cell>, backward_normalised<T, Cell>, kRows};
}

}  // namespace
