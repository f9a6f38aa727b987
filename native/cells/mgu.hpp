// Minimal gated unit, gates f, n: n = tanh(W_n x + U_n (f * h[t-1]) + b_n), h[t] = (1 - f) * h[t-1] + f * n. Tape: f, n.
#pragma once

#include "../block.hpp"

namespace {

template <class T>
struct Mgu {
  static constexpr int kGates = 1, kCandidateGate = 1;
  static constexpr bool kGatesMeetInput = true;

  // f from the first product; leaves f * h[t-1] and f in f.work
  static void forward_gates(const Forward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    activate<T, 1, 0>(b, acc, sigmoid<T>);
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      T* kept = at<T>(f.work, b.row + r, f.work_row) + u;
      const Vec<T> forget = load(a);
      const Vec<T> met = load_some(h_before<T>(f, b, r) + u, count) * state_mask<T>(f.masks, b, r, u, count);
      store_some(kept, forget * met, count);
      store_some(kept + H, forget, count);
      if (f.tape) store_some(at<T>(f.gates, b.packed + r, f.gates_row) + u, forget, count);
    });
  }

  static void forward_state(const Forward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    activate<T, 1, 0>(b, acc, hyperbolic_tangent<T>);
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const Vec<T> n = load(a), forget = load_some(at<T>(f.work, b.row + r, f.work_row) + H + u, count);
      const Vec<T> before = load_some(h_before<T>(f, b, r) + u, count);
      const Vec<T> proposed = n * candidate_mask<T>(f.masks, b, r, u, count);
      store_some(h_out<T>(f, b, r) + u, fma(forget, proposed, one_minus<T>(forget) * before), count);
      if (f.tape) store_some(at<T>(f.gates, b.packed + r, f.gates_row) + H + u, n, count);
    });
  }

  // the candidate's gradient, and of f's what does not pass through the candidate
  static void backward_state(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
      const Vec<T> forget = load_some(gates, count), n = load_some(gates + H, count), grad_h = load(a);
      const Vec<T> mask = candidate_mask<T>(f.masks, b, r, u, count);
      const Vec<T> before = load_some(h_before<T>(f, b, r) + u, count);
      T* grad = at<T>(f.grad_gates, b.packed + r, 2 * H) + u;
      store_some(grad, grad_h * (n * mask - before), count);
      store_some(grad + H, grad_h * forget * mask * tanh_slope<T>(n), count);
      store_some(at<T>(f.grad_h0, b.row + r, H) + u, grad_h * one_minus<T>(forget), count);
    });
  }

  // the rest: the gradient of f * h[t-1] came from the product
  static void backward_gates(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const int64_t p = b.packed + r;
      const Vec<T> forget = load_some(at<T>(f.gates, p, f.gates_row) + u, count), grad_met = load(a);
      const Vec<T> mask = state_mask<T>(f.masks, b, r, u, count);
      const Vec<T> met = load_some(h_before<T>(f, b, r) + u, count) * mask;
      T* grad = at<T>(f.grad_gates, p, 2 * H) + u;
      T* carried = at<T>(f.grad_h0, b.row + r, H) + u;
      store_some(grad, fma(grad_met, met, load_some(grad, count)) * sigmoid_slope<T>(forget), count);
      store_some(carried, fma(grad_met * mask, forget, load_some(carried, count)), count);
      store_some(at<T>(f.reset_state, p, H) + u, forget * met, count);
    });
  }
};

}  // namespace
