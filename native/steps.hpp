// Single steps of stacked layers from NumPy arrays to new NumPy arrays, with nothing else between them and the kernels.
#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <vector>

#include "step_layer.hpp"

// One of the arrays that the states are: of some layers, one after the other.
struct StepState {
  enum Kind : int { kHidden, kMemory, kWindow } kind;
  int64_t value;  // of the memory, where that holds several a unit
  int64_t first_layer, layers;
  int64_t width;  // numbers of a row
};

class Steps {
 public:
  // `stacked`: the states are [layers, N, width] each, otherwise [N, width] of the only layer. `threads` is a function of
  // Python that says how many there may be.
  Steps(const Level& level, bool wide, std::vector<StepLayer> layers, std::vector<StepState> states, bool stacked,
        bool residual, nanobind::object threads);
  ~Steps();

  // (y, states) after a step of x, [N, I] or, with three dimensions, [1, N, I], whose y is of the same kind. None, and
  // nothing done, if an array is not one that the kernels can read as it lies, or does not fit.
  nanobind::object run(const Level& level, nanobind::handle x, nanobind::handle states, int dimensions);

  // The same of the only layer for numbers that are known to fit; h is both output and state.
  void run_at(const Level& level, const StepRows& rows);

 private:
  // body(scratch, threads), without Python's lock if it takes long.
  template <class Body>
  void with_scratch(int64_t N, Body&& body);

  // Where the numbers of the arrays of a step begin.
  struct Arrays {
    const void* x;
    void* const* before;  // the states
    void* y;
    void* const* after;
  };

  template <class T>
  void step(const Level& level, int64_t N, const Arrays& arrays, Scratch& scratch, int threads) const;

  // What layer l reads and where it leaves its states. Where a unit has several values of memory they are brought
  // together; a window's inputs, the oldest first, come before the newest, and the window moves on.
  template <class T>
  StepRows rows_of(int64_t l, int64_t N, const T* x, const Arrays& arrays, Scratch& scratch) const;

  // To arrays of their own, where a unit has several.
  template <class T>
  void hand_on_values(int64_t l, const StepRows& rows, const Arrays& arrays) const;

  const bool wide_, stacked_, residual_;
  const std::vector<StepLayer> layers_;
  const std::vector<StepState> states_;
  const nanobind::object threads_;
  int64_t inputs_, outputs_;
  double work_;  // multiply-adds of a row
  std::atomic<Scratch*> spare_;
};

// To be called once, before anything else.
void begin_steps();
