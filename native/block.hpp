// What a cell's pointwise step sees: a block of rows times a run of units, and where their states live.
#pragma once

#include "elementary.hpp"
#include "product.hpp"
#include "sequences.hpp"

namespace {

template <class T>
struct Block {
  int64_t row;     // first batch row
  int64_t packed;  // first row in packed arrays
  int64_t before;  // row of the packed arrays that holds the state before, or -1: the initial state
  int rows, tiles;
  int64_t first_unit, units;  // first unit of the block, how many units there are in all
};

// Calls body(r, unit, count, acc) for every row and vector of units of a block; `count` lanes are real,
// acc points at the vectors the product left for them, COLUMNS a tile.
template <class T, int COLUMNS, class Body>
inline __attribute__((always_inline)) void for_each_vector(const Block<T>& b, T* acc, Body&& body) {
  for (int r = 0; r < b.rows; ++r)
    for (int i = 0; i < b.tiles; ++i) {
      const int64_t unit = b.first_unit + i * kLanes<T>;
      body(r, unit, b.units - unit, acc);
      acc += COLUMNS * kLanes<T>;
    }
}

// Calls body(r, unit, count) for the same, where nothing of a product is wanted.
template <class T, class Body>
inline __attribute__((always_inline)) void for_each_place(const Block<T>& b, Body&& body) {
  for (int r = 0; r < b.rows; ++r)
    for (int i = 0; i < b.tiles; ++i) {
      const int64_t unit = b.first_unit + i * kLanes<T>;
      body(r, unit, b.units - unit);
    }
}

// Activates gate GATE of COLUMNS in place. The functions are long chains of dependent operations: a loop of its own
// for each keeps many of them in flight, where a step written in one go would wait for every result in turn.
template <class T, int COLUMNS, int GATE, class Function>
inline __attribute__((always_inline)) void activate(const Block<T>& b, T* acc, Function&& function) {
  T* gate = acc + GATE * kLanes<T>;
  for (int i = 0; i < b.rows * b.tiles; ++i, gate += COLUMNS * kLanes<T>) store(gate, function(load(gate)));
}

template <class T>
inline T* at(void* base, int64_t row, int64_t row_length) {
  return static_cast<T*>(base) + row * row_length;
}

template <class T>
inline const T* at(const void* base, int64_t row, int64_t row_length) {
  return static_cast<const T*>(base) + row * row_length;
}

// Row of h before the block's step, [B, units] initial or [N, h_row] of all steps.
template <class T, class Pass>
inline const T* h_before(const Pass& f, const Block<T>& b, int r) {
  return b.before < 0 ? at<T>(f.h0, b.row + r, b.units) : at<T>(f.h, b.before + r, f.h_row);
}

// What the product with U meets of it: the same, or the same under its mask.
template <class T>
inline __attribute__((always_inline)) Vec<T> state_mask(const Masks& m, const Block<T>& b, int r, int64_t u,
                                                        int64_t count) {
  return m.state_mask ? load_some(at<T>(m.state_mask, b.row + r, b.units) + u, count) : broadcast(T(1));
}

// What a step's candidate is multiplied by.
template <class T>
inline __attribute__((always_inline)) Vec<T> candidate_mask(const Masks& m, const Block<T>& b, int r, int64_t u,
                                                            int64_t count) {
  return m.candidate_mask ? load_some(at<T>(m.candidate_mask, b.packed + r, m.mask_row) + u, count) : broadcast(T(1));
}

// The share of the state before that zoneout keeps.
template <class T>
inline Vec<T> share(const void* mask, int64_t row, int64_t row_length, double constant, int64_t u, int64_t count) {
  return mask ? load_some(at<T>(mask, row, row_length) + u, count) : broadcast(T(constant));
}

// Where a step leaves h: its place among all steps or, where zoneout follows, beside it.
template <class T>
inline T* h_out(const Forward& f, const Block<T>& b, int r) {
  if (f.new_h) return at<T>(f.new_h, f.tape ? b.packed + r : b.row + r, b.units);
  return at<T>(f.h, b.packed + r, f.h_row);
}

template <class T>
inline const T* h_out(const Backward& f, const Block<T>& b, int r) {
  return f.new_h ? at<T>(f.new_h, b.packed + r, b.units) : at<T>(f.h, b.packed + r, f.h_row);
}

// Row of the memory, of M values a unit, before the step. Without a tape there is one row a sequence.
template <class T, int M = 1>
inline const T* c_before(const Forward& f, const Block<T>& b, int r) {
  if (!f.tape) return at<T>(f.c, b.row + r, M * b.units);
  return b.before < 0 ? at<T>(f.c0, b.row + r, M * b.units) : at<T>(f.c, b.before + r, f.c_row);
}

template <class T, int M = 1>
inline const T* c_before(const Backward& f, const Block<T>& b, int r) {
  return b.before < 0 ? at<T>(f.c0, b.row + r, M * b.units) : at<T>(f.c, b.before + r, f.c_row);
}

// Where a step leaves the memory.
template <class T, int M = 1>
inline T* c_out(const Forward& f, const Block<T>& b, int r) {
  if (f.new_c) return at<T>(f.new_c, f.tape ? b.packed + r : b.row + r, b.units);
  return f.tape ? at<T>(f.c, b.packed + r, f.c_row) : at<T>(f.c, b.row + r, M * b.units);
}

template <class T>
inline const T* c_out(const Backward& f, const Block<T>& b, int r) {
  return f.new_c ? at<T>(f.new_c, b.packed + r, b.units) : at<T>(f.c, b.packed + r, f.c_row);
}

// What a step writes, for its product to ask for; a single row's units are too many for that.
template <class T>
inline Lines written(const Forward& f, const Block<T>& b) {
  Lines lines;
  if (b.rows == 1) return lines;
  const int64_t u = b.first_unit;
  if (f.tape && f.gates)
    for (int64_t column = 0; column < f.gates_row / b.units; ++column)
      lines.add(at<T>(f.gates, b.packed, f.gates_row) + column * b.units + u, f.gates_row, b.tiles);
  if (f.h) lines.add(h_out<T>(f, b, 0) + u, f.new_h ? b.units : f.h_row, b.tiles);
  if (f.c && f.tape) lines.add(c_out<T>(f, b, 0) + u, f.new_c ? b.units : f.c_row, b.tiles);
  return lines;
}

template <class T>
inline Lines written(const Backward& f, const Block<T>& b, int columns) {
  Lines lines;
  if (b.rows == 1) return lines;
  for (int column = 0; column < columns; ++column)
    lines.add(at<T>(f.grad_gates, b.packed, columns * b.units) + column * b.units + b.first_unit, columns * b.units, b.tiles);
  return lines;
}

// Gradient that arrives at value K of M of the memory, from later steps and from outside.
template <class T, int M = 1, int K = 0>
inline __attribute__((always_inline)) Vec<T> arriving_at_memory(const Backward& f, const Block<T>& b, int r, int64_t u,
                                                                int64_t count) {
  const int64_t at_k = K * b.units + u;
  const Vec<T> carried = load_some(at<T>(f.grad_c0, b.row + r, M * b.units) + at_k, count);
  if (!f.grad_c || f.new_c) return carried;  // zoneout has added it
  return carried + load_some(at<T>(f.grad_c, b.packed + r, f.grad_c_row) + at_k, count);
}

// The K-th parameter a unit.
template <class T, int K, class Pass>
inline __attribute__((always_inline)) Vec<T> vector_of(const Pass& f, const Block<T>& b, int64_t u, int64_t count) {
  return load_some(at<T>(f.vectors, K, b.units) + u, count);
}

// Adds to the gradient of the K-th of V parameters a unit.
template <class T, int V, int K>
inline __attribute__((always_inline)) void add_gradient(const Backward& f, const Block<T>& b, int r, int64_t u,
                                                        int64_t count, Vec<T> value) {
  T* sum = at<T>(f.grad_vectors, b.row + r, V * b.units) + K * b.units + u;
  store_some(sum, load_some(sum, count) + value, count);
}

template <class T>
inline __attribute__((always_inline)) Vec<T> one_minus(Vec<T> x) {
  return broadcast(T(1)) - x;
}

// How much of the memory before the step zoneout keeps, and what it leaves of both: for steps whose output is made of it.
template <class T, class Pass>
inline Vec<T> kept_share(const Pass& f, const Block<T>& b, int r, int64_t u, int64_t count) {
  return share<T>(f.masks.keep_c, b.packed + r, f.masks.mask_row, f.masks.zoneout_c, u, count);
}

template <class T>
inline Vec<T> kept_memory(const Forward& f, const Block<T>& b, int r, int64_t u, int64_t count, Vec<T> before, Vec<T> now) {
  const Vec<T> keep = kept_share<T>(f, b, r, u, count);
  return keep * before + one_minus<T>(keep) * now;
}

// Derivatives of the activations in terms of their results.
template <class T>
inline __attribute__((always_inline)) Vec<T> sigmoid_slope(Vec<T> s) {
  return s * one_minus<T>(s);
}
template <class T>
inline __attribute__((always_inline)) Vec<T> tanh_slope(Vec<T> y) {
  return fma(-y, y, broadcast(T(1)));
}
template <class T>
inline __attribute__((always_inline)) Vec<T> rectified(Vec<T> a) {
  return a < broadcast(T(0)) ? broadcast(T(0)) : a;  // NaN stays NaN
}
template <class T>
inline __attribute__((always_inline)) Vec<T> rectified_slope(Vec<T> y) {
  return y > broadcast(T(0)) ? broadcast(T(1)) : y == y ? broadcast(T(0)) : y;  // NaN stays NaN
}

template <class T>
inline void copy_row(T* to, const T* from, int64_t n) {
  if (to != from) std::memcpy(to, from, n * sizeof(T));
}

}  // namespace
