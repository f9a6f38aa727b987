// Cells whose step is one product with U, or none: then W x and the states of a unit are all that it meets.
#pragma once

#include "drivers.hpp"

namespace {

template <class T, class Cell>
void forward_one_product(const Forward& f, const Portion& own) {
  const FlushToZero guard;
  constexpr int G = Cell::kColumns;
  const Weights<T> weights(f, 0, 0);
  forward_steps<T>(f, own, own, [&](const Step& s, const Part& part, const T* h, int64_t h_row) {
    for_each_tile<T, G>(own, s, part, f.hidden, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      if constexpr (Cell::kMeetsU)
        preactivations<T, G, 0, Cell::kApart>(f, weights, b, g, h + b.row * h_row, h_row, acc);
      else
        preactivations<T, G, 0, false, kInput>(f, weights, b, g, nullptr, 0, acc);
      Cell::forward(f, b, acc);
      finish_memory(f, b);
      finish_state(f, b);
    });
  });
}

template <class T, class Cell>
void backward_one_product(const Backward& f, const Portion& own) {
  const FlushToZero guard;
  const int64_t H = f.hidden;
  const T* weight = static_cast<const T*>(f.weight);
  const bool carry = Cell::kCarry || f.new_h;
  const Arriving from{nullptr, Cell::kGradColumns * H, Cell::kMeetsU ? Cell::kRecurrentColumns * H : 0, carry};
  backward_steps<T>(f, own, from, [&](const Step& s, const Part& part, const Arriving& arriving) {
    for_each_tile<T, 1, Cell::kMeetsU>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      PastStep<T> past;
      arriving_gradient(f, weight, b, g, arriving, false, acc, written<T>(f, b, Cell::kGradColumns));
      past.take_state(f, b, acc);
      past.take_memory(f, b);
      Cell::backward(f, b, acc);
      past.hand_on_state(f, b, Cell::kCarry);
      past.hand_on_memory(f, b);
    });
  });
}

template <class T, class Cell>
constexpr Passes one_product(const char* name) {
  return {name, Cell::kColumns, Cell::kGradColumns, forward_one_product<T, Cell>, backward_one_product<T, Cell>,
          Cell::kMeetsU ? kMeeting : kUnits};
}

}  // namespace
