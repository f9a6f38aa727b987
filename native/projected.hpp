// Cells whose hidden state is a projection: U meets h = P m, where m is what the cell itself puts out.
#pragma once

#include "drivers.hpp"

namespace {

// The share of h that goes with a portion of the hidden units, which begins where packed weights may be cut: where P is
// small, none of it for some.
template <class T>
inline Portion outputs_of(const Portion& own, int64_t H, int64_t P) {
  const auto cut = [&](int64_t unit) { return unit == H ? P : P * unit / H / kUnitsTogether<T> * kUnitsTogether<T>; };
  return {own.first_row, own.last_row, cut(own.first_unit), cut(own.last_unit), own.meet, own.others};
}

template <class T, class Cell>
void forward_projected(const Forward& f, const Portion& own) {
  const FlushToZero guard;
  constexpr int G = Cell::kColumns;
  const int64_t H = f.hidden, P = f.outputs;
  const Weights<T> weights(f, 0, 0);
  const Portion outputs = outputs_of<T>(own, H, P);
  Forward cell = f;
  cell.new_h = f.unprojected;
  forward_steps<T>(f, own, outputs, [&](const Step& s, const Part& part, const T* h, int64_t h_row) {
    for_each_tile<T, G>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      preactivations<T, G, 0, false>(cell, weights, b, g, h + b.row * h_row, h_row, acc);
      Cell::forward(cell, b, acc);
      finish_memory(f, b);
    });
    meet(own);
    for_each_tile<T, 1>(outputs, s, part, P, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      std::memset(acc, 0, sizeof(T) * b.rows * b.tiles * kLanes<T>);
      const Packed<T> projection = g.in(Packed<T>(f.projection, f.halves), 1, H);
      multiply<T, 1>(g.tiles, b.rows, acc, g.tiles * kLanes<T>, acc, kNothing<T>,
                     {at<T>(f.unprojected, f.tape ? b.packed : b.row, H), H, 1, H, projection});
      for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
        store_some(h_out<T>(f, b, r) + u, load(a), count);
      });
      finish_state(f, b);
    });
  });
}

template <class T, class Cell>
void backward_projected(const Backward& f, const Portion& own) {
  const FlushToZero guard;
  const int64_t H = f.hidden, P = f.outputs;
  const T* weight = static_cast<const T*>(f.weight);
  const Portion outputs = outputs_of<T>(own, H, P);
  const Arriving from{nullptr, Cell::kGradColumns * H, Cell::kRecurrentColumns * H, f.new_h != nullptr};
  backward_steps<T>(f, outputs, from, [&](const Step& s, const Part& part, const Arriving& arriving) {
    for_each_tile<T, 1>(outputs, s, part, P, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      PastStep<T> past;
      arriving_gradient(f, weight, b, g, arriving, false, acc);
      past.take_state(f, b, acc);
      for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
        store_some(at<T>(f.grad_state, b.packed + r, P) + u, load(a), count);
      });
      past.hand_on_state(f, b, false);
    });
    meet(own);
    for_each_tile<T, 1>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      PastStep<T> past;
      std::memset(acc, 0, sizeof(T) * b.rows * b.tiles * kLanes<T>);
      multiply<T, 1>(g.tiles, b.rows, acc, g.tiles * kLanes<T>, acc, kNothing<T>,
                     {at<T>(f.grad_state, b.packed, P), P, 1, P, g.in(static_cast<const T*>(f.projection), 1, P)},
                     written<T>(f, b, Cell::kGradColumns));
      past.take_memory(f, b);
      Cell::backward(f, b, acc);
      past.hand_on_memory(f, b);
    });
  });
}

template <class T, class Cell>
constexpr Passes projected(const char* name) {
  return {name, Cell::kColumns, Cell::kGradColumns, forward_projected<T, Cell>, backward_projected<T, Cell>, kMeeting};
}

}  // namespace
