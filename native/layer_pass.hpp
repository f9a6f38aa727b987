// The two passes of a layer, in one or both directions, bound to a cell and sizes once: a call brings only memory.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "arrangement.hpp"

// H units, P numbers of h, M values of memory a unit; columns are blocks of H numbers.
struct LayerSizes {
  int cell;
  bool wide;
  Functions functions;
  int64_t directions, inputs, hidden, outputs;
  int64_t values;                     // M
  int64_t parameters;                 // of a direction
  int64_t gates_row, work_row;
  int64_t input_column, input_gates;  // where W x + b lies in a row of gates, and its columns
  bool halves;                        // W, U and the projection are stored as bfloat16; of float32 and forward passes only
};

// What a direction keeps of a forward pass for the way back; null where there is nothing.
struct Kept {
  void *gates, *new_h, *new_c, *unprojected, *masked, *masked0;
};

// What both passes read. Steps, states and masks hold both directions, side by side or, without steps, one after the other.
struct LayerTensors {
  int64_t steps;
  const int64_t* offsets;
  int64_t batch;
  bool reverse;                                  // the only direction runs backwards
  const void* const* parameters;                 // of one direction after the other; null: those of the only one are arranged
  const void* x;                                 // [N, I]
  const void *h0, *c0;                           // [D, B, P], [D, B, M H]
  const void* state_mask;                        // [D, B, P]
  const void *candidate_mask, *keep_h, *keep_c;  // [N, D H], [N, D P], [N, D H]
  double zoneout_h, zoneout_c;
  const Kept* kept;                              // of each direction
  void* work;                                    // [B, work_row]
  void* packed;                                  // memory of the arranged parameters of a direction, and how many numbers
  int64_t room;                                  // it has
};

struct LayerForward : LayerTensors {
  void *y, *cells;  // [N, D P]; with a tape [N, D M H], otherwise [B, M H] work space
  void *h_last, *c_last;
};

struct LayerBackward : LayerTensors {
  const void *y, *cells;
  const void *grad_y, *grad_cells;       // [N, D P] of rows `grad_row` apart; [N, D M H] or null
  int64_t grad_row;
  void* const* grad_gates;               // [N, columns] of each direction
  void *grad_state, *reset_state;        // [N, P], [N, H] work space, where the cell has them
  void* grad_x;                          // or null
  void* const* grad_parameters;          // null for those that nobody wants
  void* const* grad_vectors;             // of each direction [B, V H], zeros
  void *grad_h0, *grad_c0;               // in: of the last states; out: of the first; null: zeros, and nobody wants them
};

// Where the arranged parameters begin, in numbers; -1: there are none.
struct ForwardPlaces {
  int64_t input, recurrent, projection, bias, vectors, separate_bias;
};

class ForwardPass {
 public:
  // `tape`: keep what the backward pass needs; `fused`: W x together with U h rather than beforehand.
  ForwardPass(const LayerSizes& sizes, bool tape, bool fused, Arrangement arrangement, const ForwardPlaces& places)
      : sizes_(sizes), tape_(tape), fused_(fused), arrangement_(std::move(arrangement)), places_(places) {}

  // Without x the gates hold W x + b.
  void run(const Level& level, const LayerForward& call, int threads) const;

 private:
  LayerSizes sizes_;
  bool tape_, fused_;
  Arrangement arrangement_;
  ForwardPlaces places_;
};

struct BackwardPlaces {
  int64_t recurrent, projection, vectors;
};

// Columns [first, first + columns) of gate gradients, and the numbers of the parameters' gradients where their sums begin;
// -1: they have none.
struct GradientSegment {
  int64_t first, columns;
  bool reset;  // U meets what a gate left of h
  int64_t weight_ih, weight_hh, bias_ih, bias_hh;
};

// The numbers of a direction's parameters in its list; -1: it has none.
struct ParameterNumbers {
  int weight_ih, weight_hh, bias_ih, bias_hh, weight_hr;
};

class BackwardPass {
 public:
  BackwardPass(const LayerSizes& sizes, int64_t gradient_columns, bool skips, Arrangement arrangement,
               const BackwardPlaces& places, Arrangement inputs, const ParameterNumbers& numbers,
               std::vector<GradientSegment> segments)
      : sizes_(sizes), gradient_row_(gradient_columns * sizes.hidden), skips_(skips),
        arrangement_(std::move(arrangement)), places_(places), inputs_(std::move(inputs)), numbers_(numbers),
        segments_(std::move(segments)) {}

  // `hand_out`: gives memory for so many numbers, which may be that of the arranged parameters.
  void run(const Level& level, LayerBackward call, const std::function<void*(int64_t)>& hand_out, int threads) const;

 private:
  void pass(const Level& level, const LayerBackward& call, int64_t direction, int threads) const;
  void input_gradient(const Level& level, const LayerBackward& call, int64_t direction, int threads) const;
  void sums(const Level& level, const LayerBackward& call, int64_t direction,
            const std::function<void*(int64_t)>& hand_out, int threads) const;

  LayerSizes sizes_;
  int64_t gradient_row_;
  bool skips_;
  Arrangement arrangement_;
  BackwardPlaces places_;
  Arrangement inputs_;
  ParameterNumbers numbers_;
  std::vector<GradientSegment> segments_;
};
