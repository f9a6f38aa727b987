// Shares of rows of numbers.
#pragma once

#include "elementary.hpp"
#include "row.hpp"

namespace {

// y = exp(x - max(x)) / sum of it over the first n numbers of each row, summed in their order; the others are 0.
template <class T>
void softmax(const T* x, T* y, int64_t rows, int64_t row, int64_t n) {
  for (; rows > 0; --rows, x += row, y += row) {
    const T largest = n ? largest_of(x, n) : T(0);
    for (int64_t i = 0; i < n; i += kLanes<T>)
      store_some(y + i, exponential<T>(load_some(x + i, n - i) - broadcast(largest)), n - i);
    T sum = T(0);
    for (int64_t i = 0; i < n; ++i) sum += y[i];
    for (int64_t i = 0; i < n; i += kLanes<T>) store_some(y + i, load_some(y + i, n - i) / broadcast(sum), n - i);
    for (int64_t i = n; i < row; ++i) y[i] = T(0);
  }
}

}  // namespace
