// GRU, reset after the product, gates r, z, n:
// n = tanh(W_n x + b_n + r * (U_n h[t-1] + b_hn)), h[t] = (1 - z) * n + z * h[t-1]. Tape: r, z, n, U_n h[t-1] + b_hn.
#pragma once

#include "../functions.hpp"

namespace {

template <class T, class Chosen>
struct Gru {
  static constexpr int kColumns = 3;
  static constexpr bool kApart = true, kMeetsU = true;  // U_n h + b_hn and W_n x + b_in
  // grad_gates columns: r * grad a_n, grad a_r, grad a_z | grad a_n; the first three belong to U, the last three to W
  static constexpr int kGradColumns = 4, kRecurrentColumns = 3;
  static constexpr bool kCarry = true;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    constexpr int L = kLanes<T>;
    const int64_t H = b.units;
    Chosen::template gate<T, 4, 0>(f.functions, b, acc);
    Chosen::template gate<T, 4, 1>(f.functions, b, acc);
    for_each_vector<T, 4>(b, acc, [&](int row, int64_t u, int64_t count, T* a) {
      const Vec<T> r = load(a), recurrent = load(a + 2 * L);
      store(a + 3 * L, fma(r, recurrent, load(a + 3 * L)));
      if (!f.tape) return;
      T* gates = at<T>(f.gates, b.packed + row, f.gates_row) + u;
      store_some(gates, r, count);
      store_some(gates + 3 * H, recurrent, count);
    });
    Chosen::template other<T, 4, 3, kCandidate>(f.functions, b, acc);
    for_each_vector<T, 4>(b, acc, [&](int row, int64_t u, int64_t count, T* a) {
      const Vec<T> z = load(a + L), n = load(a + 3 * L), before = load_some(h_before<T>(f, b, row) + u, count);
      const Vec<T> proposed = n * candidate_mask<T>(f.masks, b, row, u, count);
      store_some(h_out<T>(f, b, row) + u, fma(z, before, one_minus<T>(z) * proposed), count);
      if (!f.tape) return;
      T* gates = at<T>(f.gates, b.packed + row, f.gates_row) + u;
      store_some(gates + H, z, count);
      store_some(gates + 2 * H, n, count);
    });
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    const Functions& functions = f.functions;
    for_each_vector<T, 1>(b, acc, [&](int row, int64_t u, int64_t count, T* a) {
      const T* gates = at<T>(f.gates, b.packed + row, f.gates_row) + u;
      const Vec<T> r = load_some(gates, count), z = load_some(gates + H, count);
      const Vec<T> n = load_some(gates + 2 * H, count), recurrent = load_some(gates + 3 * H, count);
      const Vec<T> before = load_some(h_before<T>(f, b, row) + u, count), grad_h = load(a);
      const Vec<T> mask = candidate_mask<T>(f.masks, b, row, u, count);
      const Vec<T> slope = Chosen::template other_slope<T, kCandidate>(functions, n);
      const Vec<T> grad_n = grad_h * one_minus<T>(z) * mask * slope;
      T* grad = at<T>(f.grad_gates, b.packed + row, 4 * H) + u;
      store_some(grad, grad_n * r, count);
      store_some(grad + H, grad_n * recurrent * Chosen::template gate_slope<T>(functions, r), count);
      store_some(grad + 2 * H, grad_h * (before - n * mask) * Chosen::template gate_slope<T>(functions, z), count);
      store_some(grad + 3 * H, grad_n, count);
      store_some(at<T>(f.grad_h0, b.row + row, H) + u, grad_h * z, count);
    });
  }
};

}  // namespace
