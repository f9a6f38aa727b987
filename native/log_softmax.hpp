// The logarithm of the softmax of rows, in float64.
#pragma once

#include "elementary.hpp"
#include "row.hpp"

namespace {

// y = x - max(x) - log(sum(exp(x - max(x)))) of each row of n numbers.
template <class T>
void log_softmax(const T* x, double* y, int64_t rows, int64_t n) {
  for (; rows > 0; --rows, x += n, y += n) {
    const T largest = largest_of(x, n);
    for (int64_t i = 0; i < n; ++i) y[i] = double(x[i]) - double(largest);
    RowSum<double> sum;
    for_each_unit<double>(n, [&](int64_t i, int64_t count) {
      const Vec<double> e = exponential<double>(load_some(y + i, count));
      sum.add(i, count >= kLanes<double> ? e : only<double>(e, count));
    });
    const double log = __builtin_log(sum.total());
    for (int64_t i = 0; i < n; ++i) y[i] -= log;
  }
}

}  // namespace
