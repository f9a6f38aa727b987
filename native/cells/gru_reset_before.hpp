// GRU, reset before the product, gates r, z, n:
// n = tanh(W_n x + U_n (r * h[t-1]) + b_n), h[t] = (1 - z) * n + z * h[t-1].
#pragma once

#include "../block.hpp"

namespace {

template <class T>
struct GruResetBefore {
  // r and z from the first product; leaves r * h[t-1] and z in f.extra
  static void forward_gates(const Forward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    for_each_vector<T, 2>(b, acc, [&](int row, int64_t u, int64_t count, T* a) {
      T* kept = at<T>(f.extra, b.row + row, 2 * H) + u;
      const Vec<T> r = sigmoid<T>(load(a)), z = sigmoid<T>(load(a + kLanes<T>));
      const Vec<T> h_before = load_some(state_before<T>(b, row, f.h0, f.h, f.h_row) + u, count);
      store_some(kept, r * h_before, count);
      store_some(kept + H, z, count);
      if (!f.tape) return;
      T* gates = at<T>(f.gates, b.packed + row, 3 * H) + u;
      store_some(gates, r, count);
      store_some(gates + H, z, count);
    });
  }

  // the candidate from the second product, and the new state
  static void forward_state(const Forward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    for_each_vector<T, 1>(b, acc, [&](int row, int64_t u, int64_t count, T* a) {
      const int64_t p = b.packed + row;
      const Vec<T> n = hyperbolic_tangent<T>(load(a));
      const Vec<T> z = load_some(at<T>(f.extra, b.row + row, 2 * H) + H + u, count);
      const Vec<T> h_before = load_some(state_before<T>(b, row, f.h0, f.h, f.h_row) + u, count);
      store_some(at<T>(f.h, p, f.h_row) + u, fma(z, h_before, one_minus<T>(z) * n), count);
      if (f.tape) store_some(at<T>(f.gates, p, 3 * H) + 2 * H + u, n, count);
    });
  }

  // gradients of z's and n's pre-activations, and the part of grad h[t-1] that passes through z
  static void backward_state(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    for_each_vector<T, 1>(b, acc, [&](int row, int64_t u, int64_t count, T* a) {
      const int64_t p = b.packed + row;
      const T* gates = at<T>(f.gates, p, 3 * H) + u;
      const Vec<T> z = load_some(gates + H, count), n = load_some(gates + 2 * H, count);
      const Vec<T> h_before = load_some(state_before<T>(b, row, f.h0, f.h, f.h_row) + u, count);
      const Vec<T> grad_h = load_some(at<T>(f.grad_h, p, f.grad_row) + u, count) + load(a);
      T* grad = at<T>(f.grad_gates, p, 3 * H) + u;
      store_some(grad + H, grad_h * (h_before - n) * sigmoid_slope<T>(z), count);
      store_some(grad + 2 * H, grad_h * one_minus<T>(z) * tanh_slope<T>(n), count);
      store_some(at<T>(f.grad_h0, b.row + row, H) + u, grad_h * z, count);
    });
  }

  // the gradient of r * h[t-1] came from the product: r's pre-activation, and r's part of grad h[t-1]
  static void backward_reset(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    for_each_vector<T, 1>(b, acc, [&](int row, int64_t u, int64_t count, T* a) {
      const int64_t p = b.packed + row;
      const Vec<T> r = load_some(at<T>(f.gates, p, 3 * H) + u, count);
      const Vec<T> h_before = load_some(state_before<T>(b, row, f.h0, f.h, f.h_row) + u, count);
      const Vec<T> grad_reset_state = load(a);
      T* carried = at<T>(f.grad_h0, b.row + row, H) + u;
      store_some(at<T>(f.grad_gates, p, 3 * H) + u, grad_reset_state * h_before * sigmoid_slope<T>(r), count);
      store_some(carried, fma(grad_reset_state, r, load_some(carried, count)), count);
      store_some(at<T>(f.reset_state, p, H) + u, r * h_before, count);
    });
  }
};

}  // namespace
