// The kernels of one CPU level, compiled once a level with that level's instructions. Everything but the table
// has internal linkage, and no template of the standard library is used: a weak symbol compiled here could
// otherwise end up in another level's path.
#include "additive.hpp"
#include "best_tokens.hpp"
#include "cells.hpp"
#include "dense.hpp"
#include "digest.hpp"
#include "log_softmax.hpp"
#include "outer_sum.hpp"
#include "softmax.hpp"
#include "table.hpp"

namespace {

template <class T>
void elementary(Function function, const T* x, T* y, int64_t n) {
  const auto apply = [&](Vec<T> v) {
    switch (function) {
      case Function::exp: return exponential<T>(v);
      case Function::sigmoid: return sigmoid<T>(v);
      case Function::tanh: return hyperbolic_tangent<T>(v);
    }
    return v;
  };
  for (int64_t i = 0; i < n; i += kLanes<T>) store_some(y + i, apply(load_some(x + i, n - i)), n - i);
}

template <class T>
constexpr Kernels<T> kernels() {
  return {kCells<T>,
          sizeof(kCells<T>) / sizeof(Passes),
          dense<T>,
          outer_sums<T>,
          outer_sums_work<T>,
          pack<T>,
          pack_biases<T>,
          packed_size<T>,
          kUnitsTogether<T>,
          elementary<T>,
          log_softmax<T>,
          softmax<T>,
          additive<T>,
          additive_backward<T>};
}

}  // namespace

#define NAME_(level) #level
#define NAME(level) NAME_(level)
#define TABLE_(level) unrolled_level_##level
#define TABLE(level) TABLE_(level)

// No code of a level may run before it is chosen.
extern "C" const Level TABLE(UNROLLED_LEVEL);
constinit const Level TABLE(UNROLLED_LEVEL) = {NAME(UNROLLED_LEVEL), kVectorBytes, kernels<float>(), kernels<double>(),
                                               best_tokens, digest};
