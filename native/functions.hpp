// The activation functions of cells that leave them free: those a cell was published with, or any.
#pragma once

#include "block.hpp"

namespace {

// Places among a cell's functions; an RNN's only one is the first.
enum Role : int { kGate, kCandidate, kOutput };

// log(1 + e) for 0 <= e <= 1, as 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...).
template <class T>
inline __attribute__((always_inline)) Vec<T> log_one_plus(Vec<T> e) {
  constexpr int kTerms = sizeof(T) == 4 ? 5 : 11;
  const Vec<T> one = broadcast(T(1)), two = broadcast(T(2));
  const auto upper = e > broadcast(T(0.41421356237309505));  // there log 2 + log((1 + e) / 2)
  const Vec<T> s = (upper ? e - one : e) / (upper ? e + broadcast(T(3)) : e + two);
  const Vec<T> square = s * s;
  Vec<T> series = broadcast(T(1) / T(2 * kTerms - 1));
  for (int k = kTerms - 2; k >= 1; --k) series = fma(series, square, broadcast(T(1) / T(2 * k + 1)));
  const Vec<T> log = fma(s * square * series, two, s + s);
  return upper ? log + broadcast(T(0.69314718055994530942)) : log;
}

// log(1 + exp(a)), and log(sigmoid(a)) = -softplus(-a).
template <class T>
inline __attribute__((always_inline)) Vec<T> softplus(Vec<T> a) {
  return rectified<T>(a) + log_one_plus<T>(exponential_of_negative<T>(negative_magnitude<T>(a)));
}

// exp(a) - 1 for a <= 0.
template <class T>
inline __attribute__((always_inline)) Vec<T> exponential_minus_one(Vec<T> a) {
  a = a < broadcast(T(-50)) ? broadcast(T(-50)) : a;
  const Reduced<T> e = reduce<T>(a);
  const Vec<T> scale = power_of_two<T>(e.n);
  return fma(e.low, scale, fma(e.r, scale, scale - broadcast(T(1))));
}

// The functions of a cell as published: gates by the logistic function, everything else by tanh.
struct Published {
  template <class T, int COLUMNS, int GATE>
  static inline __attribute__((always_inline)) void gate(const Functions&, const Block<T>& b, T* acc) {
    activate<T, COLUMNS, GATE>(b, acc, sigmoid<T>);
  }
  template <class T, int COLUMNS, int GATE, int WHICH>
  static inline __attribute__((always_inline)) void other(const Functions&, const Block<T>& b, T* acc) {
    activate<T, COLUMNS, GATE>(b, acc, hyperbolic_tangent<T>);
  }
  template <class T>
  static inline __attribute__((always_inline)) Vec<T> gate_slope(const Functions&, Vec<T> y) {
    return sigmoid_slope<T>(y);
  }
  template <class T, int WHICH>
  static inline __attribute__((always_inline)) Vec<T> other_slope(const Functions&, Vec<T> y) {
    return tanh_slope<T>(y);
  }
};

// Function WHICH of a cell applied to a vector.
template <class T>
inline Vec<T> apply(const Activated& a, Vec<T> x) {
  const Vec<T> zero{}, one = broadcast(T(1)), alpha = broadcast(T(a.alpha)), beta = broadcast(T(a.beta));
  const auto limit = [&](Vec<T> v, Vec<T> low, Vec<T> high) {
    v = v < low ? low : v;
    return v > high ? high : v;
  };
  switch (a.function) {
    case Activation::tanh: return hyperbolic_tangent<T>(x);
    case Activation::sigmoid: return sigmoid<T>(x);
    case Activation::relu: return rectified<T>(x);
    case Activation::hard_sigmoid: return limit(fma(alpha, x, beta), zero, one);
    case Activation::hard_tanh: return limit(x, -one, one);
    case Activation::leaky_relu: return x < zero ? alpha * x : x;
    case Activation::thresholded_relu: return x <= alpha ? zero : x;
    case Activation::affine: return fma(alpha, x, beta);
    case Activation::scaled_tanh: return alpha * hyperbolic_tangent<T>(beta * x);
    case Activation::elu: return x < zero ? alpha * exponential_minus_one<T>(x < zero ? x : zero) : x;
    case Activation::softsign: return x / (one + magnitude<T>(x));
    case Activation::softplus: return softplus<T>(x);
    case Activation::identity: break;
  }
  return x;
}

// Its derivative in terms of its result; NaN stays NaN where the derivative depends on the result at all.
template <class T>
inline Vec<T> slope(const Activated& a, Vec<T> y) {
  const Vec<T> zero{}, one = broadcast(T(1)), alpha = broadcast(T(a.alpha)), beta = broadcast(T(a.beta));
  const auto with_nan = [&](Vec<T> slope) { return y == y ? slope : y; };
  switch (a.function) {
    case Activation::tanh: return tanh_slope<T>(y);
    case Activation::sigmoid: return sigmoid_slope<T>(y);
    case Activation::relu: return rectified_slope<T>(y);
    case Activation::hard_sigmoid: return with_nan((y > zero) & (y < one) ? alpha : zero);
    case Activation::hard_tanh: return with_nan((y > -one) & (y < one) ? one : zero);
    case Activation::leaky_relu: return with_nan(y < zero ? alpha : one);
    case Activation::thresholded_relu: return with_nan(y == zero ? zero : one);
    case Activation::affine: return alpha;
    case Activation::scaled_tanh: return alpha * beta * tanh_slope<T>(y / alpha);
    case Activation::elu: return with_nan(y < zero ? y + alpha : one);
    case Activation::softsign: return one_minus<T>(magnitude<T>(y)) * one_minus<T>(magnitude<T>(y));
    case Activation::softplus: return -exponential_minus_one<T>(-y);
    case Activation::identity: break;
  }
  return one;
}

// Any functions: the first is that of the gates.
struct Any {
  template <class T, int COLUMNS, int GATE, int WHICH>
  static inline void other(const Functions& f, const Block<T>& b, T* acc) {
    const Activated& a = f.each[WHICH];
    if (WHICH < kOutput && f.clip > 0) {  // the arguments of gates and candidates, not the memory
      const Vec<T> high = broadcast(T(f.clip)), low = -high;
      activate<T, COLUMNS, GATE>(b, acc, [&](Vec<T> x) {
        x = x < low ? low : x;
        return x > high ? high : x;
      });
    }
    switch (a.function) {  // outside the loop where the function is worth it
      case Activation::tanh: return activate<T, COLUMNS, GATE>(b, acc, hyperbolic_tangent<T>);
      case Activation::sigmoid: return activate<T, COLUMNS, GATE>(b, acc, sigmoid<T>);
      case Activation::relu: return activate<T, COLUMNS, GATE>(b, acc, rectified<T>);
      case Activation::identity: return;
      default: return activate<T, COLUMNS, GATE>(b, acc, [&](Vec<T> x) { return apply<T>(a, x); });
    }
  }
  template <class T, int COLUMNS, int GATE>
  static inline void gate(const Functions& f, const Block<T>& b, T* acc) {
    other<T, COLUMNS, GATE, kGate>(f, b, acc);
  }
  template <class T>
  static inline Vec<T> gate_slope(const Functions& f, Vec<T> y) {
    return slope<T>(f.each[kGate], y);
  }
  template <class T, int WHICH>
  static inline Vec<T> other_slope(const Functions& f, Vec<T> y) {
    return slope<T>(f.each[WHICH], y);
  }
};

}  // namespace
