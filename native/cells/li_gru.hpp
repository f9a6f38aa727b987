// Light GRU, gates z, n: n = max(W_n x + U_n h[t-1] + b_n, 0), h[t] = z * h[t-1] + (1 - z) * n. Tape: z, n.
#pragma once

#include "../block.hpp"

namespace {

template <class T>
struct LiGru {
  static constexpr int kColumns = 2;
  static constexpr bool kApart = false, kMeetsU = true;
  static constexpr int kGradColumns = 2, kRecurrentColumns = 2;
  static constexpr bool kCarry = true;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    activate<T, 2, 0>(b, acc, sigmoid<T>);
    for_each_vector<T, 2>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const Vec<T> z = load(a), n = rectified<T>(load(a + kLanes<T>));
      const Vec<T> before = load_some(h_before<T>(f, b, r) + u, count);
      const Vec<T> proposed = n * candidate_mask<T>(f.masks, b, r, u, count);
      store_some(h_out<T>(f, b, r) + u, fma(z, before, one_minus<T>(z) * proposed), count);
      if (!f.tape) return;
      T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
      store_some(gates, z, count);
      store_some(gates + H, n, count);
    });
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
      const Vec<T> z = load_some(gates, count), n = load_some(gates + H, count), grad_h = load(a);
      const Vec<T> mask = candidate_mask<T>(f.masks, b, r, u, count);
      const Vec<T> before = load_some(h_before<T>(f, b, r) + u, count);
      T* grad = at<T>(f.grad_gates, b.packed + r, 2 * H) + u;
      store_some(grad, grad_h * (before - n * mask) * sigmoid_slope<T>(z), count);
      store_some(grad + H, grad_h * one_minus<T>(z) * mask * rectified_slope<T>(n), count);
      store_some(at<T>(f.grad_h0, b.row + r, H) + u, grad_h * z, count);
    });
  }
};

}  // namespace
