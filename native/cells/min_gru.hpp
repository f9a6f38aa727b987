// minGRU, gates z, n: h[t] = (1 - z) * h[t-1] + z * n with n = W_n x + b_n. Tape: z, n.
#pragma once

#include "../block.hpp"

namespace {

template <class T>
struct MinGru {
  static constexpr int kColumns = 2;
  static constexpr bool kApart = false, kMeetsU = false;
  static constexpr int kGradColumns = 2, kRecurrentColumns = 0;
  static constexpr bool kCarry = true;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    activate<T, 2, 0>(b, acc, sigmoid<T>);
    for_each_vector<T, 2>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const Vec<T> z = load(a), n = load(a + kLanes<T>), before = load_some(h_before<T>(f, b, r) + u, count);
      const Vec<T> proposed = n * candidate_mask<T>(f.masks, b, r, u, count);
      store_some(h_out<T>(f, b, r) + u, fma(z, proposed, one_minus<T>(z) * before), count);
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
      store_some(grad, grad_h * (n * mask - before) * sigmoid_slope<T>(z), count);
      store_some(grad + H, grad_h * z * mask, count);
      store_some(at<T>(f.grad_h0, b.row + r, H) + u, grad_h * one_minus<T>(z), count);
    });
  }
};

}  // namespace
