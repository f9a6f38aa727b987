#include "layer_pass.hpp"

#include "schedule.hpp"

namespace {

// Steps over numbers of one type.
class Numbers {
 public:
  explicit Numbers(bool wide) : size_(wide ? sizeof(double) : sizeof(float)) {}

  // The address so many numbers on; null where there is nothing.
  template <class Pointer>
  Pointer on(Pointer begin, int64_t numbers) const {
    using Byte = std::conditional_t<std::is_const_v<std::remove_pointer_t<Pointer>>, const char, char>;
    return begin ? static_cast<Byte*>(begin) + numbers * size_ : nullptr;
  }

  template <class Pointer>
  Pointer placed(Pointer begin, int64_t place) const {
    return place < 0 ? nullptr : on(begin, place);
  }

 private:
  int64_t size_;
};

Sequences sequences_of(const LayerTensors& call, int64_t direction) {
  return {.steps = call.steps, .offsets = call.offsets, .reverse = call.reverse || direction == 1};
}

Masks masks_of(const LayerSizes& sizes, const LayerTensors& call, int64_t direction) {
  const Numbers numbers(sizes.wide);
  const int64_t H = sizes.hidden, P = sizes.outputs;
  return {.state_mask = numbers.on(call.state_mask, direction * call.batch * P),
          .candidate_mask = numbers.on(call.candidate_mask, direction * H),
          .keep_h = numbers.on(call.keep_h, direction * P),
          .keep_c = numbers.on(call.keep_c, direction * H),
          .mask_row = sizes.directions * H,
          .zoneout_h = call.zoneout_h,
          .zoneout_c = call.zoneout_c};
}

}  // namespace

void ForwardPass::run(const Level& level, const LayerForward& call, int threads) const {
  const Numbers numbers(sizes_.wide);
  const int64_t B = call.batch, I = sizes_.inputs, H = sizes_.hidden, P = sizes_.outputs, D = sizes_.directions;
  const int64_t memory = sizes_.values * H, rows = call.offsets[call.steps];
  for (int64_t d = 0; d < D; ++d) {
    if (call.parameters) arrangement_.run(level, call.parameters + d * sizes_.parameters, call.packed, threads);
    const Kept& kept = call.kept[d];
    const auto packed = [&](int64_t place) -> const void* { return numbers.placed(call.packed, place); };
    if (!fused_ && call.x && rows) {
      const Dense products{.inputs = I, .outputs = sizes_.input_gates * H, .add = false,
                           .weight = packed(places_.input), .bias = packed(places_.separate_bias), .x = call.x,
                           .x_row = I, .out = numbers.on(kept.gates, sizes_.input_column * H),
                           .out_row = sizes_.gates_row, .halves = sizes_.halves};
      run_dense(level, sizes_.wide, products, rows, threads);
    }
    const Forward pass{
        .sequences = sequences_of(call, d), .functions = sizes_.functions, .masks = masks_of(sizes_, call, d),
        .inputs = I, .hidden = H, .outputs = P, .tape = tape_, .x = fused_ ? call.x : nullptr, .skip = call.x,
        .input_weight = packed(places_.input), .weight = packed(places_.recurrent),
        .projection = packed(places_.projection), .bias = packed(places_.bias), .vectors = packed(places_.vectors),
        .gates = kept.gates, .gates_row = sizes_.gates_row, .h0 = numbers.on(call.h0, d * B * P),
        .c0 = numbers.on(call.c0, d * B * memory), .h = numbers.on(call.y, d * P), .h_row = D * P,
        .c = tape_ ? numbers.on(call.cells, d * memory) : call.cells, .c_row = D * memory, .c_values = sizes_.values,
        .new_h = kept.new_h, .new_c = kept.new_c, .unprojected = kept.unprojected, .masked = kept.masked,
        .masked0 = kept.masked0, .work = call.work, .work_row = sizes_.work_row,
        .h_last = numbers.on(call.h_last, d * B * P), .c_last = numbers.on(call.c_last, d * B * memory),
        .halves = sizes_.halves};
    if (B && call.steps) run_forward(level, sizes_.wide, sizes_.cell, pass, B, threads);
  }
}

void BackwardPass::run(const Level& level, LayerBackward call, const std::function<void*(int64_t)>& hand_out,
                       int threads) const {
  const int64_t sequences = sizes_.directions * call.batch;
  std::vector<double> h(call.grad_h0 ? 0 : sequences * sizes_.outputs);
  std::vector<double> c(call.grad_c0 ? 0 : sequences * sizes_.values * sizes_.hidden);
  if (!call.grad_h0) call.grad_h0 = h.data();
  if (!call.grad_c0) call.grad_c0 = c.data();
  for (int64_t d = 0; d < sizes_.directions; ++d) {
    pass(level, call, d, threads);
    if (call.grad_x) input_gradient(level, call, d, threads);
    sums(level, call, d, hand_out, threads);
  }
}

void BackwardPass::pass(const Level& level, const LayerBackward& call, int64_t d, int threads) const {
  const Numbers numbers(sizes_.wide);
  const int64_t B = call.batch, H = sizes_.hidden, P = sizes_.outputs, D = sizes_.directions;
  const int64_t memory = sizes_.values * H;
  arrangement_.run(level, call.parameters + d * sizes_.parameters, call.packed, threads);
  const Kept& kept = call.kept[d];
  const Backward pass{
      .sequences = sequences_of(call, d), .functions = sizes_.functions, .masks = masks_of(sizes_, call, d),
      .hidden = H, .outputs = P, .weight = numbers.placed(call.packed, places_.recurrent),
      .projection = numbers.placed(call.packed, places_.projection),
      .vectors = numbers.placed(call.packed, places_.vectors), .gates = kept.gates, .gates_row = sizes_.gates_row,
      .h0 = numbers.on(call.h0, d * B * P), .c0 = numbers.on(call.c0, d * B * memory), .h = numbers.on(call.y, d * P),
      .h_row = D * P, .c = numbers.on(call.cells, d * memory), .c_row = D * memory, .new_h = kept.new_h,
      .new_c = kept.new_c, .skip = call.x, .grad_h = numbers.on(call.grad_y, d * P), .grad_row = call.grad_row,
      .grad_c = numbers.on(call.grad_cells, d * memory), .grad_c_row = D * memory, .grad_gates = call.grad_gates[d],
      .grad_state = call.grad_state, .reset_state = call.reset_state, .grad_skip = skips_ ? call.grad_x : nullptr,
      .add_skip = d == 1, .grad_vectors = call.grad_vectors[d], .work = call.work, .work_row = sizes_.work_row,
      .grad_h0 = numbers.on(call.grad_h0, d * B * P), .grad_c0 = numbers.on(call.grad_c0, d * B * memory)};
  if (B && call.steps) run_backward(level, sizes_.wide, sizes_.cell, pass, B, threads);
}

// dx = da W
void BackwardPass::input_gradient(const Level& level, const LayerBackward& call, int64_t d, int threads) const {
  const int64_t rows = call.offsets[call.steps], columns = sizes_.input_gates * sizes_.hidden;
  inputs_.run(level, call.parameters + d * sizes_.parameters, call.packed, threads);
  if (!rows || !sizes_.inputs) return;
  const void* gradients = Numbers(sizes_.wide).on(call.grad_gates[d], gradient_row_ - columns);
  const Dense product{.inputs = columns, .outputs = sizes_.inputs, .add = d == 1 || skips_, .weight = call.packed,
                      .bias = nullptr, .x = gradients, .x_row = gradient_row_, .out = call.grad_x,
                      .out_row = sizes_.inputs};
  run_dense(level, sizes_.wide, product, rows, threads);
}

// dW = sum of da x^T, dU = sum of da h[t-1]^T, db = sum of da over all rows of all steps; those of a projection likewise.
void BackwardPass::sums(const Level& level, const LayerBackward& call, int64_t d,
                        const std::function<void*(int64_t)>& hand_out, int threads) const {
  const Numbers numbers(sizes_.wide);
  const int64_t B = call.batch, I = sizes_.inputs, H = sizes_.hidden, P = sizes_.outputs, D = sizes_.directions;
  const Kept& kept = call.kept[d];
  void* const* gradients = call.grad_parameters + d * sizes_.parameters;
  const auto of = [&](int number) -> void* { return number < 0 ? nullptr : gradients[number]; };
  const auto add = [&](OuterSums& sums, const std::vector<OuterSegment>& segments) {
    if (segments.empty()) return;
    sums.segments = segments.data(), sums.count = static_cast<int64_t>(segments.size());
    const SharedOuterSums shared(level, sizes_.wide, sums, threads);
    const int64_t work = shared.work();
    shared.run(work <= call.room ? call.packed : hand_out(work));
  };

  OuterSums sums{.sequences = sequences_of(call, d), .a = call.grad_gates[d], .a_row = gradient_row_, .factors = {},
                 .segments = nullptr, .count = 0};
  sums.factors[0] = {call.x, I, I, nullptr};
  if (kept.masked) sums.factors[1] = {kept.masked, P, P, kept.masked0};
  else sums.factors[1] = {numbers.on(call.y, d * P), D * P, P, places_.recurrent < 0 ? nullptr : numbers.on(call.h0, d * B * P)};
  sums.factors[2] = {call.reset_state, H, H, nullptr};
  std::vector<OuterSegment> wanted;
  for (const GradientSegment& each : segments_) {
    OuterSegment segment{each.first * H, each.columns * H, {}, {}, {}};
    const int state = each.reset ? 2 : 1;
    segment.sums[0] = numbers.placed(of(numbers_.weight_ih), each.weight_ih);
    segment.sums[state] = numbers.placed(of(numbers_.weight_hh), each.weight_hh);
    segment.totals[0] = numbers.placed(of(numbers_.bias_ih), each.bias_ih);
    segment.totals[1] = numbers.placed(of(numbers_.bias_hh), each.bias_hh);
    bool any = segment.totals[0] || segment.totals[1];
    for (int f = 0; f < kOuterFactors; ++f) {
      segment.factors[f] = segment.sums[f] ? &sums.factors[f] : nullptr;
      any = any || segment.sums[f];
    }
    if (any) wanted.push_back(segment);
  }
  add(sums, wanted);

  if (void* weight_hr = of(numbers_.weight_hr)) {
    sums.sequences.reverse = false;
    sums.a = call.grad_state, sums.a_row = P;
    sums.factors[0] = {kept.unprojected, H, H, nullptr};
    add(sums, {{0, P, {&sums.factors[0], nullptr, nullptr}, {weight_hr, nullptr, nullptr}, {}}});
  }
}
