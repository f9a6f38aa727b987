#include "decoder_step.hpp"

#include <cstring>

#include "schedule.hpp"

namespace {

void copy(float* to, const float* from, int64_t n) { std::memcpy(to, from, n * sizeof(float)); }

class Run {
 public:
  Run(const Level& level, const DecoderStep& step, const DecoderRows& rows, int threads)
      : level_(level), kernels_(level.f32), s_(step), r_(rows), N_(rows.count), threads_(threads) {}

  void operator()() {
    const float* h = recurrent_layers();
    const float* met = h;
    int64_t width = s_.layers.back().pass.outputs;
    if (s_.attends != Attends::no) {
      met = beside_context(h, width);
      width += s_.asked;
    }
    dense(s_.combine, s_.combine_bias, met, N_, width, width, r_.new_fed, s_.combined, s_.combined, s_.combine_halves);
    kernels_.elementary(Function::tanh, r_.new_fed, r_.new_fed, N_ * s_.combined);
    float* scores = scratch_.take<float>(N_ * s_.said);
    dense(s_.head, s_.head_bias, r_.new_fed, N_, s_.combined, s_.combined, scores, s_.said, s_.said, s_.head_halves);
    kernels_.log_softmax(scores, r_.log_p, N_, s_.said);
  }

 private:
  void dense(const void* weight, const void* bias, const float* x, int64_t rows, int64_t inputs, int64_t x_row,
             float* out, int64_t outputs, int64_t out_row, bool halves = false) {
    const Dense call{.inputs = inputs, .outputs = outputs, .add = false, .weight = weight, .bias = bias, .x = x,
                     .x_row = x_row, .out = out, .out_row = out_row, .halves = halves};
    run_dense(level_, false, call, rows, threads_);
  }

  // What the first layer reads: its inputs or, where the table has them, their products.
  float* first_inputs() {
    const int64_t row = s_.table_row + s_.combined * s_.feeds;
    float* x = scratch_.take<float>(N_ * row);
    for (int64_t n = 0; n < N_; ++n) {
      copy(x + n * row, s_.table + r_.tokens[n] * s_.table_row, s_.table_row);
      if (s_.feeds) copy(x + n * row + s_.table_row, r_.fed + n * s_.combined, s_.combined);
    }
    return x;
  }

  // The last layer's outputs [N, P].
  const float* recurrent_layers() {
    float* x = first_inputs();
    for (size_t k = 0; k < s_.layers.size(); ++k) {
      const StepLayer& layer = s_.layers[k];
      const int64_t P = layer.pass.outputs, at = k * N_;
      float* h = r_.new_h ? r_.new_h + at * P : scratch_.take<float>(N_ * P);
      const StepRows rows{.count = N_, .x = x, .products = k == 0 && s_.products ? x : nullptr,
                          .h0 = r_.h ? r_.h + at * P : nullptr, .c0 = r_.c ? r_.c + at * layer.memory : nullptr, .h = h,
                          .h_last = r_.new_h ? h : nullptr, .c_last = r_.new_c ? r_.new_c + at * layer.memory : nullptr};
      run_step_layer(level_, false, layer, rows, scratch_, threads_);
      if (s_.residual && k) {
        float* sum = scratch_.take<float>(N_ * P);
        for (int64_t i = 0; i < N_ * P; ++i) sum[i] = h[i] + x[i];
        h = sum;
      }
      x = h;
    }
    return x;
  }

  // Calls body(source, first row, rows) for neighbours that ask one source.
  template <class Body>
  void for_each_source(Body&& body) {
    for (int64_t n = 0; n < N_;) {
      const int64_t source = r_.sources ? r_.sources[n] : n, first = n++;
      while (r_.sources && n < N_ && r_.sources[n] == source) ++n;
      body(source, first, n - first);
    }
  }

  // Context and outputs side by side [N, asked + S].
  const float* beside_context(const float* h, int64_t S) {
    const int64_t T = r_.source_steps, both = s_.asked + S;
    const float* q = h;
    if (s_.query) {
      float* compared = scratch_.take<float>(N_ * s_.size);
      dense(s_.query, s_.query_bias, h, N_, S, S, compared, s_.size, s_.size, s_.query_halves);
      q = compared;
    }
    if (s_.attends == Attends::by_comparison) {
      const Additive call{.steps = 1, .count = N_, .sources = r_.source_count, .asked = T, .size = s_.size,
                          .lengths = r_.lengths, .rows = r_.sources, .query = q,
                          .keys = r_.keys, .vector = s_.vector,
                          .scores = r_.weights, .grad_scores = nullptr, .grad_query = nullptr, .grad_keys = nullptr,
                          .grad_vector = nullptr};
      run_additive(level_, false, call, false, threads_);
    }
    float* met = scratch_.take<float>(N_ * both);
    for_each_source([&](int64_t source, int64_t first, int64_t rows) {
      const int64_t length = r_.lengths[source];
      float* weights = r_.weights + first * T;
      if (s_.attends == Attends::by_products)
        dense(reinterpret_cast<const void*>(static_cast<const uintptr_t*>(r_.keys)[source]), nullptr, q + first * s_.size, rows, s_.size, s_.size,
              weights, length, T);
      kernels_.softmax(weights, weights, rows, T, length);
      dense(reinterpret_cast<const void*>(r_.values[source]), nullptr, weights, rows, length, T, met + first * both,
            s_.asked, both);
    });
    for (int64_t n = 0; n < N_; ++n) copy(met + n * both + s_.asked, h + n * S, S);
    return met;
  }

  const Level& level_;
  const Kernels<float>& kernels_;
  const DecoderStep& s_;
  const DecoderRows& r_;
  const int64_t N_;
  const int threads_;
  Scratch scratch_;
};

bool below(const int64_t* places, int64_t count, int64_t end) {
  for (int64_t n = 0; n < count; ++n)
    if (places[n] < 0 || places[n] >= end) return false;
  return true;
}

}  // namespace

bool run_decoder_step(const Level& level, const DecoderStep& step, const DecoderRows& rows, int threads) {
  if (!below(rows.tokens, rows.count, step.tokens)) return false;
  if (rows.sources && !below(rows.sources, rows.count, rows.source_count)) return false;
  Run(level, step, rows, threads)();
  return true;
}
