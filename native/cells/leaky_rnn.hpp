// Leaky RNN: n = phi(W x[t] + U h[t-1] + b), h[t] = (1 - alpha) * h[t-1] + alpha * n. Vectors: alpha. Tape: n.
#pragma once

#include "../functions.hpp"

namespace {

template <class T>
struct LeakyRnn {
  static constexpr int kColumns = 1;
  static constexpr bool kApart = false, kMeetsU = true;
  static constexpr int kGradColumns = 1, kRecurrentColumns = 1;
  static constexpr bool kCarry = true;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    Any::other<T, 1, 0, 0>(f.functions, b, acc);
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const Vec<T> alpha = vector_of<T, 0>(f, b, u, count), n = load(a);
      const Vec<T> before = load_some(h_before<T>(f, b, r) + u, count);
      const Vec<T> proposed = n * candidate_mask<T>(f.masks, b, r, u, count);
      store_some(h_out<T>(f, b, r) + u, fma(alpha, proposed, one_minus<T>(alpha) * before), count);
      if (f.tape) store_some(at<T>(f.gates, b.packed + r, f.gates_row) + u, n, count);
    });
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const Vec<T> alpha = vector_of<T, 0>(f, b, u, count), grad_h = load(a);
      const Vec<T> n = load_some(at<T>(f.gates, b.packed + r, f.gates_row) + u, count);
      const Vec<T> mask = candidate_mask<T>(f.masks, b, r, u, count);
      const Vec<T> before = load_some(h_before<T>(f, b, r) + u, count);
      const Vec<T> grad = grad_h * alpha * mask * Any::other_slope<T, 0>(f.functions, n);
      store_some(at<T>(f.grad_gates, b.packed + r, b.units) + u, grad, count);
      store_some(at<T>(f.grad_h0, b.row + r, b.units) + u, grad_h * one_minus<T>(alpha), count);
      add_gradient<T, 1, 0>(f, b, r, u, count, grad_h * (n * mask - before));
    });
  }
};

}  // namespace
