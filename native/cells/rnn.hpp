// Elman's cell: h[t] = phi(W x[t] + U h[t-1] + b).
#pragma once

#include "../block.hpp"

namespace {

struct Tanh {
  template <class T>
  static inline Vec<T> apply(Vec<T> a) {
    return hyperbolic_tangent<T>(a);
  }
  template <class T>
  static inline Vec<T> slope(Vec<T> h) {
    return tanh_slope<T>(h);
  }
};

struct Relu {
  template <class T>
  static inline Vec<T> apply(Vec<T> a) {
    return a < broadcast(T(0)) ? broadcast(T(0)) : a;  // NaN stays NaN
  }
  template <class T>
  static inline Vec<T> slope(Vec<T> h) {
    return h > broadcast(T(0)) ? broadcast(T(1)) : broadcast(T(0));
  }
};

struct Identity {
  template <class T>
  static inline Vec<T> apply(Vec<T> a) {
    return a;
  }
  template <class T>
  static inline Vec<T> slope(Vec<T>) {
    return broadcast(T(1));
  }
};

template <class T, class Activation>
struct Rnn {
  static constexpr int kGates = 1;
  static constexpr bool kApart = false;
  static constexpr int kGradColumns = 1, kRecurrentColumns = 1;
  static constexpr bool kCarry = false;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t n, T* a) {
      store_some(at<T>(f.h, b.packed + r, f.h_row) + u, Activation::template apply<T>(load(a)), n);
    });
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t n, T* a) {
      const int64_t p = b.packed + r;
      const Vec<T> grad_h = load_some(at<T>(f.grad_h, p, f.grad_row) + u, n) + load(a);
      const Vec<T> h = load_some(at<T>(f.h, p, f.h_row) + u, n);
      store_some(at<T>(f.grad_gates, p, b.units) + u, Activation::template slope<T>(h) * grad_h, n);
    });
  }
};

}  // namespace
