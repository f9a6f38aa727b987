// Walking over packed sequences in the order of the recurrence or against it.
#pragma once

#include "table.hpp"

namespace {

inline int64_t rows_at(const Sequences& s, int64_t t) {
  return t < 0 || t >= s.steps ? 0 : s.offsets[t + 1] - s.offsets[t];
}

// One time step and its neighbours in the order of the recurrence. Batch rows [0, before_rows) take their state
// from the step before, the others from the initial state; rows [0, after_rows) hand theirs to the step after,
// the others end here.
struct Step {
  int64_t first, rows;
  int64_t before, before_rows;
  int64_t after, after_rows;
};

inline Step step_at(const Sequences& s, int64_t t) {
  const int64_t forward = s.reverse ? -1 : 1;
  const int64_t rows = rows_at(s, t);
  const auto shared = [&](int64_t other) {
    const int64_t n = rows_at(s, other);
    return n < rows ? n : rows;
  };
  const auto start = [&](int64_t other) { return other < 0 || other >= s.steps ? 0 : s.offsets[other]; };
  const int64_t before = t - forward, after = t + forward;
  return {s.offsets[t], rows, start(before), shared(before), start(after), shared(after)};
}

template <class Body>
inline void along(const Sequences& s, Body&& body) {
  for (int64_t i = 0; i < s.steps; ++i) body(step_at(s, s.reverse ? s.steps - 1 - i : i));
}

template <class Body>
inline void against(const Sequences& s, Body&& body) {
  for (int64_t i = 0; i < s.steps; ++i) body(step_at(s, s.reverse ? i : s.steps - 1 - i));
}

// Calls body(first, last) for the parts of batch rows [first, last) between the given cuts.
template <class Body>
inline void between_cuts(int64_t first, int64_t last, int64_t cut1, int64_t cut2, Body&& body) {
  if (cut1 > cut2) {
    const int64_t t = cut1;
    cut1 = cut2, cut2 = t;
  }
  const int64_t ends[] = {cut1, cut2, last};
  for (int64_t end : ends) {
    if (end > last) end = last;
    if (end > first) body(first, end), first = end;
  }
}

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a < b ? b : a; }

}  // namespace
