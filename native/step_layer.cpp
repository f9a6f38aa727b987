#include "step_layer.hpp"

#include "schedule.hpp"

void run_step_layer(const Level& level, bool wide, const StepLayer& layer, const StepRows& rows, Scratch& scratch,
                    int threads) {
  const int64_t N = rows.count, number = wide ? sizeof(double) : sizeof(float);
  const auto take = [&](int64_t numbers) -> void* { return numbers ? scratch.take_bytes(N * numbers * number) : nullptr; };
  Forward f = layer.pass;
  void* gates = const_cast<void*>(rows.products);
  if (!gates && layer.apart) {
    gates = take(f.gates_row);
    const Dense call{.inputs = f.inputs, .outputs = layer.apart_outputs, .add = false, .weight = layer.apart,
                     .bias = layer.apart_bias, .x = rows.x, .x_row = f.inputs,
                     .out = static_cast<std::byte*>(gates) + layer.apart_at * number, .out_row = f.gates_row,
                     .halves = f.halves};
    run_dense(level, wide, call, N, threads);
  }
  const int64_t offsets[] = {0, N};
  f.sequences = {.steps = 1, .offsets = offsets, .reverse = false};
  f.x = gates ? nullptr : rows.x;
  f.skip = rows.products ? nullptr : rows.x;
  f.gates = gates;
  f.h0 = rows.h0, f.c0 = rows.c0;
  f.h = rows.h, f.h_last = rows.h_last;
  f.c = f.c_last = rows.c_last;
  f.new_h = take(f.masks.zoneout_h > 0 ? f.outputs : 0);
  f.new_c = take(f.masks.zoneout_c > 0 ? f.hidden : 0);
  f.unprojected = take(layer.unprojected);
  f.work = take(f.work_row);
  run_forward(level, wide, layer.cell, f, N, threads);
}
