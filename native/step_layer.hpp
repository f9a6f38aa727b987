// One step of a recurrent layer whose weights and sizes are bound once.
#pragma once

#include "levels.hpp"
#include "scratch.hpp"

struct StepLayer {
  int cell;
  Forward pass;         // the weights and sizes; no rows yet
  int64_t memory;       // numbers of a row of c
  int64_t unprojected;  // and of what a projection meets
  const void* apart;    // W packed by itself where W x is not part of the step, or null
  const void* apart_bias;
  int64_t apart_at;  // where W x + b begins in a row of gates
  int64_t apart_outputs;
};

// The rows of a step. A state may end where it began.
struct StepRows {
  int64_t count;
  const void* x;           // [N, I]
  const void* products;    // [N, gates_row] W x + b where it is known, instead of x; otherwise null
  const void *h0, *c0;     // [N, P] and [N, M H] the states before; null where the cell has none
  void* h;                 // [N, P] out
  void *h_last, *c_last;   // out, the states after; h_last may be h
};

void run_step_layer(const Level& level, bool wide, const StepLayer& layer, const StepRows& rows, Scratch& scratch,
                    int threads);
