// LSTM, gates i, f, g, o: c[t] = f * c[t-1] + i * g, h[t] = o * tanh(c[t]).
#pragma once

#include "../block.hpp"

namespace {

template <class T>
struct Lstm {
  static constexpr int kGates = 4;
  static constexpr bool kApart = false;
  static constexpr int kGradColumns = 4, kRecurrentColumns = 4;
  static constexpr bool kCarry = false;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    activate<T, 4, 0>(b, acc, sigmoid<T>);
    activate<T, 4, 1>(b, acc, sigmoid<T>);
    activate<T, 4, 2>(b, acc, hyperbolic_tangent<T>);
    activate<T, 4, 3>(b, acc, sigmoid<T>);
    for_each_vector<T, 4>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const int64_t p = b.packed + r;
      // without a tape the running cell state lives in one row a sequence
      T* c_now = f.tape ? at<T>(f.c, p, f.h_row) : at<T>(f.c, b.row + r, H);
      const T* c_before = f.tape ? state_before<T>(b, r, f.c0, f.c, f.h_row) : c_now;
      const Vec<T> i = load(a), forget = load(a + kLanes<T>);
      const Vec<T> g = load(a + 2 * kLanes<T>), o = load(a + 3 * kLanes<T>);
      const Vec<T> c = fma(forget, load_some(c_before + u, count), i * g);
      store_some(c_now + u, c, count);
      store_some(at<T>(f.h, p, f.h_row) + u, o * hyperbolic_tangent<T>(c), count);
      if (!f.tape) return;
      T* gates = at<T>(f.gates, p, 4 * H) + u;
      store_some(gates, i, count);
      store_some(gates + H, forget, count);
      store_some(gates + 2 * H, g, count);
      store_some(gates + 3 * H, o, count);
    });
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    alignas(64) T tanh_cells[kScratch<T>];
    for_each_vector<T, 1>(b, tanh_cells, [&](int r, int64_t u, int64_t count, T* tanh_c) {
      store(tanh_c, hyperbolic_tangent<T>(load_some(at<T>(f.c, b.packed + r, f.h_row) + u, count)));
    });
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const int64_t p = b.packed + r;
      const T* gates = at<T>(f.gates, p, 4 * H) + u;
      const Vec<T> i = load_some(gates, count), forget = load_some(gates + H, count);
      const Vec<T> g = load_some(gates + 2 * H, count), o = load_some(gates + 3 * H, count);
      const Vec<T> tanh_c = load(tanh_cells + (a - acc));
      const Vec<T> c_before = load_some(state_before<T>(b, r, f.c0, f.c, f.h_row) + u, count);
      const Vec<T> grad_h = load_some(at<T>(f.grad_h, p, f.grad_row) + u, count) + load(a);
      T* carried = at<T>(f.grad_c0, b.row + r, H) + u;
      Vec<T> arriving = load_some(carried, count);
      if (f.grad_c) arriving += load_some(at<T>(f.grad_c, p, f.grad_row) + u, count);
      const Vec<T> grad_c = fma(grad_h * o, tanh_slope<T>(tanh_c), arriving);
      store_some(carried, grad_c * forget, count);
      T* grad = at<T>(f.grad_gates, p, 4 * H) + u;
      store_some(grad, grad_c * g * sigmoid_slope<T>(i), count);
      store_some(grad + H, grad_c * c_before * sigmoid_slope<T>(forget), count);
      store_some(grad + 2 * H, grad_c * i * tanh_slope<T>(g), count);
      store_some(grad + 3 * H, grad_h * tanh_c * sigmoid_slope<T>(o), count);
    });
  }
};

}  // namespace
