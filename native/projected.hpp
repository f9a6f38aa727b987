// Cells whose hidden state is a projection: U meets h = P m, where m is what the cell itself puts out.
#pragma once

#include "drivers.hpp"

namespace {

template <class T, class Cell>
void forward_projected(const Forward& f, const Portion& own) {
  const FlushToZero guard;
  constexpr int G = Cell::kColumns;
  const int64_t H = f.hidden, P = f.outputs;
  const Weights<T> weights(f, 0, 0);
  const Portion outputs = whole(own, P);
  Forward cell = f;
  cell.new_h = f.unprojected;
  forward_steps<T>(f, own, outputs, [&](const Step& s, const Part& part, const T* h, int64_t h_row) {
    for_each_tile<T, G>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      preactivations<T, G, 0, false>(f, weights, b, g, h + b.row * h_row, h_row, acc);
      Cell::forward(cell, b, acc);
      finish_memory(f, b);
    });
    for_each_tile<T, 1>(outputs, s, part, P, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      std::memset(acc, 0, sizeof(T) * b.rows * b.tiles * kLanes<T>);
      const T* projection = g.in(static_cast<const T*>(f.projection), 1, H);
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
  const Portion outputs = whole(own, P);
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
    for_each_tile<T, 1>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      PastStep<T> past;
      std::memset(acc, 0, sizeof(T) * b.rows * b.tiles * kLanes<T>);
      multiply<T, 1>(g.tiles, b.rows, acc, g.tiles * kLanes<T>, acc, kNothing<T>,
                     {at<T>(f.grad_state, b.packed, P), P, 1, P, g.in(static_cast<const T*>(f.projection), 1, P)});
      past.take_memory(f, b);
      Cell::backward(f, b, acc);
      past.hand_on_memory(f, b);
    });
  });
}

template <class T, class Cell>
constexpr Passes projected(const char* name) {
  return {name, Cell::kColumns, Cell::kGradColumns, forward_projected<T, Cell>, backward_projected<T, Cell>, kRows};
}

}  // namespace
