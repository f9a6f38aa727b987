// GRU, reset before the product, gates r, z, n:
// n = tanh(W_n x + U_n (r * h[t-1]) + b_n), h[t] = (1 - z) * n + z * h[t-1]. Tape: r, z, n.
// r and z come from W x + U h + b, from U h + b, or, without a product, from b alone; vectors: then b_r, b_z.
#pragma once

#include "../functions.hpp"

namespace {

template <class T, class Chosen, bool PRODUCT = true, bool INPUT = true>
struct GruResetBefore {
  static constexpr int kGates = PRODUCT ? 2 : 0, kCandidateGate = 2;
  static constexpr bool kGatesMeetInput = INPUT;

  // r and z from the first product; leaves r * h[t-1] and z in f.work
  static void forward_gates(const Forward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    Block<T> different = b;  // rows whose gates differ
    if (!PRODUCT) {
      different.rows = 1;
      for_each_vector<T, 2>(different, acc, [&](int, int64_t u, int64_t count, T* a) {
        store(a, vector_of<T, 0>(f, b, u, count));
        store(a + kLanes<T>, vector_of<T, 1>(f, b, u, count));
      });
    }
    Chosen::template gate<T, 2, 0>(f.functions, different, acc);
    Chosen::template gate<T, 2, 1>(f.functions, different, acc);
    for_each_vector<T, 2>(b, acc, [&](int row, int64_t u, int64_t count, const T* a) {
      T* kept = at<T>(f.work, b.row + row, f.work_row) + u;
      if (!PRODUCT) a -= row * b.tiles * 2 * kLanes<T>;
      const Vec<T> r = load(a), z = load(a + kLanes<T>);
      const Vec<T> met = load_some(h_before<T>(f, b, row) + u, count) * state_mask<T>(f.masks, b, row, u, count);
      store_some(kept, r * met, count);
      store_some(kept + H, z, count);
      if (!f.tape) return;
      T* gates = at<T>(f.gates, b.packed + row, f.gates_row) + u;
      store_some(gates, r, count);
      store_some(gates + H, z, count);
    });
  }

  // the candidate from the second product, and the new state
  static void forward_state(const Forward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    Chosen::template other<T, 1, 0, kCandidate>(f.functions, b, acc);
    for_each_vector<T, 1>(b, acc, [&](int row, int64_t u, int64_t count, T* a) {
      const Vec<T> n = load(a), z = load_some(at<T>(f.work, b.row + row, f.work_row) + H + u, count);
      const Vec<T> before = load_some(h_before<T>(f, b, row) + u, count);
      const Vec<T> proposed = n * candidate_mask<T>(f.masks, b, row, u, count);
      store_some(h_out<T>(f, b, row) + u, fma(z, before, one_minus<T>(z) * proposed), count);
      if (f.tape) store_some(at<T>(f.gates, b.packed + row, f.gates_row) + 2 * H + u, n, count);
    });
  }

  // gradients of z's and n's pre-activations, and the part of grad h[t-1] that passes through z
  static void backward_state(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    const Functions& functions = f.functions;
    for_each_vector<T, 1>(b, acc, [&](int row, int64_t u, int64_t count, T* a) {
      const T* gates = at<T>(f.gates, b.packed + row, f.gates_row) + u;
      const Vec<T> z = load_some(gates + H, count), n = load_some(gates + 2 * H, count), grad_h = load(a);
      const Vec<T> before = load_some(h_before<T>(f, b, row) + u, count);
      const Vec<T> mask = candidate_mask<T>(f.masks, b, row, u, count);
      const Vec<T> grad_z = grad_h * (before - n * mask) * Chosen::template gate_slope<T>(functions, z);
      const Vec<T> slope = Chosen::template other_slope<T, kCandidate>(functions, n);
      T* grad = at<T>(f.grad_gates, b.packed + row, (kGates + 1) * H) + u;
      if (PRODUCT)
        store_some(grad + H, grad_z, count);
      else
        add_gradient<T, 2, 1>(f, b, row, u, count, grad_z);
      store_some(grad + kGates * H, grad_h * one_minus<T>(z) * mask * slope, count);
      store_some(at<T>(f.grad_h0, b.row + row, H) + u, grad_h * z, count);
    });
  }

  // the gradient of r * h[t-1] came from the product: r's pre-activation, and r's part of grad h[t-1]
  static void backward_gates(const Backward& f, const Block<T>& b, T* acc) {
    const int64_t H = b.units;
    for_each_vector<T, 1>(b, acc, [&](int row, int64_t u, int64_t count, T* a) {
      const int64_t p = b.packed + row;
      const Vec<T> r = load_some(at<T>(f.gates, p, f.gates_row) + u, count), grad_met = load(a);
      const Vec<T> mask = state_mask<T>(f.masks, b, row, u, count);
      const Vec<T> met = load_some(h_before<T>(f, b, row) + u, count) * mask;
      const Vec<T> grad_r = grad_met * met * Chosen::template gate_slope<T>(f.functions, r);
      T* carried = at<T>(f.grad_h0, b.row + row, H) + u;
      if (PRODUCT)
        store_some(at<T>(f.grad_gates, p, (kGates + 1) * H) + u, grad_r, count);
      else
        add_gradient<T, 2, 0>(f, b, row, u, count, grad_r);
      store_some(carried, fma(grad_met * mask, r, load_some(carried, count)), count);
      store_some(at<T>(f.reset_state, p, H) + u, r * met, count);
    });
  }
};

}  // namespace
