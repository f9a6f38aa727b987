// Layer-norm LSTM, gates i, f, g, o: a = w_x * N(W x) + b_ih + w_h * N(U h[t-1]) + b_hh over all gates together,
// c[t] = f * c[t-1] + i * g, h[t] = o * tanh(w_c * N(c[t]) + b_c).
// Vectors: w_x, w_h, b_ih, b_hh of all gates, then w_c, b_c. Tape: N(W x), N(U h), gates, N(c), and what N multiplied each by.
#pragma once

#include "../row.hpp"

namespace {

template <class T>
struct LstmLayerNorm {
  static constexpr int kColumns = 4, kInputColumn = 5;
  static constexpr bool kCarry = false;

  // `from_x` holds W x, `from_h` U h and room for N(c)
  static void forward(const Forward& f, const Block<T>& b, T* from_x, T* from_h) {
    const int64_t H = b.units;
    T* tape = f.tape ? at<T>(f.gates, b.packed, f.gates_row) : nullptr;
    T *input = tape ? tape : from_x, *recurrent = tape ? tape + 4 * H : from_h, *gates = tape ? tape + 8 * H : from_h;
    T* normalised_c = tape ? tape + 12 * H : from_h + 4 * H;
    const T *w_x = at<T>(f.vectors, 0, H), *w_h = w_x + 4 * H, *b_ih = w_x + 8 * H, *b_hh = w_x + 12 * H;
    const T factor_x = normalise(from_x, input, 4 * H), factor_h = normalise(from_h, recurrent, 4 * H);
    for (int gate = 0; gate < 4; ++gate)
      for_each_unit<T>(H, [&](int64_t unit, auto count) {
        const int64_t u = gate * H + unit;
        const Vec<T> from_x = fma(load_some(w_x + u, count), load_some(input + u, count), load_some(b_ih + u, count));
        const Vec<T> from_h = fma(load_some(w_h + u, count), load_some(recurrent + u, count), load_some(b_hh + u, count));
        const Vec<T> a = from_x + from_h;
        store_some(gates + u, gate == 2 ? hyperbolic_tangent<T>(a) : sigmoid<T>(a), count);
      });
    const T* before = c_before<T>(f, b, 0);
    T* c = c_out<T>(f, b, 0);
    for_each_unit<T>(H, [&](int64_t u, auto count) {
      const Vec<T> i = load_some(gates + u, count), forget = load_some(gates + H + u, count);
      const Vec<T> g = load_some(gates + 2 * H + u, count) * candidate_mask<T>(f.masks, b, 0, u, count);
      const Vec<T> now = fma(forget, load_some(before + u, count), i * g);
      store_some(c + u, now, count);
      store_some(normalised_c + u, now, count);
    });
    const T factor_c = normalise(normalised_c, normalised_c, H);
    const T *w_c = w_x + 16 * H, *b_c = w_x + 17 * H;
    T* h = h_out<T>(f, b, 0);
    for_each_unit<T>(H, [&](int64_t u, auto count) {
      const Vec<T> a = fma(load_some(w_c + u, count), load_some(normalised_c + u, count), load_some(b_c + u, count));
      store_some(h + u, load_some(gates + 3 * H + u, count) * hyperbolic_tangent<T>(a), count);
    });
    if (!tape) return;
    T* factors = tape + 13 * H;
    factors[0] = factor_x, factors[1] = factor_h, factors[2] = factor_c;
  }

  // `grad_h` holds the gradient of h, and room for those of the memory
  static void backward(const Backward& f, const Block<T>& b, T* grad_h) {
    const int64_t H = b.units, p = b.packed;
    const T* input = at<T>(f.gates, p, f.gates_row);
    const T *recurrent = input + 4 * H, *gates = input + 8 * H, *normalised_c = input + 12 * H;
    const T* factors = input + 13 * H;
    const T *w_x = at<T>(f.vectors, 0, H), *w_h = w_x + 4 * H, *w_c = w_x + 16 * H, *b_c = w_x + 17 * H;
    T* sums = at<T>(f.grad_vectors, b.row, 18 * H);
    T *grad_recurrent = at<T>(f.grad_gates, p, 8 * H), *grad_input = grad_recurrent + 4 * H, *grad_c = grad_h + H;
    const auto add = [&](int64_t at_sum, auto count, Vec<T> value) __attribute__((always_inline)) {
      store_some(sums + at_sum, load_some(sums + at_sum, count) + value, count);
    };
    const auto leave = [&](int64_t u, auto count, Vec<T> grad) __attribute__((always_inline)) {  // the gradient of pre-activation u
      const Vec<T> x = load_some(input + u, count), h = load_some(recurrent + u, count);
      store_some(grad_input + u, grad * load_some(w_x + u, count), count);
      store_some(grad_recurrent + u, grad * load_some(w_h + u, count), count);
      add(u, count, grad * x), add(4 * H + u, count, grad * h), add(8 * H + u, count, grad);
    };
    for_each_unit<T>(H, [&](int64_t u, auto count) {
      const Vec<T> normalised = load_some(normalised_c + u, count), w = load_some(w_c + u, count);
      const Vec<T> output = hyperbolic_tangent<T>(fma(w, normalised, load_some(b_c + u, count)));
      const Vec<T> o = load_some(gates + 3 * H + u, count), grad = load_some(grad_h + u, count);
      const Vec<T> through = grad * o * tanh_slope<T>(output);
      add(16 * H + u, count, through * normalised), add(17 * H + u, count, through);
      store_some(grad_c + u, through * w, count);
      leave(3 * H + u, count, grad * output * sigmoid_slope<T>(o));
    });
    normalise_backward(grad_c, normalised_c, factors[2], H);
    const T* before = c_before<T>(f, b, 0);
    T* carried = at<T>(f.grad_c0, b.row, H);
    for_each_unit<T>(H, [&](int64_t u, auto count) {
      const Vec<T> i = load_some(gates + u, count), forget = load_some(gates + H + u, count);
      const Vec<T> g = load_some(gates + 2 * H + u, count), mask = candidate_mask<T>(f.masks, b, 0, u, count);
      const Vec<T> keep = f.new_c ? kept_share<T>(f, b, 0, u, count) : Vec<T>{};
      Vec<T> arriving = load_some(carried + u, count);
      if (f.grad_c) arriving += load_some(at<T>(f.grad_c, p, f.grad_c_row) + u, count);
      const Vec<T> grad = fma(one_minus<T>(keep), arriving, load_some(grad_c + u, count));
      leave(u, count, grad * g * mask * sigmoid_slope<T>(i));
      leave(H + u, count, grad * load_some(before + u, count) * sigmoid_slope<T>(forget));
      leave(2 * H + u, count, grad * i * mask * tanh_slope<T>(g));
      store_some(carried + u, fma(grad, forget, keep * arriving), count);
    });
    if (b.before < 0) copy_row(sums + 12 * H, sums + 8 * H, 4 * H);  // the last addition to b_ih's, and b_hh has the same
    normalise_backward(grad_input, input, factors[0], 4 * H);
    normalise_backward(grad_recurrent, recurrent, factors[1], 4 * H);
  }
};

}  // namespace
