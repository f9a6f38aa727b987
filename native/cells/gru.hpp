// GRU, reset after the product, gates r, z, n:
// n = tanh(W_n x + b_n + r * (U_n h[t-1] + b_hn)), h[t] = (1 - z) * n + z * h[t-1].
#pragma once

#include "../block.hpp"

namespace {

template <class T>
struct Gru {
  static constexpr int kGates = 3;
  static constexpr bool kApart = true;  // U_n h + b_hn and W_n x + b_in
  // grad_gates columns: r * grad a_n, grad a_r, grad a_z | grad a_n; the first three belong to U, the last three to W
  static constexpr int kGradColumns = 4, kRecurrentColumns = 3;
  static constexpr bool kCarry = true;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    activate<T, 4, 0>(b, acc, sigmoid<T>);
    activate<T, 4, 1>(b, acc, sigmoid<T>);
    for_each_vector<T, 4>(b, acc, [&](int row, int64_t u, int64_t count, T* a) {
      const int64_t p = b.packed + row;
      const Vec<T> r = load(a), z = load(a + kLanes<T>);
      const Vec<T> recurrent = load(a + 2 * kLanes<T>);
      const Vec<T> n = hyperbolic_tangent<T>(fma(r, recurrent, load(a + 3 * kLanes<T>)));
      const Vec<T> h_before = load_some(state_before<T>(b, row, f.h0, f.h, f.h_row) + u, count);
      store_some(at<T>(f.h, p, f.h_row) + u, fma(z, h_before, one_minus<T>(z) * n), count);
      if (!f.tape) return;
      T* gates = at<T>(f.gates, p, 3 * H) + u;
      store_some(gates, r, count);
      store_some(gates + H, z, count);
      store_some(gates + 2 * H, n, count);
      store_some(at<T>(f.extra, p, H) + u, recurrent, count);
    });
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    for_each_vector<T, 1>(b, acc, [&](int row, int64_t u, int64_t count, T* a) {
      const int64_t p = b.packed + row;
      const T* gates = at<T>(f.gates, p, 3 * H) + u;
      const Vec<T> r = load_some(gates, count), z = load_some(gates + H, count);
      const Vec<T> n = load_some(gates + 2 * H, count);
      const Vec<T> recurrent = load_some(at<T>(f.extra, p, H) + u, count);
      const Vec<T> h_before = load_some(state_before<T>(b, row, f.h0, f.h, f.h_row) + u, count);
      const Vec<T> grad_h = load_some(at<T>(f.grad_h, p, f.grad_row) + u, count) + load(a);
      const Vec<T> grad_n = grad_h * one_minus<T>(z) * tanh_slope<T>(n);
      T* grad = at<T>(f.grad_gates, p, 4 * H) + u;
      store_some(grad, grad_n * r, count);
      store_some(grad + H, grad_n * recurrent * sigmoid_slope<T>(r), count);
      store_some(grad + 2 * H, grad_h * (h_before - n) * sigmoid_slope<T>(z), count);
      store_some(grad + 3 * H, grad_n, count);
      store_some(at<T>(f.grad_h0, b.row + row, H) + u, grad_h * z, count);
    });
  }
};

}  // namespace
