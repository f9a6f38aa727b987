// Whole rows of units: their mean and variance, normalisation and its gradient.
#pragma once

#include "block.hpp"

namespace {

// How many lanes of a vector are real, where all are: a constant, so that nothing asks for it.
template <class T>
constexpr std::integral_constant<int64_t, kLanes<T>> kAll{};

// Calls body(unit, count) for the vectors of a row.
template <class T, class Body>
inline __attribute__((always_inline)) void for_each_unit(int64_t units, Body&& body) {
  int64_t u = 0;
  for (; u + kLanes<T> <= units; u += kLanes<T>) body(u, kAll<T>);
  if (u < units) body(u, units - u);
}

// A sum over a row runs in sixteen lanes whatever the vector, so that its bits do not depend on the CPU level.
template <class T>
class RowSum {
 public:
  void add(int64_t unit, Vec<T> terms) { lanes_[unit / kLanes<T> % kVectors] += terms; }

  T total() const {
    T each[kVectors * kLanes<T>];
    for (int i = 0; i < kVectors; ++i) store(each + i * kLanes<T>, lanes_[i]);
    T sum = 0;
    for (T value : each) sum += value;
    return sum;
  }

 private:
  static constexpr int kVectors = 16 / kLanes<T>;
  Vec<T> lanes_[kVectors] = {};
};

// The largest of n numbers, at least one; where some are NaN, it may be any.
template <class T>
inline T largest_of(const T* x, int64_t n) {
  T largest = x[0];
  int64_t i = 0;
  if (n >= kLanes<T>) {
    Vec<T> top = load(x);
    for (; i + kLanes<T> <= n; i += kLanes<T>) {
      const Vec<T> now = load(x + i);
      top = now > top ? now : top;
    }
    T lanes[kLanes<T>];
    store(lanes, top);
    for (T lane : lanes) largest = lane > largest ? lane : largest;
  }
  for (; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

// Lanes past the last unit are zero.
template <class T>
inline Vec<T> only(Vec<T> v, int64_t count) {
  if (count >= kLanes<T>) return v;
  T lanes[kLanes<T>] = {};
  store_some(lanes, v, count);
  return load(lanes);
}

constexpr double kEpsilon = 1e-5;  // added to a variance

// to = (x - mean) / sqrt(variance + epsilon), which may be the same memory; returns the factor.
template <class T>
inline T normalise(const T* x, T* to, int64_t units) {
  RowSum<T> sum, squares;
  for_each_unit<T>(units, [&](int64_t u, auto count) { sum.add(u, load_some(x + u, count)); });
  const Vec<T> mean = broadcast(sum.total() / T(units));
  for_each_unit<T>(units, [&](int64_t u, auto count) {
    const Vec<T> distance = only<T>(load_some(x + u, count) - mean, count);
    squares.add(u, distance * distance);
  });
  const T factor = T(1) / __builtin_sqrt(squares.total() / T(units) + T(kEpsilon));
  for_each_unit<T>(units, [&](int64_t u, auto count) {
    store_some(to + u, (load_some(x + u, count) - mean) * broadcast(factor), count);
  });
  return factor;
}

// grad = the gradient of x, from that of its normalised values, which are given.
template <class T>
inline void normalise_backward(T* grad, const T* normalised, T factor, int64_t units) {
  RowSum<T> sum, products;
  for_each_unit<T>(units, [&](int64_t u, auto count) {
    const Vec<T> g = load_some(grad + u, count);
    sum.add(u, g), products.add(u, g * load_some(normalised + u, count));
  });
  const Vec<T> mean = broadcast(sum.total() / T(units)), slope = broadcast(products.total() / T(units));
  for_each_unit<T>(units, [&](int64_t u, auto count) {
    const Vec<T> rest = load_some(grad + u, count) - mean - load_some(normalised + u, count) * slope;
    store_some(grad + u, rest * broadcast(factor), count);
  });
}

}  // namespace
