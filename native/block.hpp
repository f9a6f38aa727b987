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
  int64_t first_unit, units;  // first unit of the block, hidden size
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

// Activates gate GATE of COLUMNS in place. The functions are long chains of dependent operations: a loop of its own
// for each keeps many of them in flight, where a step written in one go would wait for every result in turn.
template <class T, int COLUMNS, int GATE, class Function>
inline __attribute__((always_inline)) void activate(const Block<T>& b, T* acc, Function&& function) {
  T* gate = acc + GATE * kLanes<T>;
  for (int i = 0; i < b.rows * b.tiles; ++i, gate += COLUMNS * kLanes<T>) store(gate, function(load(gate)));
}

// Row of a state before the block's step, [B, H] initial or [N, row] of all steps.
template <class T>
inline const T* state_before(const Block<T>& b, int r, const void* initial, const void* all, int64_t all_row) {
  return b.before < 0 ? static_cast<const T*>(initial) + (b.row + r) * b.units
                      : static_cast<const T*>(all) + (b.before + r) * all_row;
}

template <class T>
inline T* at(void* base, int64_t row, int64_t row_length) {
  return static_cast<T*>(base) + row * row_length;
}

template <class T>
inline const T* at(const void* base, int64_t row, int64_t row_length) {
  return static_cast<const T*>(base) + row * row_length;
}

template <class T>
inline __attribute__((always_inline)) Vec<T> one_minus(Vec<T> x) {
  return broadcast(T(1)) - x;
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
inline void copy_row(T* to, const T* from, int64_t n) {
  if (to != from) std::memcpy(to, from, n * sizeof(T));
}

}  // namespace
