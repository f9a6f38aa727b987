// Memory in pages of 2 MiB: fresh memory comes in a few large pieces instead of thousands of small ones.
#pragma once

#include <cstdint>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace {

// A wish for what lies wholly within; a system that has no such pages, or does not let programs ask, ignores it.
inline void prefer_huge_pages(uintptr_t address, uint64_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr uintptr_t kPage = uintptr_t(1) << 21;
  const uintptr_t first = (address + kPage - 1) & ~(kPage - 1), last = (address + bytes) & ~(kPage - 1);
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#else
  (void)address, (void)bytes;
#endif
}

}  // namespace
