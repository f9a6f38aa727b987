// Simple recurrent unit, gates n, f, r: f and r see v * c[t-1], c[t] = f * c[t-1] + (1 - f) * n,
// h[t] = r * c[t] + (1 - r) * x[t], with the c[t] that zoneout leaves. HIGHWAY: a fourth gate k = W_k x takes the place of x. Vectors: v of f, r.
#pragma once

#include "../block.hpp"

namespace {

template <class T, bool HIGHWAY>
struct Sru {
  static constexpr int kColumns = HIGHWAY ? 4 : 3;
  static constexpr bool kApart = false, kMeetsU = false;
  static constexpr int kGradColumns = kColumns, kRecurrentColumns = 0;
  static constexpr bool kCarry = false;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    constexpr int C = kColumns, L = kLanes<T>;
    const int64_t H = b.units;
    for_each_vector<T, C>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const Vec<T> c = load_some(c_before<T>(f, b, r) + u, count);
      store(a + L, fma(vector_of<T, 0>(f, b, u, count), c, load(a + L)));
      store(a + 2 * L, fma(vector_of<T, 1>(f, b, u, count), c, load(a + 2 * L)));
    });
    activate<T, C, 1>(b, acc, sigmoid<T>);
    activate<T, C, 2>(b, acc, sigmoid<T>);
    for_each_vector<T, C>(b, acc, [&](int row, int64_t u, int64_t count, T* a) {
      const Vec<T> n = load(a), forget = load(a + L), r = load(a + 2 * L);
      const Vec<T> past = HIGHWAY ? load(a + (C - 1) * L) : load_some(at<T>(f.skip, b.packed + row, H) + u, count);
      const Vec<T> proposed = n * candidate_mask<T>(f.masks, b, row, u, count);
      const Vec<T> before = load_some(c_before<T>(f, b, row) + u, count);
      const Vec<T> c = fma(forget, before, one_minus<T>(forget) * proposed);
      store_some(c_out<T>(f, b, row) + u, c, count);
      const Vec<T> kept = f.new_c ? kept_memory<T>(f, b, row, u, count, before, c) : c;
      store_some(h_out<T>(f, b, row) + u, fma(r, kept, one_minus<T>(r) * past), count);
      if (!f.tape) return;
      T* gates = at<T>(f.gates, b.packed + row, f.gates_row) + u;
      store_some(gates, n, count);
      store_some(gates + H, forget, count);
      store_some(gates + 2 * H, r, count);
      if (HIGHWAY) store_some(gates + (C - 1) * H, past, count);
    });
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    constexpr int C = kColumns;
    const int64_t H = b.units;
    for_each_vector<T, 1>(b, acc, [&](int row, int64_t u, int64_t count, T* a) {
      const int64_t p = b.packed + row;
      const T* gates = at<T>(f.gates, p, f.gates_row) + u;
      const Vec<T> n = load_some(gates, count), forget = load_some(gates + H, count);
      const Vec<T> r = load_some(gates + 2 * H, count), grad_h = load(a);
      const Vec<T> past = load_some(HIGHWAY ? gates + (C - 1) * H : at<T>(f.skip, p, H) + u, count);
      const Vec<T> c = load_some(at<T>(f.c, p, f.c_row) + u, count);
      const Vec<T> before = load_some(c_before<T>(f, b, row) + u, count);
      const Vec<T> mask = candidate_mask<T>(f.masks, b, row, u, count);
      const Vec<T> keep = f.new_c ? kept_share<T>(f, b, row, u, count) : Vec<T>{};
      const Vec<T> grad_r = grad_h * (c - past) * sigmoid_slope<T>(r);
      const Vec<T> grad_c = fma(one_minus<T>(keep) * grad_h, r, arriving_at_memory<T>(f, b, row, u, count));
      const Vec<T> grad_f = grad_c * (before - n * mask) * sigmoid_slope<T>(forget);
      T* grad = at<T>(f.grad_gates, p, C * H) + u;
      store_some(grad, grad_c * one_minus<T>(forget) * mask, count);
      store_some(grad + H, grad_f, count);
      store_some(grad + 2 * H, grad_r, count);
      const Vec<T> grad_past = grad_h * one_minus<T>(r);
      if (HIGHWAY) {
        store_some(grad + (C - 1) * H, grad_past, count);
      } else if (f.grad_skip) {
        T* skip = at<T>(f.grad_skip, p, H) + u;
        store_some(skip, f.add_skip ? load_some(skip, count) + grad_past : grad_past, count);
      }
      const Vec<T> through_gates = fma(grad_f, vector_of<T, 0>(f, b, u, count), grad_r * vector_of<T, 1>(f, b, u, count));
      const Vec<T> carried = fma(grad_c, forget, through_gates);
      store_some(at<T>(f.grad_c0, b.row + row, H) + u, f.new_c ? fma(keep * grad_h, r, carried) : carried, count);
      add_gradient<T, 2, 0>(f, b, row, u, count, grad_f * before);
      add_gradient<T, 2, 1>(f, b, row, u, count, grad_r * before);
    });
  }
};

}  // namespace
