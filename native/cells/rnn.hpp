// Elman's cell: h[t] = phi(W x[t] + U h[t-1] + b), and its independent form: h[t] = phi(W x[t] + u * h[t-1] + b).
#pragma once

#include "../functions.hpp"

namespace {

template <class T>
struct Rnn {
  static constexpr int kColumns = 1;
  static constexpr bool kApart = false, kMeetsU = true;
  static constexpr int kGradColumns = 1, kRecurrentColumns = 1;
  static constexpr bool kCarry = false;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    Any::other<T, 1, 0, 0>(f.functions, b, acc);
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t n, T* a) { store_some(h_out<T>(f, b, r) + u, load(a), n); });
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t n, T* a) {
      const Vec<T> h = load_some(h_out<T>(f, b, r) + u, n);
      T* grad = at<T>(f.grad_gates, b.packed + r, b.units) + u;
      store_some(grad, Any::other_slope<T, 0>(f.functions, h) * load(a), n);
    });
  }
};

// Vectors: u.
template <class T>
struct IndRnn {
  static constexpr int kColumns = 1;
  static constexpr bool kApart = false, kMeetsU = false;
  static constexpr int kGradColumns = 1, kRecurrentColumns = 0;
  static constexpr bool kCarry = true;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t n, T* a) {
      store(a, fma(vector_of<T, 0>(f, b, u, n), load_some(h_before<T>(f, b, r) + u, n), load(a)));
    });
    Rnn<T>::forward(f, b, acc);
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t n, T* a) {
      const Vec<T> h = load_some(h_out<T>(f, b, r) + u, n), before = load_some(h_before<T>(f, b, r) + u, n);
      const Vec<T> grad = Any::other_slope<T, 0>(f.functions, h) * load(a);
      store_some(at<T>(f.grad_gates, b.packed + r, b.units) + u, grad, n);
      store_some(at<T>(f.grad_h0, b.row + r, b.units) + u, grad * vector_of<T, 0>(f, b, u, n), n);
      add_gradient<T, 1, 0>(f, b, r, u, n, grad * before);
    });
  }
};

}  // namespace
