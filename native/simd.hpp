// Vectors of N lanes as GCC and Clang vector extensions, and the few operations the kernels need on them.
// Every arithmetic step is spelled out (fma only through fma() below; the build sets -ffp-contract=off), so the
// same source gives the same bits on every CPU level that has a fused multiply-add.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace {

#if defined(__AVX512F__) || defined(UNROLLED_WIDE)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <class T>
struct Lanes;
template <>
struct Lanes<float> {
  typedef float type __attribute__((vector_size(kVectorBytes)));
  typedef int32_t integers __attribute__((vector_size(kVectorBytes)));
  typedef float anywhere __attribute__((vector_size(kVectorBytes), aligned(sizeof(float)), may_alias));  // in memory
};
template <>
struct Lanes<double> {
  typedef double type __attribute__((vector_size(kVectorBytes)));
  typedef int64_t integers __attribute__((vector_size(kVectorBytes)));
  typedef double anywhere __attribute__((vector_size(kVectorBytes), aligned(sizeof(double)), may_alias));  // in memory
};

template <class T>
using Vec = typename Lanes<T>::type;
template <class T>
using IntVec = typename Lanes<T>::integers;
template <class T>
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <class T>
inline __attribute__((always_inline)) Vec<T> load(const T* p) {
  return *reinterpret_cast<const typename Lanes<T>::anywhere*>(p);
}

template <class T>
inline __attribute__((always_inline)) void store(T* p, Vec<T> v) {
  *reinterpret_cast<typename Lanes<T>::anywhere*>(p) = v;
}

// The first `count` lanes; the others are zero and nothing beyond p[count - 1] is touched.
template <class T>
inline __attribute__((always_inline)) Vec<T> load_some(const T* p, int64_t count) {
  if (__builtin_expect(count >= kLanes<T>, 1)) return load(p);
  T lanes[kLanes<T>] = {};
  for (int64_t i = 0; i < count; ++i) lanes[i] = p[i];
  return load(lanes);
}

template <class T>
inline __attribute__((always_inline)) void store_some(T* p, Vec<T> v, int64_t count) {
  if (__builtin_expect(count >= kLanes<T>, 1)) return store(p, v);
  T lanes[kLanes<T>];
  store(lanes, v);
  for (int64_t i = 0; i < count; ++i) p[i] = lanes[i];
}

template <class T>
inline __attribute__((always_inline)) Vec<T> broadcast(T x) {
  return x - Vec<T>{};  // subtracting zero keeps the sign of -0 and compiles to a plain broadcast
}

// a * b + c, rounded once where the level has a fused multiply-add.
inline __attribute__((always_inline)) Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
#if defined(__AVX512F__)
  return (Vec<float>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(UNROLLED_WIDE)
  typedef __m256 Half[2];
  Half x, y, z;
  std::memcpy(&x, &a, 64), std::memcpy(&y, &b, 64), std::memcpy(&z, &c, 64);
  for (int i = 0; i < 2; ++i) z[i] = _mm256_fmadd_ps(x[i], y[i], z[i]);
  std::memcpy(&c, &z, 64);
  return c;
#elif defined(__FMA__)
  return (Vec<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
  return (Vec<float>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}

inline __attribute__((always_inline)) Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
#if defined(__AVX512F__)
  return (Vec<double>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(UNROLLED_WIDE)
  typedef __m256d Half[2];
  Half x, y, z;
  std::memcpy(&x, &a, 64), std::memcpy(&y, &b, 64), std::memcpy(&z, &c, 64);
  for (int i = 0; i < 2; ++i) z[i] = _mm256_fmadd_pd(x[i], y[i], z[i]);
  std::memcpy(&c, &z, 64);
  return c;
#elif defined(__FMA__)
  return (Vec<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__aarch64__)
  return (Vec<double>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
  return a * b + c;
#endif
}

// c - a * b without the product's rounding error, for c close to a * b.
template <class T>
inline __attribute__((always_inline)) Vec<T> residual(Vec<T> a, Vec<T> b, Vec<T> c) {
#if defined(__FMA__) || defined(__aarch64__)
  return fma(-a, b, c);
#else  // Dekker's exact product from halves of the mantissas
  const Vec<T> split = broadcast(T(sizeof(T) == 4 ? 4097.0 : 134217729.0));
  const Vec<T> a_high = a * split - (a * split - a), b_high = b * split - (b * split - b);
  const Vec<T> a_low = a - a_high, b_low = b - b_high, p = a * b;
  const Vec<T> lost = ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low;
  return (c - p) - lost;
#endif
}

}  // namespace
