// Cells whose second product waits for a gate: U_n meets the gate times h[t-1].
#pragma once

#include "drivers.hpp"

namespace {

// The first product makes Cell::kGates gates, with W x if Cell::kGatesMeetInput; the second the candidate, which is
// number Cell::kCandidateGate of all gates.
template <class T, class Cell>
void forward_two_products(const Forward& f, const Portion& own) {
  const FlushToZero guard;
  constexpr int G = Cell::kGates;
  const int64_t H = f.hidden;
  const Weights<T> gates(f, 0, 0), candidate(f, G, Cell::kGatesMeetInput ? G : 0);
  forward_steps<T>(f, own, own, [&](const Step& s, const Part& part, const T* h, int64_t h_row) {
    for_each_tile<T, G ? G : 2>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      if constexpr (G > 0)
        preactivations<T, G, 0, false, Cell::kGatesMeetInput ? kBoth : kState>(f, gates, b, g, h + b.row * h_row,
                                                                               h_row, acc);
      Cell::forward_gates(f, b, acc);
    });
    meet(own);
    for_each_tile<T, 1>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      preactivations<T, 1, Cell::kCandidateGate, false>(f, candidate, b, g, at<T>(f.work, b.row, f.work_row), f.work_row, acc);
      Cell::forward_state(f, b, acc);
      finish_state(f, b);
    });
  });
}

template <class T, class Cell>
void backward_two_products(const Backward& f, const Portion& own) {
  const FlushToZero guard;
  constexpr int G = Cell::kGates;
  const int64_t H = f.hidden, row = (G + 1) * H;
  const T* gates_weight = static_cast<const T*>(f.weight);
  const T* candidate_weight = gates_weight + packed_size<T>(1, H, G * H);
  const Arriving from{nullptr, row, G * H, true};
  backward_steps<T>(f, own, from, [&](const Step& s, const Part& part, const Arriving& arriving) {
    for_each_tile<T, 1, (G > 0)>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      PastStep<T> past;
      arriving_gradient(f, gates_weight, b, g, arriving, false, acc);
      past.take_state(f, b, acc);
      Cell::backward_state(f, b, acc);
      past.hand_on_state(f, b, true);
    });
    meet(own);
    for_each_tile<T, 1>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      std::memset(acc, 0, sizeof(T) * b.rows * b.tiles * kLanes<T>);
      const T* grad_n = at<T>(f.grad_gates, b.packed, row) + G * H;
      multiply<T, 1>(g.tiles, b.rows, acc, g.tiles * kLanes<T>, acc, kNothing<T>,
                     {grad_n, row, 1, H, g.in(candidate_weight, 1, H)});
      Cell::backward_gates(f, b, acc);
    });
  });
}

template <class T, class Cell>
constexpr Passes two_products(const char* name) {
  return {name, Cell::kGates + 1, Cell::kGates + 1, forward_two_products<T, Cell>, backward_two_products<T, Cell>,
          kMeeting};
}

}  // namespace
