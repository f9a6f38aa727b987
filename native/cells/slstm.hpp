// sLSTM, gates i, f, z, o, memory c, n, m: m' = max(log sigmoid(a_f) + m, a_i), i* = exp(a_i - m'),
// f* = exp(log sigmoid(a_f) + m - m'), c' = f* c + i* tanh(a_z), n' = f* n + i*, h = sigmoid(a_o) * c' / n'.
// Tape: i*, f*, tanh(a_z), sigmoid(a_o), sigmoid(-a_f).
#pragma once

#include "../functions.hpp"

namespace {

template <class T>
struct Slstm {
  static constexpr int kColumns = 4;
  static constexpr bool kApart = false, kMeetsU = true;
  static constexpr int kGradColumns = 4, kRecurrentColumns = 4;
  static constexpr bool kCarry = false;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    constexpr int L = kLanes<T>;
    const int64_t H = b.units;
    activate<T, 4, 2>(b, acc, hyperbolic_tangent<T>);
    activate<T, 4, 3>(b, acc, sigmoid<T>);
    alignas(64) T forgets[kScratch<T>];  // log sigmoid(a_f), and a_f turned round
    T* log = forgets;
    for_each_vector<T, 4>(b, acc, [&](int, int64_t, int64_t, T* a) {
      store(log, load(a + L));
      store(a + L, -load(a + L));
      log += L;
    });
    activate<T, 1, 0>(b, forgets, [](Vec<T> a) { return -softplus<T>(-a); });
    activate<T, 4, 1>(b, acc, sigmoid<T>);
    log = forgets;
    for_each_vector<T, 4>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const T* before = c_before<T, 3>(f, b, r) + u;
      const Vec<T> z = load(a + 2 * L), o = load(a + 3 * L);
      const Vec<T> kept = load(log) + load_some(before + 2 * H, count), proposed = load(a);
      const Vec<T> m = kept >= proposed ? kept : proposed;
      const Vec<T> i = exponential_of_negative<T>(proposed - m), forget = exponential_of_negative<T>(kept - m);
      const Vec<T> candidate = z * candidate_mask<T>(f.masks, b, r, u, count);
      const Vec<T> c = fma(forget, load_some(before, count), i * candidate);
      const Vec<T> n = fma(forget, load_some(before + H, count), i);
      T* after = c_out<T, 3>(f, b, r) + u;
      store_some(after, c, count);
      store_some(after + H, n, count);
      store_some(after + 2 * H, m, count);
      store_some(h_out<T>(f, b, r) + u, o * c / n, count);
      log += L;
      if (!f.tape) return;
      T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
      store_some(gates, i, count);
      store_some(gates + H, forget, count);
      store_some(gates + 2 * H, z, count);
      store_some(gates + 3 * H, o, count);
      store_some(gates + 4 * H, load(a + L), count);
    });
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
      const Vec<T> i = load_some(gates, count), forget = load_some(gates + H, count);
      const Vec<T> z = load_some(gates + 2 * H, count), o = load_some(gates + 3 * H, count);
      const Vec<T> grad_h = load(a), mask = candidate_mask<T>(f.masks, b, r, u, count);
      const T *before = c_before<T, 3>(f, b, r) + u, *after = c_out<T>(f, b, r) + u;
      const Vec<T> c = load_some(after, count), n = load_some(after + H, count);
      const Vec<T> c_old = load_some(before, count), n_old = load_some(before + H, count);
      const Vec<T> ratio = c / n, through_ratio = grad_h * o / n;
      const Vec<T> grad_c = arriving_at_memory<T, 3, 0>(f, b, r, u, count) + through_ratio;
      const Vec<T> grad_n = arriving_at_memory<T, 3, 1>(f, b, r, u, count) - through_ratio * ratio;
      const Vec<T> grad_m = arriving_at_memory<T, 3, 2>(f, b, r, u, count) - grad_c * c - grad_n * n;
      const Vec<T> zero{};
      const auto forgetting = forget == broadcast(T(1));  // the maximum was its own
      const Vec<T> grad_kept = fma(grad_c, c_old, grad_n * n_old) * forget + (forgetting ? grad_m : zero);
      const Vec<T> grad_i = fma(grad_c, z * mask, grad_n) * i + (forgetting ? zero : grad_m);
      T* grad = at<T>(f.grad_gates, b.packed + r, 4 * H) + u;
      store_some(grad, grad_i, count);
      store_some(grad + H, grad_kept * load_some(gates + 4 * H, count), count);
      store_some(grad + 2 * H, grad_c * i * mask * tanh_slope<T>(z), count);
      store_some(grad + 3 * H, grad_h * ratio * sigmoid_slope<T>(o), count);
      T* carried = at<T>(f.grad_c0, b.row + r, 3 * H) + u;
      store_some(carried, grad_c * forget, count);
      store_some(carried + H, grad_n * forget, count);
      store_some(carried + 2 * H, grad_kept, count);
    });
  }
};

}  // namespace
