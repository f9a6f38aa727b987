// A digest of numbers by their bits, to notice changes. A word that changes alone always shows; several stay unnoticed with a
// chance of 1 in 2^32 if they meet in one lane, every 128th word from one on, and of 1 in 2^64 in two, and so on.
#pragma once

#include "simd.hpp"
#include "table.hpp"

namespace {

typedef uint32_t Words __attribute__((vector_size(kVectorBytes)));
typedef uint32_t Anywhere __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));  // in memory

// Vectors mixed at the same time, to hide the latency of the product.
constexpr int kDigestVectors = kDigestBytes / kVectorBytes;

// Words of a piece of memory, zeros behind its end.
inline __attribute__((always_inline)) Words words(const char* from, int64_t bytes) {
  Words v{};
  std::memcpy(&v, from, bytes < kVectorBytes ? bytes : kVectorBytes);
  return v;
}

void digest(const void* numbers, int64_t bytes, void* digest) {
  const char* from = static_cast<const char*>(numbers);
  Words mixed[kDigestVectors] = {};
  const auto mix = [&](int i, Words v) {
    const Words m = (mixed[i] ^ v) * 0x9E3779B1u;  // odd: each word leads to another result
    mixed[i] = m << 15 | m >> 17;                  // so that the product moves the upper bits, too
  };
  for (; bytes >= kDigestBytes; bytes -= kDigestBytes, from += kDigestBytes)
#pragma GCC unroll 16
    for (int i = 0; i < kDigestVectors; ++i) mix(i, *reinterpret_cast<const Anywhere*>(from + i * kVectorBytes));
  for (int i = 0; bytes > 0; ++i, bytes -= kVectorBytes, from += kVectorBytes) mix(i, words(from, bytes));
  std::memcpy(digest, mixed, kDigestBytes);
}

}  // namespace
