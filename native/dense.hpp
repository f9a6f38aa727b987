// Products of many rows with a packed matrix.
#pragma once

#include "flush.hpp"
#include "product.hpp"
#include "sequences.hpp"

namespace {

// Rows worked on together, at most; fewer if they would fill more than this of the second-level cache.
constexpr int kDenseRows = 192;
constexpr int64_t kDenseBytes = 1 << 18;

// out = W x + bias, or out += W x, for rows [first, last).
template <class T>
void dense(const Dense& d, int64_t first, int64_t last) {
  const FlushToZero guard;
  const T* bias = static_cast<const T*>(d.bias);
  const int64_t fit = kDenseBytes / (larger(d.inputs, 1) * static_cast<int64_t>(sizeof(T)));
  const int together = static_cast<int>(smaller(larger(fit, 48), kDenseRows));
  for_each_rows(first, last, together, [&](int64_t row, int rows) {
    for_each_group<T, 1>(0, d.outputs, last - first == 1, [&](const Group& group) {
      const int64_t width = group.tiles * kLanes<T>, units = d.outputs - group.first_unit;
      const T* x = static_cast<const T*>(d.x) + row * d.x_row;
      T* out = static_cast<T*>(d.out) + row * d.out_row + group.first_unit;
      alignas(64) T acc[kDenseRows * tiles_per_group(1) * kLanes<T>];
      alignas(64) T start[kScratch<T>];
      if (d.add)
        for (int r = 0; r < rows; ++r)
          for (int64_t u = 0; u < width; u += kLanes<T>)
            store(acc + r * width + u, load_some(out + r * d.out_row + u, units - u));
      else
        for (int64_t u = 0; u < width; u += kLanes<T>)
          store(start + u, bias ? load_some(bias + group.first_unit + u, units - u) : Vec<T>{});
      multiply<T, 1>(group.tiles, rows, d.add ? acc : start, d.add ? width : 0, acc, kNothing<T>,
                     {x, d.x_row, 1, d.inputs, group.in(Packed<T>(d.weight, d.halves), 1, d.inputs)});
      for (int r = 0; r < rows; ++r)
        for (int64_t u = 0; u < width; u += kLanes<T>)
          store_some(out + r * d.out_row + u, load(acc + r * width + u), units - u);
    });
  });
}

}  // namespace
