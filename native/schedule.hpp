// How a call is divided among threads. Every function runs on `threads` of them at most, and returns when all are done.
#pragma once

#include "levels.hpp"

// The passes of cell number `cell` of the level's table over a batch.
void run_forward(const Level& level, bool wide, int cell, const Forward& call, int64_t batch, int threads);
void run_backward(const Level& level, bool wide, int cell, const Backward& call, int64_t batch, int threads);

void run_dense(const Level& level, bool wide, const Dense& call, int64_t rows, int threads);

void run_additive(const Level& level, bool wide, const Additive& call, bool backward, int threads);
void run_pack(const Level& level, bool wide, const Packing& call, void* packed, int threads);

// Sums of outer products: how they are divided decides how much work space they need.
class SharedOuterSums {
 public:
  SharedOuterSums(const Level& level, bool wide, const OuterSums& call, int threads);

  // Numbers of work space that all threads need.
  int64_t work() const;

  void run(void* work) const;

 private:
  // Numbers of the first so many threads; each one's begin at the start of a line of the cache.
  template <class T>
  int64_t work_before(const Kernels<T>& kernels, int threads) const;

  const Level& level_;
  const bool wide_;
  const OuterSums& call_;
  int threads_, rounds_;
};
