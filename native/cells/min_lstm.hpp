// minLSTM, gates f, i, n: h[t] = (f * h[t-1] + i * n) / (f + i) with n = W_n x + b_n. Tape: f, i, n.
#pragma once

#include "../block.hpp"

namespace {

template <class T>
struct MinLstm {
  static constexpr int kColumns = 3;
  static constexpr bool kApart = false, kMeetsU = false;
  static constexpr int kGradColumns = 3, kRecurrentColumns = 0;
  static constexpr bool kCarry = true;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    lift(b, acc);
    activate<T, 3, 0>(b, acc, sigmoid<T>);
    activate<T, 3, 1>(b, acc, sigmoid<T>);
    for_each_vector<T, 3>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const Vec<T> forget = load(a), i = load(a + kLanes<T>), n = load(a + 2 * kLanes<T>);
      const Vec<T> before = load_some(h_before<T>(f, b, r) + u, count);
      const Vec<T> proposed = n * candidate_mask<T>(f.masks, b, r, u, count);
      store_some(h_out<T>(f, b, r) + u, fma(forget, before, i * proposed) / (forget + i), count);
      if (!f.tape) return;
      T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
      store_some(gates, forget, count);
      store_some(gates + H, i, count);
      store_some(gates + 2 * H, n, count);
    });
  }

  // Gates so shut that they round to zero would give 0/0. Far below zero a sigmoid is an exponential: both arguments
  // raised by the same amount leave the quotient as it is, to e^-60.
  static void lift(const Block<T>& b, T* acc) {
    const Vec<T> lowest = broadcast(T(-60)), zero{};
    for_each_vector<T, 3>(b, acc, [&](int, int64_t, int64_t, T* a) {
      const Vec<T> forget = load(a), i = load(a + kLanes<T>);
      const Vec<T> missing = lowest - (forget > i ? forget : i), raise = missing > zero ? missing : zero;
      store(a, forget + raise);
      store(a + kLanes<T>, i + raise);
    });
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
      const Vec<T> forget = load_some(gates, count), i = load_some(gates + H, count);
      const Vec<T> n = load_some(gates + 2 * H, count);
      const Vec<T> mask = candidate_mask<T>(f.masks, b, r, u, count), proposed = n * mask;
      const Vec<T> before = load_some(h_before<T>(f, b, r) + u, count);
      const Vec<T> sum = forget + i, shared = load(a) / sum, h = fma(forget, before, i * proposed) / sum;
      T* grad = at<T>(f.grad_gates, b.packed + r, 3 * H) + u;
      store_some(grad, shared * (before - h) * sigmoid_slope<T>(forget), count);
      store_some(grad + H, shared * (proposed - h) * sigmoid_slope<T>(i), count);
      store_some(grad + 2 * H, shared * i * mask, count);
      store_some(at<T>(f.grad_h0, b.row + r, H) + u, shared * forget, count);
    });
  }
};

}  // namespace
