// LSTM, gates i, f, g, o: c[t] = f * c[t-1] + i * g, h[t] = o * tanh(c[t]). COUPLED: f = 1 - i, gates i, g, o. PEEPHOLE:
// i and f see p * c[t-1], o sees p * c[t]; vectors: p of i, f (unless coupled), o.
#pragma once

#include "../functions.hpp"

namespace {

template <class T, class Chosen, bool PEEPHOLE = false, bool COUPLED = false>
struct Lstm {
  static constexpr int kColumns = COUPLED ? 3 : 4;
  static constexpr int kI = 0, kF = 1, kG = COUPLED ? 1 : 2, kO = kG + 1;
  static constexpr bool kApart = false, kMeetsU = true;
  static constexpr int kGradColumns = kColumns, kRecurrentColumns = kColumns;
  static constexpr bool kCarry = false;
  static constexpr int kPeepholes = COUPLED ? 2 : 3;

  static void forward(const Forward& f, const Block<T>& b, T* acc) {
    constexpr int C = kColumns, L = kLanes<T>;
    const int64_t H = b.units;
    const Functions& functions = f.functions;
    if (PEEPHOLE)
      for_each_vector<T, C>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
        const Vec<T> c = load_some(c_before<T>(f, b, r) + u, count);
        store(a, fma(vector_of<T, 0>(f, b, u, count), c, load(a)));
        if (!COUPLED) store(a + kF * L, fma(vector_of<T, 1>(f, b, u, count), c, load(a + kF * L)));
      });
    Chosen::template gate<T, C, kI>(functions, b, acc);
    if (!COUPLED) Chosen::template gate<T, C, kF>(functions, b, acc);
    Chosen::template other<T, C, kG, kCandidate>(functions, b, acc);
    if (!PEEPHOLE) Chosen::template gate<T, C, kO>(functions, b, acc);
    for_each_vector<T, C>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const Vec<T> i = load(a), forget = COUPLED ? one_minus<T>(i) : load(a + kF * L), g = load(a + kG * L);
      const Vec<T> proposed = g * candidate_mask<T>(f.masks, b, r, u, count);
      const Vec<T> c = fma(forget, load_some(c_before<T>(f, b, r) + u, count), i * proposed);
      store_some(c_out<T>(f, b, r) + u, c, count);
      store(a + kG * L, c);
      if (PEEPHOLE) store(a + kO * L, fma(vector_of<T, kPeepholes - 1>(f, b, u, count), c, load(a + kO * L)));
      if (!f.tape) return;
      T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
      store_some(gates, i, count);
      if (!COUPLED) store_some(gates + kF * H, forget, count);
      store_some(gates + kG * H, g, count);
    });
    Chosen::template other<T, C, kG, kOutput>(functions, b, acc);
    if (PEEPHOLE) Chosen::template gate<T, C, kO>(functions, b, acc);
    for_each_vector<T, C>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const Vec<T> o = load(a + kO * L);
      store_some(h_out<T>(f, b, r) + u, o * load(a + kG * L), count);
      if (f.tape) store_some(at<T>(f.gates, b.packed + r, f.gates_row) + kO * H + u, o, count);
    });
  }

  static void backward(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    const Functions& functions = f.functions;
    alignas(64) T outputs[kScratch<T>];  // tanh(c)
    for_each_vector<T, 1>(b, outputs, [&](int r, int64_t u, int64_t count, T* output) {
      store(output, load_some(c_out<T>(f, b, r) + u, count));
    });
    Chosen::template other<T, 1, 0, kOutput>(functions, b, outputs);
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + u;
      const Vec<T> i = load_some(gates, count), g = load_some(gates + kG * H, count);
      const Vec<T> forget = COUPLED ? one_minus<T>(i) : load_some(gates + kF * H, count);
      const Vec<T> o = load_some(gates + kO * H, count), output = load(outputs + (a - acc)), grad_h = load(a);
      const Vec<T> before = load_some(c_before<T>(f, b, r) + u, count);
      const Vec<T> mask = candidate_mask<T>(f.masks, b, r, u, count), proposed = g * mask;
      const Vec<T> grad_o = grad_h * output * Chosen::template gate_slope<T>(functions, o);
      Vec<T> grad_c = fma(grad_h * o, Chosen::template other_slope<T, kOutput>(functions, output),
                          arriving_at_memory<T>(f, b, r, u, count));
      if (PEEPHOLE) grad_c = fma(grad_o, vector_of<T, kPeepholes - 1>(f, b, u, count), grad_c);
      const Vec<T> through_i = COUPLED ? proposed - before : proposed;
      const Vec<T> grad_i = grad_c * through_i * Chosen::template gate_slope<T>(functions, i);
      const Vec<T> grad_f = grad_c * before * Chosen::template gate_slope<T>(functions, forget);
      const Vec<T> grad_g = grad_c * i * mask * Chosen::template other_slope<T, kCandidate>(functions, g);
      Vec<T> grad_before = grad_c * forget;
      T* grad = at<T>(f.grad_gates, b.packed + r, kColumns * H) + u;
      store_some(grad, grad_i, count);
      if (!COUPLED) store_some(grad + kF * H, grad_f, count);
      store_some(grad + kG * H, grad_g, count);
      store_some(grad + kO * H, grad_o, count);
      if (PEEPHOLE) {
        grad_before = fma(grad_i, vector_of<T, 0>(f, b, u, count), grad_before);
        add_gradient<T, kPeepholes, 0>(f, b, r, u, count, grad_i * before);
        const Vec<T> c = load_some(c_out<T>(f, b, r) + u, count);
        add_gradient<T, kPeepholes, kPeepholes - 1>(f, b, r, u, count, grad_o * c);
      }
      if (PEEPHOLE && !COUPLED) {
        grad_before = fma(grad_f, vector_of<T, 1>(f, b, u, count), grad_before);
        add_gradient<T, kPeepholes, 1>(f, b, r, u, count, grad_f * before);
      }
      store_some(at<T>(f.grad_c0, b.row + r, H) + u, grad_before, count);
    });
  }
};

}  // namespace
