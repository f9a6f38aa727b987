// The cells' kernels: a line each, of its driver, its pointwise step and the name it is found by. NAME_any computes with
// any activation functions what NAME computes with those the cell was published with.
#pragma once

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
#include "normalised.hpp"
#include "one_product.hpp"
#include "projected.hpp"
#include "two_products.hpp"

namespace {

template <class T>
constexpr Passes kCells[] = {
    one_product<T, Rnn<T>>("rnn"),
    one_product<T, IndRnn<T>>("indrnn"),
    one_product<T, LeakyRnn<T>>("leaky_rnn"),
    one_product<T, Lstm<T, Published>>("lstm"),
    one_product<T, Lstm<T, Any>>("lstm_any"),
    one_product<T, Lstm<T, Published, true>>("lstm_peephole"),
    one_product<T, Lstm<T, Any, true>>("lstm_peephole_any"),
    one_product<T, Lstm<T, Published, false, true>>("lstm_cifg"),
    one_product<T, Lstm<T, Any, false, true>>("lstm_cifg_any"),
    one_product<T, Lstm<T, Published, true, true>>("lstm_peephole_cifg"),
    one_product<T, Lstm<T, Any, true, true>>("lstm_peephole_cifg_any"),
    projected<T, Lstm<T, Published>>("lstmp"),
    normalised<T, LstmLayerNorm<T>>("lstm_layer_norm"),
    one_product<T, Janet<T>>("janet"),
    one_product<T, Gru<T, Published>>("gru"),
    one_product<T, Gru<T, Any>>("gru_any"),
    two_products<T, GruResetBefore<T, Published>>("gru_reset_before"),
    two_products<T, GruResetBefore<T, Any>>("gru_reset_before_any"),
    normalised<T, GruLayerNorm<T>>("gru_layer_norm"),
    two_products<T, GruResetBefore<T, Published, true, false>>("gru1"),
    two_products<T, GruResetBefore<T, Published, false, false>>("gru3"),
    two_products<T, Mgu<T>>("mgu"),
    one_product<T, LiGru<T>>("li_gru"),
    one_product<T, MinGru<T>>("min_gru"),
    one_product<T, MinLstm<T>>("min_lstm"),
    one_product<T, Sru<T, false>>("sru"),
    one_product<T, Sru<T, true>>("sru_highway"),
    one_product<T, Qrnn<T>>("qrnn"),
    one_product<T, FastGrnn<T>>("fast_grnn"),
    one_product<T, Slstm<T>>("slstm"),
};

}  // namespace
