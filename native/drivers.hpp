// The loops over time: cells whose step is one product with U, and cells whose step is two dependent products.
// A driver owns some batch rows, or some hidden units of all rows: then it meets the others wherever they need them.
#pragma once

#include "block.hpp"
#include "flush.hpp"

namespace {

// Batch rows [first, last) of one step that take their state from the same place.
struct Part {
  int64_t first, last;
  bool linked;  // from the step before, or else from the initial state
};

inline void meet(const Portion& own) {
  if (own.meet) own.meet(own.others);
}

// Calls body(block, group) for every run of units and, within it, the rows worked on together.
template <class T, int GATES, class Body>
inline void for_each_tile(const Portion& own, const Step& s, const Part& part, int64_t units, Body&& body) {
  const bool single = own.last_row - own.first_row == 1;
  for_each_group<T, GATES>(own.first_unit, own.last_unit, single, [&](const Group& group) {
    for_each_rows(part.first, part.last, kRowsTogether, [&](int64_t row, int rows) {
      body(Block<T>{row, s.first + row, part.linked ? s.before + row : -1, rows, group.tiles, group.first_unit, units},
           group);
    });
  });
}

// Rows start from their initial states; empty sequences end there too.
template <class T>
inline void start_states(const Forward& f, const Portion& own) {
  const int64_t H = f.hidden, u = own.first_unit, n = own.last_unit - u;
  for (int64_t row = own.first_row; row < own.last_row; ++row) {
    copy_row(at<T>(f.h_last, row, H) + u, at<T>(f.h0, row, H) + u, n);
    if (!f.c0) continue;
    copy_row(at<T>(f.c_last, row, H) + u, at<T>(f.c0, row, H) + u, n);
    if (!f.tape) copy_row(at<T>(f.c, row, H) + u, at<T>(f.c0, row, H) + u, n);
  }
}

// Rows whose sequence ends with step s hand out their last state.
template <class T>
inline void keep_last_states(const Forward& f, const Portion& own, const Step& s) {
  const int64_t H = f.hidden, u = own.first_unit, n = own.last_unit - u;
  for (int64_t row = larger(own.first_row, s.after_rows); row < smaller(own.last_row, s.rows); ++row) {
    copy_row(at<T>(f.h_last, row, H) + u, at<T>(f.h, s.first + row, f.h_row) + u, n);
    const T* c = f.tape ? at<T>(f.c, s.first + row, f.h_row) : at<T>(f.c, row, H);
    if (f.c0) copy_row(at<T>(f.c_last, row, H) + u, c + u, n);
  }
}

// Calls body(step, part, h, h_row) along the sequences; row b of the part finds its hidden state at h + b * h_row.
template <class T, class Body>
inline void forward_steps(const Forward& f, const Portion& own, Body&& body) {
  start_states<T>(f, own);
  along(f.sequences, [&](const Step& s) {
    const int64_t end = smaller(own.last_row, s.rows);
    between_cuts(own.first_row, end, s.before_rows, s.before_rows, [&](int64_t from, int64_t to) {
      const Part part{from, to, from < s.before_rows};
      if (part.linked)
        body(s, part, at<T>(f.h, s.before, f.h_row), f.h_row);
      else
        body(s, part, static_cast<const T*>(f.h0), f.hidden);
    });
    keep_last_states<T>(f, own, s);
    meet(own);
  });
}

// Where the matrices of a product lie among those of all products of a cell, in gates that come before it.
template <class T>
struct Weights {
  const T *input, *recurrent, *bias;

  Weights(const Forward& f, int64_t gates_before)
      : input(static_cast<const T*>(f.input_weight) + packed_size<T>(gates_before, f.hidden, f.inputs)),
        recurrent(static_cast<const T*>(f.weight) + packed_size<T>(gates_before, f.hidden, f.hidden)),
        bias(static_cast<const T*>(f.bias) + packed_size<T>(gates_before, f.hidden, 1)) {}
};

// acc = W x + U state + b for a block of rows and the gates of one product, the first of them GATE; `state` is that
// of the block's first row.
template <class T, int GATES, int GATE, int ALL_GATES, bool APART>
inline void preactivations(const Forward& f, const Weights<T>& w, const Block<T>& b, const Group& g, const T* state,
                           int64_t state_row, T* acc) {
  constexpr int W = width_of(GATES, APART);
  const int64_t H = f.hidden, I = f.inputs;
  const Factor<T> recurrent{state, state_row, 1, H, g.in(w.recurrent, GATES, H)};
  const T* bias = g.in(w.bias, W, 1);
  if (f.x)
    return multiply<T, GATES, APART>(g.tiles, b.rows, bias, 0, acc,
                                     {at<T>(f.x, b.packed, I), I, 1, I, g.in(w.input, GATES, I)}, recurrent);
  for_each_vector<T, W>(b, acc, [&](int r, int64_t unit, int64_t count, T* a) {
    const T* gates = at<T>(f.gates, b.packed + r, ALL_GATES * H) + unit;
    for (int i = 0; i < GATES; ++i)
      store(a + (APART && i == GATES - 1 ? GATES : i) * kLanes<T>, load_some(gates + (GATE + i) * H, count));
    if (APART) store(a + (GATES - 1) * kLanes<T>, load(bias + (unit - g.first_unit) * W + (GATES - 1) * kLanes<T>));
  });
  multiply<T, GATES, APART>(g.tiles, b.rows, acc, g.tiles * W * kLanes<T>, acc, kNothing<T>, recurrent);
}

template <class T, class Cell>
void forward_one_product(const Forward& f, const Portion& own) {
  const FlushToZero guard;
  constexpr int G = Cell::kGates;
  const Weights<T> weights(f, 0);
  forward_steps<T>(f, own, [&](const Step& s, const Part& part, const T* h, int64_t h_row) {
    for_each_tile<T, G>(own, s, part, f.hidden, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      preactivations<T, G, 0, G, Cell::kApart>(f, weights, b, g, h + b.row * h_row, h_row, acc);
      Cell::forward(f, b, acc);
    });
  });
}

template <class T, class Cell>
void forward_two_products(const Forward& f, const Portion& own) {
  const FlushToZero guard;
  const int64_t H = f.hidden;
  const Weights<T> gates(f, 0), candidate(f, 2);
  forward_steps<T>(f, own, [&](const Step& s, const Part& part, const T* h, int64_t h_row) {
    for_each_tile<T, 2>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      preactivations<T, 2, 0, 3, false>(f, gates, b, g, h + b.row * h_row, h_row, acc);
      Cell::forward_gates(f, b, acc);
    });
    meet(own);
    for_each_tile<T, 1>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      preactivations<T, 1, 2, 3, false>(f, candidate, b, g, at<T>(f.extra, b.row, 2 * H), 2 * H, acc);
      Cell::forward_state(f, b, acc);
    });
  });
}

// What reaches h through the recurrence: the product of the step after's gate gradients with U and, for cells
// that carry one, the direct part kept in grad_h0. Rows that end here find the gradient of their last state there.
struct Arriving {
  const void* grad_after;  // [*, row] gate gradients of the step after for batch row 0, or null
  int64_t row, depth;
  bool carry;
};

template <class T>
inline void arriving_gradient(const Backward& f, const T* weight, const Block<T>& b, const Group& g,
                              const Arriving& from, T* acc) {
  if (from.carry || !from.grad_after)
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t unit, int64_t count, T* a) {
      store(a, load_some(at<T>(f.grad_h0, b.row + r, f.hidden) + unit, count));
    });
  else
    std::memset(acc, 0, sizeof(T) * b.rows * b.tiles * kLanes<T>);
  if (from.grad_after)
    multiply<T, 1>(g.tiles, b.rows, acc, g.tiles * kLanes<T>, acc, kNothing<T>,
                   {at<T>(from.grad_after, b.row, from.row), from.row, 1, from.depth, g.in(weight, 1, from.depth)});
}

// Calls body(step, part, arriving) against the sequences, then leaves the initial state's gradient of the rows
// that begin with the step. `row` and `depth`: length of a row of gate gradients, and how many of them meet U.
template <class T, class Body>
inline void backward_steps(const Backward& f, const Portion& own, Arriving from, Body&& body) {
  const T* weight = static_cast<const T*>(f.weight);
  against(f.sequences, [&](const Step& s) {
    const int64_t end = smaller(own.last_row, s.rows);
    between_cuts(own.first_row, end, s.before_rows, s.after_rows, [&](int64_t begin, int64_t stop) {
      from.grad_after = begin < s.after_rows ? at<T>(f.grad_gates, s.after, from.row) : nullptr;
      body(s, Part{begin, stop, begin < s.before_rows}, from);
    });
    meet(own);
    from.grad_after = at<T>(f.grad_gates, s.first, from.row);
    const Part begins{larger(own.first_row, s.before_rows), end, false};
    for_each_tile<T, 1>(own, s, begins, f.hidden, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      arriving_gradient(f, weight, b, g, from, acc);
      for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, const T* a) {
        store_some(at<T>(f.grad_h0, b.row + r, f.hidden) + u, load(a), count);
      });
    });
  });
}

template <class T, class Cell>
void backward_one_product(const Backward& f, const Portion& own) {
  const FlushToZero guard;
  const int64_t H = f.hidden;
  const T* weight = static_cast<const T*>(f.weight);
  const Arriving from{nullptr, Cell::kGradColumns * H, Cell::kRecurrentColumns * H, Cell::kCarry};
  backward_steps<T>(f, own, from, [&](const Step& s, const Part& part, const Arriving& arriving) {
    for_each_tile<T, 1>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      arriving_gradient(f, weight, b, g, arriving, acc);
      Cell::backward(f, b, acc);
    });
  });
}

template <class T, class Cell>
void backward_two_products(const Backward& f, const Portion& own) {
  const FlushToZero guard;
  const int64_t H = f.hidden;
  const T* gates_weight = static_cast<const T*>(f.weight);
  const T* candidate_weight = gates_weight + packed_size<T>(1, H, 2 * H);
  const Arriving from{nullptr, 3 * H, 2 * H, true};
  backward_steps<T>(f, own, from, [&](const Step& s, const Part& part, const Arriving& arriving) {
    for_each_tile<T, 1>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      arriving_gradient(f, gates_weight, b, g, arriving, acc);
      Cell::backward_state(f, b, acc);
    });
    meet(own);
    for_each_tile<T, 1>(own, s, part, H, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      std::memset(acc, 0, sizeof(T) * b.rows * b.tiles * kLanes<T>);
      const T* grad_n = at<T>(f.grad_gates, b.packed, 3 * H) + 2 * H;
      multiply<T, 1>(g.tiles, b.rows, acc, g.tiles * kLanes<T>, acc, kNothing<T>,
                     {grad_n, 3 * H, 1, H, g.in(candidate_weight, 1, H)});
      Cell::backward_reset(f, b, acc);
    });
  });
}

}  // namespace
