// JANET, gates f, g: f = sigmoid(a_f), k = sigmoid(a_f - 1), h[t] = f * h[t-1] + (1 - k) * tanh(a_g). Tape: f, g, k.
#pragma once

#include "../block.hpp"

namespace {

template <class T>
struct Janet {
  static constexpr int kColumns = 2;
  static constexpr bool kApart = false, kMeetsU = true;
  static constexpr int kGradColumns = 2, kRecurrentColumns = 2;
  static constexpr bool kCarry = true;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    alignas(64) T write[kScratch<T>];
    T* k = write;
    for_each_vector<T, 2>(b, acc, [&](int, int64_t, int64_t, T* a) {
      store(k, load(a) - broadcast(T(1)));
      k += kLanes<T>;
    });
    activate<T, 1, 0>(b, write, sigmoid<T>);
    activate<T, 2, 0>(b, acc, sigmoid<T>);
    activate<T, 2, 1>(b, acc, hyperbolic_tangent<T>);
    k = write;
    for_each_vector<T, 2>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const Vec<T> forget = load(a), g = load(a + kLanes<T>), before = load_some(h_before<T>(f, b, r) + u, count);
      const Vec<T> proposed = g * candidate_mask<T>(f.masks, b, r, u, count);
      store_some(h_out<T>(f, b, r) + u, fma(forget, before, one_minus<T>(load(k)) * proposed), count);
      if (f.tape) {
        T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
        store_some(gates, forget, count);
        store_some(gates + H, g, count);
        store_some(gates + 2 * H, load(k), count);
      }
      k += kLanes<T>;
    });
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
      const Vec<T> forget = load_some(gates, count), g = load_some(gates + H, count);
      const Vec<T> k = load_some(gates + 2 * H, count), grad_h = load(a);
      const Vec<T> mask = candidate_mask<T>(f.masks, b, r, u, count);
      const Vec<T> before = load_some(h_before<T>(f, b, r) + u, count);
      const Vec<T> through_f = before * sigmoid_slope<T>(forget), through_k = g * mask * sigmoid_slope<T>(k);
      T* grad = at<T>(f.grad_gates, b.packed + r, 2 * H) + u;
      store_some(grad, grad_h * (through_f - through_k), count);
      store_some(grad + H, grad_h * one_minus<T>(k) * mask * tanh_slope<T>(g), count);
      store_some(at<T>(f.grad_h0, b.row + r, H) + u, grad_h * forget, count);
    });
  }
};

}  // namespace
