// FastGRNN: a = W x + U h[t-1], z = sigmoid(a + b_z), n = tanh(a + b_n),
// h[t] = (sigmoid(zeta) * (1 - z) + sigmoid(nu)) * n + z * h[t-1]. Vectors: b_z, b_n, then two numbers, zeta and nu, whose
// gradients come a unit each. Tape: z, n.
#pragma once

#include "../block.hpp"

namespace {

template <class T>
struct FastGrnn {
  static constexpr int kColumns = 1;
  static constexpr bool kApart = false, kMeetsU = true;
  static constexpr int kGradColumns = 1, kRecurrentColumns = 1;
  static constexpr bool kCarry = true;

  static Vec<T> scalar(const void* vectors, int64_t units, int which) {
    return sigmoid<T>(broadcast(*at<T>(vectors, 2 * units + which, 1)));
  }

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    const Vec<T> zeta = scalar(f.vectors, H, 0), nu = scalar(f.vectors, H, 1);
    alignas(64) T gate[kScratch<T>];
    for_each_vector<T, 1>(b, acc, [&](int, int64_t u, int64_t count, T* a) {
      store(gate + (a - acc), load(a) + vector_of<T, 0>(f, b, u, count));
      store(a, load(a) + vector_of<T, 1>(f, b, u, count));
    });
    activate<T, 1, 0>(b, gate, sigmoid<T>);
    activate<T, 1, 0>(b, acc, hyperbolic_tangent<T>);
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const Vec<T> n = load(a), z = load(gate + (a - acc)), before = load_some(h_before<T>(f, b, r) + u, count);
      const Vec<T> proposed = n * candidate_mask<T>(f.masks, b, r, u, count);
      store_some(h_out<T>(f, b, r) + u, fma(fma(zeta, one_minus<T>(z), nu), proposed, z * before), count);
      if (!f.tape) return;
      T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
      store_some(gates, z, count);
      store_some(gates + H, n, count);
    });
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    const Vec<T> zeta = scalar(f.vectors, H, 0), nu = scalar(f.vectors, H, 1);
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
      const Vec<T> z = load_some(gates, count), n = load_some(gates + H, count), grad_h = load(a);
      const Vec<T> mask = candidate_mask<T>(f.masks, b, r, u, count), proposed = n * mask;
      const Vec<T> before = load_some(h_before<T>(f, b, r) + u, count);
      const Vec<T> grad_z = grad_h * (before - zeta * proposed) * sigmoid_slope<T>(z);
      const Vec<T> grad_n = grad_h * fma(zeta, one_minus<T>(z), nu) * mask * tanh_slope<T>(n);
      store_some(at<T>(f.grad_gates, b.packed + r, H) + u, grad_z + grad_n, count);
      store_some(at<T>(f.grad_h0, b.row + r, H) + u, grad_h * z, count);
      add_gradient<T, 4, 0>(f, b, r, u, count, grad_z);
      add_gradient<T, 4, 1>(f, b, r, u, count, grad_n);
      add_gradient<T, 4, 2>(f, b, r, u, count, grad_h * one_minus<T>(z) * proposed * sigmoid_slope<T>(zeta));
      add_gradient<T, 4, 3>(f, b, r, u, count, grad_h * proposed * sigmoid_slope<T>(nu));
    });
  }
};

}  // namespace
