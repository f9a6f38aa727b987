// The kernels of one CPU level, compiled once a level with that level's instructions. Everything but the table
// has internal linkage, and no template of the standard library is used: a weak symbol compiled here could
// otherwise end up in another level's path.
#include "cells/gru.hpp"
#include "cells/gru_reset_before.hpp"
#include "cells/lstm.hpp"
#include "cells/rnn.hpp"
#include "dense.hpp"
#include "drivers.hpp"
#include "outer_sum.hpp"
#include "table.hpp"

namespace {

template <class T>
void elementary(int function, const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes<T>) {
    const Vec<T> v = load_some(x + i, n - i);
    const Vec<T> result = function == kExponential ? exponential<T>(v)
                          : function == kSigmoid   ? sigmoid<T>(v)
                                                   : hyperbolic_tangent<T>(v);
    store_some(y + i, result, n - i);
  }
}

template <class T>
constexpr Kernels<T> kernels() {
  return {{forward_one_product<T, Rnn<T, Tanh>>, forward_one_product<T, Rnn<T, Relu>>,
           forward_one_product<T, Rnn<T, Identity>>, forward_one_product<T, Lstm<T>>,
           forward_one_product<T, Gru<T>>, forward_two_products<T, GruResetBefore<T>>},
          {backward_one_product<T, Rnn<T, Tanh>>, backward_one_product<T, Rnn<T, Relu>>,
           backward_one_product<T, Rnn<T, Identity>>, backward_one_product<T, Lstm<T>>,
           backward_one_product<T, Gru<T>>, backward_two_products<T, GruResetBefore<T>>},
          dense<T>,
          outer_sums<T>,
          outer_sums_work<T>,
          pack<T>,
          pack_biases<T>,
          packed_size<T>,
          kUnitsTogether<T>,
          elementary<T>};
}

}  // namespace

#define NAME_(level) #level
#define NAME(level) NAME_(level)
#define TABLE_(level) unrolled_level_##level
#define TABLE(level) TABLE_(level)

extern "C" const Level TABLE(UNROLLED_LEVEL);
const Level TABLE(UNROLLED_LEVEL) = {NAME(UNROLLED_LEVEL), kVectorBytes, kernels<float>(), kernels<double>()};
