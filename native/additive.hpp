// Additive attention: scores v . tanh(q + k) of every step of a decoder with every step of its source, and their
// gradients, for which tanh is computed once more instead of being kept.
#pragma once

#include "block.hpp"
#include "flush.hpp"
#include "row.hpp"

namespace {

// Scores of rows [first, last), 0 past the lengths.
template <class T>
void additive(const Additive& a, int64_t first, int64_t last) {
  const FlushToZero guard;
  const T* v = static_cast<const T*>(a.vector);
  for (int64_t n = first; n < last; ++n) {
    const int64_t source = a.rows ? a.rows[n] : n, length = a.lengths[source];
    for (int64_t u = 0; u < a.steps; ++u) {
      const T* q = at<T>(a.query, u * a.count + n, a.size);
      T* scores = at<T>(a.scores, u * a.count + n, a.asked);
      for (int64_t t = 0; t < length; ++t) {
        const T* k = at<T>(a.keys, t * a.sources + source, a.size);
        RowSum<T> sum;
        for_each_unit<T>(a.size, [&](int64_t i, auto count) {
          const Vec<T> y = hyperbolic_tangent<T>(load_some(q + i, count) + load_some(k + i, count));
          sum.add(i, load_some(v + i, count) * y);
        });
        scores[t] = sum.total();
      }
      for (int64_t t = length; t < a.asked; ++t) scores[t] = T(0);
    }
  }
}

// Gradients of rows [first, last), each the only one of its source; a row of the vector's for each.
template <class T>
void additive_backward(const Additive& a, int64_t first, int64_t last) {
  const FlushToZero guard;
  const T* v = static_cast<const T*>(a.vector);
  const auto clear = [&](T* row) { std::memset(row, 0, sizeof(T) * a.size); };
  for (int64_t n = first; n < last; ++n) {
    T* grad_v = at<T>(a.grad_vector, n, a.size);
    clear(grad_v);
    for (int64_t t = 0; t < a.asked; ++t) clear(at<T>(a.grad_keys, t * a.sources + n, a.size));
    for (int64_t u = 0; u < a.steps; ++u) {
      const T* q = at<T>(a.query, u * a.count + n, a.size);
      const T* grad_scores = at<T>(a.grad_scores, u * a.count + n, a.asked);
      T* grad_q = at<T>(a.grad_query, u * a.count + n, a.size);
      clear(grad_q);
      for (int64_t t = 0; t < a.lengths[n]; ++t) {
        const T* k = at<T>(a.keys, t * a.sources + n, a.size);
        T* grad_k = at<T>(a.grad_keys, t * a.sources + n, a.size);
        const Vec<T> grad = broadcast(grad_scores[t]);
        for_each_unit<T>(a.size, [&](int64_t i, auto count) {
          const Vec<T> y = hyperbolic_tangent<T>(load_some(q + i, count) + load_some(k + i, count));
          const Vec<T> inner = grad * load_some(v + i, count) * tanh_slope<T>(y);
          store_some(grad_v + i, load_some(grad_v + i, count) + grad * y, count);
          store_some(grad_q + i, load_some(grad_q + i, count) + inner, count);
          store_some(grad_k + i, load_some(grad_k + i, count) + inner, count);
        });
      }
    }
  }
}

}  // namespace
