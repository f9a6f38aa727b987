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

typedef uint32_t Bits __attribute__((vector_size(kVectorBytes)));  // of floats

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

// A bfloat16: the upper half of a float. There are such weights beside those of T where T is float.
using Half = uint16_t;
template <class T>
constexpr bool kHasHalves = false;
template <>
constexpr bool kHasHalves<float> = true;

// The nearest one, of two the even one.
inline Half half_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const bool nan = (bits & 0x7fffffff) > 0x7f800000;
  return static_cast<Half>(nan ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline __attribute__((always_inline)) Vec<float> load(const Half* p) {
#if defined(__AVX512F__)  // of __builtin_convertvector GCC 12 makes a detour over half vectors
  const Bits bits = (Bits)_mm512_maskz_cvtepu16_epi32(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
#elif defined(__AVX2__) && !defined(UNROLLED_WIDE)
  const Bits bits = (Bits)_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#elif defined(__SSE4_1__) && !defined(UNROLLED_WIDE)
  const Bits bits = (Bits)_mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
#else
  typedef Half Halves __attribute__((vector_size(kVectorBytes / 2)));
  Halves halves;
  std::memcpy(&halves, p, sizeof halves);
  const Bits bits = __builtin_convertvector(halves, Bits);
#endif
  return (Vec<float>)(bits << 16);
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

// Operations that compilers do not make of plain expressions: a * b + c and c - a * b, rounded once where the level has a fused
// multiply-add; the larger and the smaller of a bound and x, which is NaN where x is.
#define OPERATION(T, name, first, second, third) \
  inline __attribute__((always_inline)) Vec<T> name(Vec<T> first, Vec<T> second, Vec<T> third)
#define FROM_BOUND(T, name) inline __attribute__((always_inline)) Vec<T> name(Vec<T> bound, Vec<T> x)

#if defined(__x86_64__) && !defined(UNROLLED_WIDE)
#define BOUNDS(T, R, prefix, type)                                                      \
  FROM_BOUND(T, at_least) { return (Vec<T>)prefix##_max_##type((R)bound, (R)x); }       \
  FROM_BOUND(T, at_most) { return (Vec<T>)prefix##_min_##type((R)bound, (R)x); }
#define BOUNDS_512(T, R, type, all) /* with a mask: of the forms without one GCC 12 says that they read undefined values */ \
  FROM_BOUND(T, at_least) { return (Vec<T>)_mm512_maskz_max_##type(all, (R)bound, (R)x); }                           \
  FROM_BOUND(T, at_most) { return (Vec<T>)_mm512_maskz_min_##type(all, (R)bound, (R)x); }
#define PRODUCTS(T, R, prefix, type)                                                                       \
  OPERATION(T, fma, a, b, c) { return (Vec<T>)prefix##_fmadd_##type((R)a, (R)b, (R)c); }                   \
  OPERATION(T, less_product, c, a, b) { return (Vec<T>)prefix##_fnmadd_##type((R)a, (R)b, (R)c); }
#elif defined(__aarch64__)
#define BOUNDS(T, R, type)                                                              \
  FROM_BOUND(T, at_least) { return (Vec<T>)vmaxq_##type((R)bound, (R)x); }              \
  FROM_BOUND(T, at_most) { return (Vec<T>)vminq_##type((R)bound, (R)x); }
#define PRODUCTS(T, R, type)                                                                               \
  OPERATION(T, fma, a, b, c) { return (Vec<T>)vfmaq_##type((R)c, (R)a, (R)b); }                            \
  OPERATION(T, less_product, c, a, b) { return (Vec<T>)vfmsq_##type((R)c, (R)a, (R)b); }
#else
#define BOUNDS(T)                                                                       \
  FROM_BOUND(T, at_least) { return x < bound ? bound : x; }                             \
  FROM_BOUND(T, at_most) { return x > bound ? bound : x; }
#define PRODUCTS_OF_HALVES(T, R, type)                                                                     \
  OPERATION(T, fma, a, b, c) {                                                                             \
    R x[2], y[2], z[2];                                                                                    \
    std::memcpy(x, &a, 64), std::memcpy(y, &b, 64), std::memcpy(z, &c, 64);                                \
    for (int i = 0; i < 2; ++i) z[i] = _mm256_fmadd_##type(x[i], y[i], z[i]);                              \
    std::memcpy(&c, z, 64);                                                                                \
    return c;                                                                                              \
  }                                                                                                        \
  OPERATION(T, less_product, c, a, b) { return fma(-a, b, c); }
#endif
#define PLAIN_PRODUCTS(T)                                     \
  OPERATION(T, fma, a, b, c) { return a * b + c; }            \
  OPERATION(T, less_product, c, a, b) { return c - a * b; }

#if defined(UNROLLED_WIDE)
BOUNDS(float) BOUNDS(double)
PRODUCTS_OF_HALVES(float, __m256, ps) PRODUCTS_OF_HALVES(double, __m256d, pd)
#elif defined(__AVX512F__)
BOUNDS_512(float, __m512, ps, 0xffff) BOUNDS_512(double, __m512d, pd, 0xff)
PRODUCTS(float, __m512, _mm512, ps) PRODUCTS(double, __m512d, _mm512, pd)
#elif defined(__FMA__)
BOUNDS(float, __m256, _mm256, ps) BOUNDS(double, __m256d, _mm256, pd)
PRODUCTS(float, __m256, _mm256, ps) PRODUCTS(double, __m256d, _mm256, pd)
#elif defined(__x86_64__)
BOUNDS(float, __m128, _mm, ps) BOUNDS(double, __m128d, _mm, pd)
PLAIN_PRODUCTS(float) PLAIN_PRODUCTS(double)
#elif defined(__aarch64__)
BOUNDS(float, float32x4_t, f32) BOUNDS(double, float64x2_t, f64)
PRODUCTS(float, float32x4_t, f32) PRODUCTS(double, float64x2_t, f64)
#else
BOUNDS(float) BOUNDS(double)
PLAIN_PRODUCTS(float) PLAIN_PRODUCTS(double)
#endif

// c - a * b without the product's rounding error, for c close to a * b.
template <class T>
inline __attribute__((always_inline)) Vec<T> residual(Vec<T> a, Vec<T> b, Vec<T> c) {
#if defined(__FMA__) || defined(__aarch64__)
  return less_product(c, a, b);
#else  // Dekker's exact product from halves of the mantissas
  const Vec<T> split = broadcast(T(sizeof(T) == 4 ? 4097.0 : 134217729.0));
  const Vec<T> a_high = a * split - (a * split - a), b_high = b * split - (b * split - b);
  const Vec<T> a_low = a - a_high, b_low = b - b_high, p = a * b;
  const Vec<T> lost = ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low;
  return (c - p) - lost;
#endif
}

}  // namespace
