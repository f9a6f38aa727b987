// exp, sigmoid and tanh, lane by lane: at most 1, 2 and 2 ulp over every finite input, subnormals included;
// NaN gives NaN and the infinities give their limits. One reduction serves all three:
// x = n ln 2 + r with |r| <= ln(2)/2, and expm1(r) = r + r^2 q(r) with q a polynomial.
#pragma once

#include <type_traits>

#include "simd.hpp"

namespace {

template <class T>
struct Reduction;

template <>
struct Reduction<float> {
  static constexpr int kMantissaBits = 23;
  static constexpr int32_t kBias = 127;
  static constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer held in the low bits
  static constexpr float kLog2e = 1.44269504088896341f;
  static constexpr float kLn2High = 0.693359375f;  // nine bits: n * high is exact
  static constexpr float kLn2Low = -2.12194440054690583e-4f;
  static constexpr float kExpMin = -104.0f, kExpMax = 89.0f;  // beyond: 0 and infinity
  static constexpr float kTanhMax = 10.0f;                    // beyond: 1
  static constexpr int32_t kRaise = 64;
  static constexpr float kLower = 0x1p-64f;
  static constexpr float kPolynomial[] = {0.5f,           0.166666672f,   0.0416663662f,
                                          0.00833327416f, 0.00139403262f, 0.000199136586f};
};

template <>
struct Reduction<double> {
  static constexpr int kMantissaBits = 52;
  static constexpr int64_t kBias = 1023;
  static constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double kLog2e = 1.44269504088896340736;
  static constexpr double kLn2High = 0x1.62e42feep-1;  // 32 bits: n * high is exact
  static constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  static constexpr double kExpMin = -746.0, kExpMax = 710.0;
  static constexpr double kTanhMax = 20.0;
  static constexpr int64_t kRaise = 512;
  static constexpr double kLower = 0x1p-512;
  static constexpr double kPolynomial[] = {
      0x1.0000000000000p-1,  0x1.5555555555559p-3,  0x1.555555555555ap-5,  0x1.111111110f7e2p-7,
      0x1.6c16c16c14611p-10, 0x1.a01a01af78d35p-13, 0x1.a01a01b0491c3p-16, 0x1.71ddf94aed43ep-19,
      0x1.27e4c66360aaep-22, 0x1.af5d337cc152cp-26, 0x1.1f94638d8645bp-29};
};

template <class T>
constexpr auto kSign = static_cast<typename std::remove_reference<decltype(IntVec<T>{}[0])>::type>(1)
                       << (sizeof(T) * 8 - 1);

// |x| and -|x|.
template <class T>
inline __attribute__((always_inline)) Vec<T> magnitude(Vec<T> x) {
  return (Vec<T>)((IntVec<T>)x & ~(IntVec<T>{} + kSign<T>));
}
template <class T>
inline __attribute__((always_inline)) Vec<T> negative_magnitude(Vec<T> x) {
  return (Vec<T>)((IntVec<T>)x | (IntVec<T>{} + kSign<T>));
}

// 2^n for the integer lanes n, which must be exponents of normal numbers.
template <class T>
inline __attribute__((always_inline)) Vec<T> power_of_two(IntVec<T> n) {
  return (Vec<T>)((n + Reduction<T>::kBias) << Reduction<T>::kMantissaBits);
}

// x = n ln 2 + r, and expm1(r) = r + low. Keeping the two apart is what brings tanh below 2 ulp.
template <class T>
struct Reduced {
  IntVec<T> n;
  Vec<T> r, low;
};

template <class T>
inline __attribute__((always_inline)) Reduced<T> reduce(Vec<T> x) {
  using C = Reduction<T>;
  const Vec<T> magic = broadcast(C::kMagic);
  const Vec<T> shifted = fma(x, broadcast(C::kLog2e), magic);
  const Vec<T> rounded = shifted - magic;
  const Vec<T> high = fma(rounded, broadcast(-C::kLn2High), x);
  const Vec<T> r = fma(rounded, broadcast(-C::kLn2Low), high);
  constexpr int terms = sizeof(C::kPolynomial) / sizeof(T);
  Vec<T> q = broadcast(C::kPolynomial[terms - 1]);
  for (int i = terms - 2; i >= 0; --i) q = fma(q, r, broadcast(C::kPolynomial[i]));
  return {(IntVec<T>)shifted - (IntVec<T>)magic, r, q * (r * r)};
}

template <class T>
inline __attribute__((always_inline)) Vec<T> exponential(Vec<T> x) {
  using C = Reduction<T>;
  x = x < broadcast(C::kExpMin) ? broadcast(C::kExpMin) : x;
  x = x > broadcast(C::kExpMax) ? broadcast(C::kExpMax) : x;
  const Reduced<T> e = reduce<T>(x);
  const IntVec<T> half = e.n >> 1;  // two factors, so that 2^n may leave the range of normal numbers
  const Vec<T> scale = power_of_two<T>(half);
  return fma(e.r + e.low, scale, scale) * power_of_two<T>(e.n - half);
}

// exp(x) for x <= 0, where one exponent can be made normal by a constant factor.
template <class T>
inline __attribute__((always_inline)) Vec<T> exponential_of_negative(Vec<T> x) {
  using C = Reduction<T>;
  const Reduced<T> e = reduce<T>(at_least(broadcast(C::kExpMin), x));
  const Vec<T> scale = power_of_two<T>(e.n + C::kRaise);
  return fma(e.r + e.low, scale, scale) * broadcast(C::kLower);
}

// numerator / (high + low), where low is what rounding took from the denominator: rounded once.
template <class T>
inline __attribute__((always_inline)) Vec<T> divide(Vec<T> numerator, Vec<T> high, Vec<T> low) {
  const Vec<T> inverse = broadcast(T(1)) / high;
  const Vec<T> y = numerator * inverse;
  const Vec<T> remainder = less_product(residual<T>(y, high, numerator), y, low);
  return fma(remainder, inverse, y);
}

// sigmoid(x) = (x >= 0 ? 1 : e) / (1 + e) with e = exp(-|x|), which never overflows.
template <class T>
inline __attribute__((always_inline)) Vec<T> sigmoid(Vec<T> x) {
  const Vec<T> one = broadcast(T(1));
  const Vec<T> e = exponential_of_negative<T>(negative_magnitude<T>(x));
  const Vec<T> sum = one + e;
  return divide<T>(x < broadcast(T(0)) ? e : one, sum, e - (sum - one));
}

// tanh(|x|) = m / (m + 2) with m = expm1(2|x|), and the sign of x.
template <class T>
inline __attribute__((always_inline)) Vec<T> hyperbolic_tangent(Vec<T> x) {
  using C = Reduction<T>;
  const Vec<T> one = broadcast(T(1)), two = broadcast(T(2));
  Vec<T> a = magnitude<T>(x);
  const IntVec<T> sign = (IntVec<T>)x ^ (IntVec<T>)a;
  a = at_most(broadcast(C::kTanhMax), a);
  const Reduced<T> e = reduce<T>(a + a);
  const Vec<T> scale = power_of_two<T>(e.n);
  const Vec<T> m = fma(e.low, scale, fma(e.r, scale, scale - one));
  const Vec<T> sum = two + m;
  return (Vec<T>)((IntVec<T>)divide<T>(m, sum, m - (sum - two)) ^ sign);
}

}  // namespace
