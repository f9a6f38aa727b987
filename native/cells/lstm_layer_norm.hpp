// Layer-norm LSTM, gates i, f, g, o: a = w_x * N(W x) + b_ih + w_h * N(U h[t-1]) + b_hh over all gates together,
// c[t] = f * c[t-1] + i * g, h[t] = o * tanh(w_c * N(c[t]) + b_c).
// Vectors: w_x, w_h, b_ih, b_hh of all gates, then w_c, b_c. Tape: N(W x), N(U h), gates, N(c), and what N multiplied each by.
#pragma once

#include "../row.hpp"

namespace {

template <class T>
struct LstmLayerNorm {
  static constexpr int kColumns = 4;
  static constexpr bool kCarry = false;

  // `recurrent` holds U h, and room for the gates and N(c)
  static void forward(const Forward& f, const Block<T>& b, T* recurrent) {
    const int64_t H = b.units, p = b.packed;
    T* input = at<T>(f.gates, p, f.gates_row);
    T* gates = f.tape ? input + 8 * H : recurrent;
    T* normalised_c = f.tape ? input + 12 * H : recurrent + 4 * H;
    const T *w_x = at<T>(f.vectors, 0, H), *w_h = w_x + 4 * H, *b_ih = w_x + 8 * H, *b_hh = w_x + 12 * H;
    const T factor_x = normalise(input, 4 * H), factor_h = normalise(recurrent, 4 * H);
    if (f.tape) copy_row(input + 4 * H, recurrent, 4 * H);
    for (int gate = 0; gate < 4; ++gate)
      for_each_unit<T>(H, [&](int64_t unit, int64_t count) {
        const int64_t u = gate * H + unit;
        const Vec<T> from_x = fma(load_some(w_x + u, count), load_some(input + u, count), load_some(b_ih + u, count));
        const Vec<T> from_h = fma(load_some(w_h + u, count), load_some(recurrent + u, count), load_some(b_hh + u, count));
        const Vec<T> a = from_x + from_h;
        store_some(gates + u, gate == 2 ? hyperbolic_tangent<T>(a) : sigmoid<T>(a), count);
      });
    const T* before = c_before<T>(f, b, 0);
    T* c = c_out<T>(f, b, 0);
    for_each_unit<T>(H, [&](int64_t u, int64_t count) {
      const Vec<T> i = load_some(gates + u, count), forget = load_some(gates + H + u, count);
      const Vec<T> g = load_some(gates + 2 * H + u, count) * candidate_mask<T>(f.masks, b, 0, u, count);
      const Vec<T> now = fma(forget, load_some(before + u, count), i * g);
      store_some(c + u, now, count);
      store_some(normalised_c + u, now, count);
    });
    const T factor_c = normalise(normalised_c, H);
    const T *w_c = w_x + 16 * H, *b_c = w_x + 17 * H;
    T* h = h_out<T>(f, b, 0);
    for_each_unit<T>(H, [&](int64_t u, int64_t count) {
      const Vec<T> a = fma(load_some(w_c + u, count), load_some(normalised_c + u, count), load_some(b_c + u, count));
      store_some(h + u, load_some(gates + 3 * H + u, count) * hyperbolic_tangent<T>(a), count);
    });
    if (!f.tape) return;
    T* factors = input + 13 * H;
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
    const auto add = [&](int64_t at_sum, int64_t count, Vec<T> value) {
      store_some(sums + at_sum, load_some(sums + at_sum, count) + value, count);
    };
    const auto leave = [&](int64_t u, int64_t count, Vec<T> grad) {  // the gradient of pre-activation u
      const Vec<T> x = load_some(input + u, count), h = load_some(recurrent + u, count);
      store_some(grad_input + u, grad * load_some(w_x + u, count), count);
      store_some(grad_recurrent + u, grad * load_some(w_h + u, count), count);
      add(u, count, grad * x), add(4 * H + u, count, grad * h), add(8 * H + u, count, grad);
      add(12 * H + u, count, grad);
    };
    for_each_unit<T>(H, [&](int64_t u, int64_t count) {
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
    for_each_unit<T>(H, [&](int64_t u, int64_t count) {
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
    normalise_backward(grad_input, input, factors[0], 4 * H);
    normalise_backward(grad_recurrent, recurrent, factors[1], 4 * H);
  }
};

}  // namespace
