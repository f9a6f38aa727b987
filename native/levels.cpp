#include "levels.hpp"

#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
extern "C" const Level unrolled_level_v2, unrolled_level_v3, unrolled_level_v4;
#if defined(UNROLLED_HAS_WIDE)
extern "C" const Level unrolled_level_wide;
#endif
#elif defined(__aarch64__)
extern "C" const Level unrolled_level_neon;
#else
extern "C" const Level unrolled_level_generic;
#endif

namespace {

#if defined(__x86_64__)

bool has(unsigned reg, std::initializer_list<int> bits) {
  for (int bit : bits)
    if (!(reg >> bit & 1)) return false;
  return true;
}

// The operating system must save the registers a level uses: bits 1, 2 for AVX and 5 to 7 for AVX-512 in XCR0.
uint64_t saved_registers() {
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

std::vector<const Level*> find_levels() {
  unsigned a, b, c, d;
  std::vector<const Level*> found;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return found;
  const unsigned features = c;
  const bool v2 = has(features, {0, 9, 13, 19, 20, 23});  // SSE3, SSSE3, CX16, SSE4.1, SSE4.2, POPCNT
  const uint64_t saved = has(features, {27}) ? saved_registers() : 0;
  unsigned extended = 0;
  if (__get_cpuid(0x80000001u, &a, &b, &c, &d)) extended = c;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) b = 0;
  // MOVBE, AVX, F16C, FMA; BMI1, AVX2, BMI2; LZCNT
  const bool v3 =
      v2 && has(features, {12, 22, 28, 29}) && has(b, {3, 5, 8}) && has(extended, {5}) && (saved & 0x6) == 0x6;
  const bool v4 = v3 && has(b, {16, 17, 28, 30, 31}) && (saved & 0xe6) == 0xe6;  // AVX-512 F, DQ, CD, BW, VL
  if (v4) found.push_back(&unrolled_level_v4);
  if (v3) found.push_back(&unrolled_level_v3);
  if (v2) found.push_back(&unrolled_level_v2);
#if defined(UNROLLED_HAS_WIDE)
  if (v3) found.push_back(&unrolled_level_wide);
#endif
  return found;
}

#elif defined(__aarch64__)
std::vector<const Level*> find_levels() { return {&unrolled_level_neon}; }
#else
std::vector<const Level*> find_levels() { return {&unrolled_level_generic}; }
#endif

// Half of the first-level cache, or two thirds of a larger one.
int64_t first_level_stretch() {
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  if (sysconf(_SC_LEVEL1_DCACHE_SIZE) >= 48 << 10) return 32 << 10;
#endif
  return 16 << 10;
}

// AMD's cores with a small first-level cache (Zen 4) work vectors of 64 bytes in halves, while the second level delivers
// weights faster than that: what matters there is that sums are seldom put down.
int64_t wide_stretch() {
#if defined(__x86_64__)
  unsigned a, b = 0, c, d;
  const bool amd = __get_cpuid(0, &a, &b, &c, &d) && b == signature_AMD_ebx;
  if (amd && first_level_stretch() == 16 << 10) return 256 << 10;
#endif
  return first_level_stretch();
}

}  // namespace

const int64_t unrolled_stretch_bytes[2] = {first_level_stretch(), wide_stretch()};

const std::vector<const Level*>& supported_levels() {
  static const std::vector<const Level*> levels = find_levels();
  return levels;
}
