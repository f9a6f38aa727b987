// The CPU levels compiled into this library, and which of them this machine can run.
#pragma once

#include <string>
#include <vector>

#include "table.hpp"

// Best first; only levels whose instructions the processor and the operating system support.
const std::vector<const Level*>& supported_levels();

// body(kernels) with those of float64 if `wide`, otherwise of float32.
template <class Body>
auto with_kernels(const Level& level, bool wide, Body&& body) {
  return wide ? body(level.f64) : body(level.f32);
}
