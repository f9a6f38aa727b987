// The kernels of one CPU level, compiled once a level with that level's instructions. Everything but the table
// has internal linkage, and no template of the standard library is used: a weak symbol compiled here could
// otherwise end up in another level's path.
#include "cells/fast_grnn.hpp"
#include "cells/gru.hpp"
#include "cells/gru_layer_norm.hpp"
#include "cells/gru_reset_before.hpp"
#include "cells/janet.hpp"
#include "cells/leaky_rnn.hpp"
#include "cells/li_gru.hpp"
#include "cells/lstm.hpp"
#include "cells/lstm_layer_norm.hpp"
#include "cells/mgu.hpp"
#include "cells/min_gru.hpp"
#include "cells/min_lstm.hpp"
#include "cells/qrnn.hpp"
#include "cells/rnn.hpp"
#include "cells/slstm.hpp"
#include "cells/sru.hpp"
#include "dense.hpp"
#include "normalised.hpp"
#include "one_product.hpp"
#include "outer_sum.hpp"
#include "projected.hpp"
#include "table.hpp"
#include "two_products.hpp"

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
  return {{one_product<T, Rnn<T>>(),
           one_product<T, IndRnn<T>>(),
           one_product<T, LeakyRnn<T>>(),
           one_product<T, Lstm<T, Published>>(),
           one_product<T, Lstm<T, Any>>(),
           one_product<T, Lstm<T, Published, true>>(),
           one_product<T, Lstm<T, Any, true>>(),
           one_product<T, Lstm<T, Published, false, true>>(),
           one_product<T, Lstm<T, Any, false, true>>(),
           one_product<T, Lstm<T, Published, true, true>>(),
           one_product<T, Lstm<T, Any, true, true>>(),
           projected<T, Lstm<T, Published>>(),
           normalised<T, LstmLayerNorm<T>>(),
           one_product<T, Janet<T>>(),
           one_product<T, Gru<T, Published>>(),
           one_product<T, Gru<T, Any>>(),
           two_products<T, GruResetBefore<T, Published>>(),
           two_products<T, GruResetBefore<T, Any>>(),
           normalised<T, GruLayerNorm<T>>(),
           two_products<T, GruResetBefore<T, Published, true, false>>(),
           two_products<T, GruResetBefore<T, Published, false, false>>(),
           two_products<T, Mgu<T>>(),
           one_product<T, LiGru<T>>(),
           one_product<T, MinGru<T>>(),
           one_product<T, MinLstm<T>>(),
           one_product<T, Sru<T, false>>(),
           one_product<T, Sru<T, true>>(),
           one_product<T, Qrnn<T>>(),
           one_product<T, FastGrnn<T>>(),
           one_product<T, Slstm<T>>()},
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
