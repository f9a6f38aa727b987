// What all loops over time share: walking a portion's blocks, states handed from step to step, zoneout and masks, and
// the products of a step. A loop owns some batch rows, or some hidden units of all rows: then it meets the others
// wherever it needs their units.
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

// Calls body(block, group) for every run of units and, within it, the rows worked on together: a row by itself where no
// weights are met that several could share.
template <class T, int GATES, bool SHARED = true, class Body>
inline void for_each_tile(const Portion& own, const Step& s, const Part& part, int64_t units, Body&& body) {
  const bool single = !SHARED || own.last_row - own.first_row == 1;
  const int64_t last = smaller(own.last_unit, units);
  for_each_group<T, GATES>(own.first_unit, last, single, [&](const Group& group) {
    for_each_rows(part.first, part.last, SHARED ? kRowsTogether : 1, [&](int64_t row, int rows) {
      body(Block<T>{row, s.first + row, part.linked ? s.before + row : -1, rows, group.tiles, group.first_unit, units},
           group);
    });
  });
}

// Ends a block's step: h as zoneout leaves it, and what the next product meets.
template <class T>
inline void finish_state(const Forward& f, const Block<T>& b) {
  if (f.new_h)
    for_each_place(b, [&](int r, int64_t u, int64_t count) {
      const Vec<T> keep = share<T>(f.masks.keep_h, b.packed + r, f.h_row, f.masks.zoneout_h, u, count);
      const Vec<T> before = load_some(h_before<T>(f, b, r) + u, count), now = load_some(h_out<T>(f, b, r) + u, count);
      store_some(at<T>(f.h, b.packed + r, f.h_row) + u, keep * before + one_minus<T>(keep) * now, count);
    });
  if (f.masks.state_mask)
    for_each_place(b, [&](int r, int64_t u, int64_t count) {
      const Vec<T> h = load_some(at<T>(f.h, b.packed + r, f.h_row) + u, count);
      store_some(at<T>(f.masked, b.packed + r, b.units) + u, h * state_mask<T>(f.masks, b, r, u, count), count);
    });
}

// And the memory.
template <class T>
inline void finish_memory(const Forward& f, const Block<T>& b) {
  if (!f.new_c) return;
  for_each_place(b, [&](int r, int64_t u, int64_t count) {
    const Vec<T> before = load_some(c_before<T>(f, b, r) + u, count), now = load_some(c_out<T>(f, b, r) + u, count);
    T* c = f.tape ? at<T>(f.c, b.packed + r, f.c_row) : at<T>(f.c, b.row + r, b.units);
    store_some(c + u, kept_memory<T>(f, b, r, u, count, before, now), count);
  });
}

// How many values of c a row of the memory holds for units [u, u + n); with several values a unit all of them.
inline int64_t memory_row(const Forward& f) { return f.c_values * f.hidden; }

// Calls body(first, count) for the stretches of a memory row that belong to a portion's units.
template <class Body>
inline void for_each_memory(const Forward& f, const Portion& own, Body&& body) {
  for (int64_t value = 0; value < f.c_values; ++value)
    body(value * f.hidden + own.first_unit, own.last_unit - own.first_unit);
}

// Rows start from their initial states; empty sequences end there too.
template <class T>
inline void start_states(const Forward& f, const Portion& own, const Portion& outputs) {
  const int64_t P = f.outputs, M = memory_row(f), u = outputs.first_unit, n = outputs.last_unit - u;
  for (int64_t row = own.first_row; row < own.last_row; ++row) {
    if (f.h0) copy_row(at<T>(f.h_last, row, P) + u, at<T>(f.h0, row, P) + u, n);
    if (f.masks.state_mask)
      for (int64_t i = u; i < u + n; ++i)
        at<T>(f.masked0, row, P)[i] = at<T>(f.h0, row, P)[i] * at<T>(f.masks.state_mask, row, P)[i];
    for_each_memory(f, own, [&](int64_t first, int64_t count) {
      copy_row(at<T>(f.c_last, row, M) + first, at<T>(f.c0, row, M) + first, count);
      if (!f.tape) copy_row(at<T>(f.c, row, M) + first, at<T>(f.c0, row, M) + first, count);
    });
  }
}

// Rows whose sequence ends with step s hand out their last state.
template <class T>
inline void keep_last_states(const Forward& f, const Portion& own, const Portion& outputs, const Step& s) {
  const int64_t M = memory_row(f), u = outputs.first_unit, n = outputs.last_unit - u;
  for (int64_t row = larger(own.first_row, s.after_rows); row < smaller(own.last_row, s.rows); ++row) {
    if (f.h0) copy_row(at<T>(f.h_last, row, f.outputs) + u, at<T>(f.h, s.first + row, f.h_row) + u, n);
    for_each_memory(f, own, [&](int64_t first, int64_t count) {
      const T* c = f.tape ? at<T>(f.c, s.first + row, f.c_row) : at<T>(f.c, row, M);
      copy_row(at<T>(f.c_last, row, M) + first, c + first, count);
    });
  }
}

// Calls body(step, part, h, h_row) along the sequences; row b of the part finds the state that U meets at h + b * h_row.
// `own` are the units the portion works out; `outputs` those of h, which differ where h is projected.
template <class T, class Body>
inline void forward_steps(const Forward& f, const Portion& own, const Portion& outputs, Body&& body) {
  start_states<T>(f, own, outputs);
  if (f.masks.state_mask) meet(own);
  along(f.sequences, [&](const Step& s) {
    const int64_t end = smaller(own.last_row, s.rows);
    between_cuts(own.first_row, end, s.before_rows, s.before_rows, [&](int64_t from, int64_t to) {
      const Part part{from, to, from < s.before_rows};
      const void* h = f.masks.state_mask ? f.masked : f.h;
      const int64_t row = f.masks.state_mask ? f.outputs : f.h_row;
      if (part.linked)
        body(s, part, at<T>(h, s.before, row), row);
      else
        body(s, part, static_cast<const T*>(f.masks.state_mask ? f.masked0 : f.h0), f.outputs);
    });
    keep_last_states<T>(f, own, outputs, s);
    meet(own);
  });
}

// Where the matrices of a product lie among those of all products of a cell: how many gates come before it.
template <class T>
struct Weights {
  Packed<T> input, recurrent;
  const T* bias;

  Weights(const Forward& f, int64_t gates_before, int64_t gates_with_input_before)
      : input(Packed<T>(f.input_weight, f.halves) + packed_size<T>(gates_with_input_before, f.hidden, f.inputs)),
        recurrent(Packed<T>(f.weight, f.halves) + packed_size<T>(gates_before, f.hidden, f.outputs)),
        bias(static_cast<const T*>(f.bias) + packed_size<T>(gates_before, f.hidden, 1)) {}
};

// Where a product's terms come from.
enum Source : int {
  kState = 1,  // U times a state
  kInput = 2,  // W x
  kBoth = kState | kInput
};

// acc = W x + U state + b for a block of rows and the gates of one product, GATE of `gates` being the first of them;
// `state` is that of the block's first row.
template <class T, int GATES, int GATE, bool APART, Source SOURCE = kBoth>
inline void preactivations(const Forward& f, const Weights<T>& w, const Block<T>& b, const Group& g, const T* state,
                           int64_t state_row, T* acc) {
  const Lines lines = written<T>(f, b);
  constexpr int W = width_of(GATES, APART);
  const int64_t H = f.hidden, I = f.inputs, P = f.outputs;
  const T* bias = g.in(w.bias, W, 1);
  Factor<T> recurrent = kNothing<T>, input = kNothing<T>;
  if constexpr (SOURCE & kState) recurrent = {state, state_row, 1, P, g.in(w.recurrent, GATES, P)};
  if constexpr (SOURCE & kInput) {
    if (!f.x) {
      for_each_vector<T, W>(b, acc, [&](int r, int64_t unit, int64_t count, T* a) {
        const T* gates = at<T>(f.gates, b.packed + r, f.gates_row) + unit;
        for (int i = 0; i < GATES; ++i)
          store(a + (APART && i == GATES - 1 ? GATES : i) * kLanes<T>, load_some(gates + (GATE + i) * H, count));
        if (APART)
          store(a + (GATES - 1) * kLanes<T>, load(bias + (unit - g.first_unit) * W + (GATES - 1) * kLanes<T>));
      });
      if constexpr (SOURCE & kState)
        multiply<T, GATES, APART>(g.tiles, b.rows, acc, g.tiles * W * kLanes<T>, acc, kNothing<T>, recurrent, lines);
      return;
    }
    input = {at<T>(f.x, b.packed, I), I, 1, I, g.in(w.input, GATES, I)};
  }
  multiply<T, GATES, APART>(g.tiles, b.rows, bias, 0, acc, input, recurrent, lines);
}

// What reaches h besides the loss at its own step: the product of the step after's gate gradients with U and, for
// cells that carry one, the direct part kept in grad_h0. Rows that end here find the gradient of their last state there.
struct Arriving {
  const void* grad_after;  // [*, row] gate gradients of the step after for batch row 0, or null
  int64_t row, depth;
  bool carry;
};

// acc = the gradient that arrives at h, with that of the loss at this step unless it is the initial state's.
template <class T>
inline void arriving_gradient(const Backward& f, const T* weight, const Block<T>& b, const Group& g,
                              const Arriving& from, bool initial, T* acc, const Lines& lines = kNoLines) {
  const bool carried = f.grad_h0 && (from.carry || !from.grad_after);
  const auto rest = [&](int r, int64_t unit, int64_t count) {
    Vec<T> sum{};
    if (!initial) sum = load_some(at<T>(f.grad_h, b.packed + r, f.grad_row) + unit, count);
    if (carried) sum += load_some(at<T>(f.grad_h0, b.row + r, b.units) + unit, count);
    return sum;
  };
  const bool masked = f.masks.state_mask && from.grad_after;
  if (masked)
    std::memset(acc, 0, sizeof(T) * b.rows * b.tiles * kLanes<T>);
  else
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) { store(a, rest(r, u, count)); });
  if (!from.grad_after) return;
  multiply<T, 1>(g.tiles, b.rows, acc, g.tiles * kLanes<T>, acc, kNothing<T>,
                 {at<T>(from.grad_after, b.row, from.row), from.row, 1, from.depth, g.in(weight, 1, from.depth)}, lines);
  if (masked)
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      store(a, fma(state_mask<T>(f.masks, b, r, u, count), load(a), rest(r, u, count)));
    });
}

// The gradients that zoneout leads past a block's step: taken off before the cell's own pass, handed on after it.
template <class T>
class PastStep {
 public:
  // `acc` holds the gradient of h, and afterwards that of h before zoneout.
  void take_state(const Backward& f, const Block<T>& b, T* acc) {
    if (!f.new_h) return;
    for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, T* a) {
      const Vec<T> keep = share<T>(f.masks.keep_h, b.packed + r, f.h_row, f.masks.zoneout_h, u, count);
      store(h_ + (a - acc), keep * load(a));
      store(a, one_minus<T>(keep) * load(a));
    });
  }

  void take_memory(const Backward& f, const Block<T>& b) {
    if (!f.new_c) return;
    for_each_vector<T, 1>(b, c_, [&](int r, int64_t u, int64_t count, T* kept) {
      const Vec<T> keep = kept_share<T>(f, b, r, u, count);
      T* carried = at<T>(f.grad_c0, b.row + r, b.units) + u;
      Vec<T> grad = load_some(carried, count);
      if (f.grad_c) grad += load_some(at<T>(f.grad_c, b.packed + r, f.grad_c_row) + u, count);
      store(kept, keep * grad);
      store_some(carried, one_minus<T>(keep) * grad, count);
    });
  }

  // `added`: the cell has left its own direct part there already.
  void hand_on_state(const Backward& f, const Block<T>& b, bool added) {
    if (!f.new_h) return;
    for_each_vector<T, 1>(b, h_, [&](int r, int64_t u, int64_t count, T* kept) {
      T* carried = at<T>(f.grad_h0, b.row + r, b.units) + u;
      store_some(carried, added ? load_some(carried, count) + load(kept) : load(kept), count);
    });
  }

  void hand_on_memory(const Backward& f, const Block<T>& b) {
    if (!f.new_c) return;
    for_each_vector<T, 1>(b, c_, [&](int r, int64_t u, int64_t count, T* kept) {
      T* carried = at<T>(f.grad_c0, b.row + r, b.units) + u;
      store_some(carried, load_some(carried, count) + load(kept), count);
    });
  }

 private:
  alignas(64) T h_[kScratch<T>], c_[kScratch<T>];
};

// Calls body(step, part, arriving) against the sequences, then leaves the initial state's gradient of the rows
// that begin with the step. `from.row` and `from.depth`: length of a row of gate gradients, and how many of them meet U.
template <class T, class Body>
inline void backward_steps(const Backward& f, const Portion& own, Arriving from, Body&& body) {
  const T* weight = static_cast<const T*>(f.weight);
  against(f.sequences, [&](const Step& s) {
    const int64_t end = smaller(own.last_row, s.rows);
    between_cuts(own.first_row, end, s.before_rows, s.after_rows, [&](int64_t begin, int64_t stop) {
      const bool product = from.depth && begin < s.after_rows;
      from.grad_after = product ? at<T>(f.grad_gates, s.after, from.row) : nullptr;
      body(s, Part{begin, stop, begin < s.before_rows}, from);
    });
    meet(own);
    if (!from.depth) return;  // what is carried is all there is
    from.grad_after = at<T>(f.grad_gates, s.first, from.row);
    const Part begins{larger(own.first_row, s.before_rows), end, false};
    for_each_tile<T, 1>(own, s, begins, f.outputs, [&](const Block<T>& b, const Group& g) {
      alignas(64) T acc[kScratch<T>];
      arriving_gradient(f, weight, b, g, from, true, acc);
      for_each_vector<T, 1>(b, acc, [&](int r, int64_t u, int64_t count, const T* a) {
        store_some(at<T>(f.grad_h0, b.row + r, b.units) + u, load(a), count);
      });
    });
  });
}

}  // namespace
