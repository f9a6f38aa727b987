// Quasi-recurrent network with fo-pooling, gates z, f, o from a window of inputs: c[t] = f * c[t-1] + (1 - f) * z,
// h[t] = o * c[t], with the c[t] that zoneout leaves. Tape: z, f, o.
#pragma once

#include "../block.hpp"

namespace {

template <class T>
struct Qrnn {
  static constexpr int kColumns = 3;
  static constexpr bool kApart = false, kMeetsU = false;
  static constexpr int kGradColumns = 3, kRecurrentColumns = 0;
  static constexpr bool kCarry = false;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    activate<T, 3, 0>(b, acc, hyperbolic_tangent<T>);
    activate<T, 3, 1>(b, acc, sigmoid<T>);
    activate<T, 3, 2>(b, acc, sigmoid<T>);
    for_each_vector<T, 3>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const Vec<T> z = load(a), forget = load(a + kLanes<T>), o = load(a + 2 * kLanes<T>);
      const Vec<T> before = load_some(c_before<T>(f, b, r) + u, count);
      const Vec<T> proposed = z * candidate_mask<T>(f.masks, b, r, u, count);
      const Vec<T> c = fma(forget, before, one_minus<T>(forget) * proposed);
      store_some(c_out<T>(f, b, r) + u, c, count);
      store_some(h_out<T>(f, b, r) + u, o * (f.new_c ? kept_memory<T>(f, b, r, u, count, before, c) : c), count);
      if (!f.tape) return;
      T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
      store_some(gates, z, count);
      store_some(gates + H, forget, count);
      store_some(gates + 2 * H, o, count);
    });
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
      const Vec<T> z = load_some(gates, count), forget = load_some(gates + H, count);
      const Vec<T> o = load_some(gates + 2 * H, count), grad_h = load(a);
      const Vec<T> c = load_some(at<T>(f.c, b.packed + r, f.c_row) + u, count);
      const Vec<T> before = load_some(c_before<T>(f, b, r) + u, count), mask = candidate_mask<T>(f.masks, b, r, u, count);
      const Vec<T> keep = f.new_c ? kept_share<T>(f, b, r, u, count) : Vec<T>{};
      const Vec<T> grad_c = fma(one_minus<T>(keep) * grad_h, o, arriving_at_memory<T>(f, b, r, u, count));
      T* grad = at<T>(f.grad_gates, b.packed + r, 3 * H) + u;
      store_some(grad, grad_c * one_minus<T>(forget) * mask * tanh_slope<T>(z), count);
      store_some(grad + H, grad_c * (before - z * mask) * sigmoid_slope<T>(forget), count);
      store_some(grad + 2 * H, grad_h * c * sigmoid_slope<T>(o), count);
      const Vec<T> carried = grad_c * forget;
      store_some(at<T>(f.grad_c0, b.row + r, H) + u, f.new_c ? fma(keep * grad_h, o, carried) : carried, count);
    });
  }
};

}  // namespace
