// One step of an encoder-decoder: from the newest token of each row to the log-probabilities of the next, in float32.
#pragma once

#include <vector>

#include "step_layer.hpp"

enum class Attends : int { no, by_products, by_comparison };

// The network. Matrices are packed by pack() with one gate.
struct DecoderStep {
  const float* table;  // [tokens, table_row]: of each token its vector, or the first layer's W x + b
  int64_t tokens, table_row;
  bool products;  // the latter
  bool feeds;     // the vector is followed by the last step's result
  bool residual;
  std::vector<StepLayer> layers;
  Attends attends;
  int64_t asked;                    // numbers of a step of the source
  int64_t size;                     // of what is compared
  const void *query, *query_bias;   // null: the outputs themselves are compared
  const void* vector;               // [size]
  const void *combine, *combine_bias;
  int64_t combined;
  const void *head, *head_bias;
  int64_t said;  // tokens that have a probability
  bool query_halves, combine_halves, head_halves;  // stored as bfloat16
};

// The rows of a call, and what they ask.
struct DecoderRows {
  int64_t count;
  const int64_t* tokens;   // [N]
  const int64_t* sources;  // [N] the source of each, or null: one each
  int64_t source_count, source_steps;
  const int64_t* lengths;   // [sources]
  const void* keys;         // [sources] where those of each are, packed; by comparison all of them, [T, sources, size]
  const uintptr_t* values;  // [sources] likewise, always packed
  const float *h, *c;       // [layers, N, ...] the states before, null where the cell has none
  const float* fed;         // [N, combined] the result of the step before, where it is fed
  float *new_h, *new_c;     // out, and likewise
  float* new_fed;
  float* weights;  // [N, T] out, with attention
  double* log_p;   // [N, said] out
};

// False, and nothing done, if a token or a source is none of those there are.
bool run_decoder_step(const Level& level, const DecoderStep& step, const DecoderRows& rows, int threads);
