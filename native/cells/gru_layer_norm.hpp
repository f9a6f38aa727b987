// Layer-norm GRU, gates r, z, n; N normalises r and z together, n by itself:
// r, z = sigmoid(w_x * N(W x) + b_ih + w_h * N(U h[t-1]) + b_hh),
// n = tanh(w_x * N(W_n x) + b_ih + r * (w_h * N(U_n h[t-1]) + b_hh)), h[t] = (1 - z) * n + z * h[t-1].
// Vectors: w_x, w_h, b_ih, b_hh of all gates. Tape: N(W x), N(U h), gates, and what N multiplied each by.
#pragma once

#include "../row.hpp"

namespace {

template <class T>
struct GruLayerNorm {
  static constexpr int kColumns = 3, kInputColumn = 6;
  static constexpr bool kCarry = true;

  // `from_x` holds W x, `from_h` U h and room for the gates
  static void forward(const Forward& f, const Block<T>& b, T* from_x, T* from_h) {
    const int64_t H = b.units;
    T* tape = f.tape ? at<T>(f.gates, b.packed, f.gates_row) : nullptr;
    T *input = tape ? tape : from_x, *recurrent = tape ? tape + 3 * H : from_h, *gates = tape ? tape + 6 * H : from_h + 3 * H;
    const T *w_x = at<T>(f.vectors, 0, H), *w_h = w_x + 3 * H, *b_ih = w_x + 6 * H, *b_hh = w_x + 9 * H;
    const T factors[] = {normalise(from_x, input, 2 * H), normalise(from_x + 2 * H, input + 2 * H, H),
                         normalise(from_h, recurrent, 2 * H), normalise(from_h + 2 * H, recurrent + 2 * H, H)};
    const auto scaled = [&](const T* w, const T* normalised, const T* bias, int64_t u, auto count) __attribute__((always_inline)) {
      return fma(load_some(w + u, count), load_some(normalised + u, count), load_some(bias + u, count));
    };
    for (int gate = 0; gate < 2; ++gate)
      for_each_unit<T>(H, [&](int64_t unit, auto count) {
        const int64_t u = gate * H + unit;
        const Vec<T> a = scaled(w_x, input, b_ih, u, count) + scaled(w_h, recurrent, b_hh, u, count);
        store_some(gates + u, sigmoid<T>(a), count);
      });
    const T* before = h_before<T>(f, b, 0);
    T* h = h_out<T>(f, b, 0);
    for_each_unit<T>(H, [&](int64_t u, auto count) {
      const Vec<T> r = load_some(gates + u, count), z = load_some(gates + H + u, count);
      const Vec<T> reset = scaled(w_h, recurrent, b_hh, 2 * H + u, count);
      const Vec<T> n = hyperbolic_tangent<T>(fma(r, reset, scaled(w_x, input, b_ih, 2 * H + u, count)));
      const Vec<T> proposed = n * candidate_mask<T>(f.masks, b, 0, u, count);
      store_some(gates + 2 * H + u, n, count);
      store_some(h + u, fma(z, load_some(before + u, count), one_minus<T>(z) * proposed), count);
    });
    if (tape) copy_row(tape + 9 * H, factors, 4);
  }

  // `grad_h` holds the gradient of h
  static void backward(const Backward& f, const Block<T>& b, T* grad_h) {
    const int64_t H = b.units, p = b.packed;
    const T* input = at<T>(f.gates, p, f.gates_row);
    const T *recurrent = input + 3 * H, *gates = input + 6 * H, *factors = input + 9 * H;
    const T *w_x = at<T>(f.vectors, 0, H), *w_h = w_x + 3 * H, *b_hh = w_x + 9 * H;
    T* sums = at<T>(f.grad_vectors, b.row, 12 * H);
    T *grad_recurrent = at<T>(f.grad_gates, p, 6 * H), *grad_input = grad_recurrent + 3 * H;
    const auto add = [&](int64_t at_sum, auto count, Vec<T> value) __attribute__((always_inline)) {
      store_some(sums + at_sum, load_some(sums + at_sum, count) + value, count);
    };
    // the gradients of what comes from W x and from U h
    const auto leave = [&](int64_t u, auto count, Vec<T> from_x, Vec<T> from_h) __attribute__((always_inline)) {
      store_some(grad_input + u, from_x * load_some(w_x + u, count), count);
      store_some(grad_recurrent + u, from_h * load_some(w_h + u, count), count);
      add(u, count, from_x * load_some(input + u, count)), add(3 * H + u, count, from_h * load_some(recurrent + u, count));
      add(6 * H + u, count, from_x);
    };
    const T* before = h_before<T>(f, b, 0);
    T* carried = at<T>(f.grad_h0, b.row, H);
    for_each_unit<T>(H, [&](int64_t u, auto count) {
      const Vec<T> r = load_some(gates + u, count), z = load_some(gates + H + u, count);
      const Vec<T> n = load_some(gates + 2 * H + u, count), grad = load_some(grad_h + u, count);
      const Vec<T> mask = candidate_mask<T>(f.masks, b, 0, u, count);
      const int64_t at_n = 2 * H + u;
      const Vec<T> reset = fma(load_some(w_h + at_n, count), load_some(recurrent + at_n, count), load_some(b_hh + at_n, count));
      const Vec<T> grad_n = grad * one_minus<T>(z) * mask * tanh_slope<T>(n);
      const Vec<T> grad_r = grad_n * reset * sigmoid_slope<T>(r);
      const Vec<T> grad_z = grad * (load_some(before + u, count) - n * mask) * sigmoid_slope<T>(z);
      leave(u, count, grad_r, grad_r), leave(H + u, count, grad_z, grad_z), leave(at_n, count, grad_n, grad_n * r);
      add(9 * H + at_n, count, grad_n * r);
      const Vec<T> direct = grad * z;
      store_some(carried + u, f.new_h ? load_some(carried + u, count) + direct : direct, count);
    });
    if (b.before < 0) copy_row(sums + 9 * H, sums + 6 * H, 2 * H);  // the last addition to b_ih's, and b_hh has the same in r and z
    normalise_backward(grad_input, input, factors[0], 2 * H);
    normalise_backward(grad_input + 2 * H, input + 2 * H, factors[1], H);
    normalise_backward(grad_recurrent, recurrent, factors[2], 2 * H);
    normalise_backward(grad_recurrent + 2 * H, recurrent + 2 * H, factors[3], H);
  }
};

}  // namespace
