#include "schedule.hpp"

#include <algorithm>
#include <vector>

#include "pool.hpp"

namespace {

// A call smaller than this many multiply-adds is over before a second thread has woken up.
constexpr double kWorthAThread = 4e5;

// Weights beyond this size do not stay in a core's own cache from step to step; threads that share them by hidden
// units each read a part only.
constexpr double kOwnWeights = 1 << 20;

// So many rows a thread, however, leave time for the weights of the next units to arrive while the ones before are at work.
constexpr int64_t kEnoughRows = 24;

// Multiply-adds of a step, a thread, beyond which meeting the other threads after each step costs little.
constexpr double kWorthAMeeting = 1e5;

// What a unit's pointwise step costs, in multiply-adds a gate.
constexpr int kPointwise = 16;

// Bytes of sums that a thread works on at a time; they take as much again in its work space.
constexpr double kSumsTogether = 8 << 20;

// Threads for so many multiply-adds.
int threads_worth(double work, int threads) {
  return static_cast<int>(std::min(double(threads), 1 + work / kWorthAThread));
}

// Batch rows [0, rows) cut so that each part has about the same number of time steps. Rows past the last entry
// have no steps at all.
std::vector<int64_t> cut_rows(const Sequences& s, int64_t batch, int parts) {
  const auto steps_below = [&](int64_t row) {
    int64_t total = 0;
    for (int64_t t = 0; t < s.steps; ++t) total += std::min(row, s.offsets[t + 1] - s.offsets[t]);
    return total;
  };
  const int64_t all = s.offsets[s.steps];
  std::vector<int64_t> cuts{0};
  for (int part = 1; part < parts; ++part) {
    int64_t low = cuts.back(), high = batch;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (steps_below(middle) * parts < all * part) low = middle + 1;
      else high = middle;
    }
    cuts.push_back(low);
  }
  cuts.push_back(batch);
  return cuts;
}

void meet_others(void* meeting) { static_cast<Meeting*>(meeting)->meet(); }

// Threads share the rows of the batch or, where few rows or large weights speak for it, the hidden units. `depth`: of
// the products of a step, with weights of `bytes` each.
template <class T, class Call>
void run_pass(const Kernels<T>& kernels, const Passes& passes, void (*kernel)(const Call&, const Portion&),
              const Call& call, int64_t batch, int64_t depth, size_t bytes, int threads) {
  const int64_t H = call.hidden, steps = call.sequences.steps, together = kernels.units_together;
  const double columns = double(H) * passes.gates, weights = columns * double(depth);
  const double work = columns * double(depth + kPointwise) * double(call.sequences.offsets[steps]);
  const int most = threads_worth(work, threads);
  const int64_t groups = (H + together - 1) / together;
  const bool few = batch < most, large = weights * double(bytes) > kOwnWeights && batch < kEnoughRows * most;
  const bool worth_meeting = (few || large) && work / double(steps * most) > kWorthAMeeting;
  const bool by_units = passes.sharing == kUnits ? few : passes.sharing == kMeeting && worth_meeting;
  if (most > 1 && by_units && groups >= most)
    return run_together(most, [&](int part, int parts, Meeting& meeting) {
      const int64_t first = groups * part / parts * together, last = groups * (part + 1) / parts * together;
      const bool alone = parts == 1 || passes.sharing == kUnits;
      kernel(call, {0, batch, first, std::min(last, H), alone ? nullptr : meet_others, &meeting});
    });
  const int parts = static_cast<int>(std::min<int64_t>(most, batch));
  if (parts <= 1) return kernel(call, {0, batch, 0, H, nullptr, nullptr});
  const std::vector<int64_t> cuts = cut_rows(call.sequences, batch, parts);
  run_parts(parts, [&](int part) { kernel(call, {cuts[part], cuts[part + 1], 0, H, nullptr, nullptr}); });
}

}  // namespace

void run_forward(const Level& level, bool wide, int cell, const Forward& call, int64_t batch, int threads) {
  const int64_t depth = (call.x ? call.inputs : 0) + (call.weight ? call.outputs : 0);
  with_kernels(level, wide, [&]<class T>(const Kernels<T>& kernels) {
    const Passes& passes = kernels.passes[cell];
    run_pass(kernels, passes, passes.forward, call, batch, depth, call.halves ? sizeof(T) / 2 : sizeof(T), threads);
  });
}

void run_backward(const Level& level, bool wide, int cell, const Backward& call, int64_t batch, int threads) {
  const int64_t depth = call.weight ? call.outputs : 0;
  with_kernels(level, wide, [&]<class T>(const Kernels<T>& kernels) {
    const Passes& passes = kernels.passes[cell];
    run_pass(kernels, passes, passes.backward, call, batch, depth, sizeof(T), threads);
  });
}

void run_dense(const Level& level, bool wide, const Dense& call, int64_t rows, int threads) {
  const auto kernel = with_kernels(level, wide, [](const auto& kernels) { return kernels.dense; });
  const double work = double(rows) * double(call.inputs) * double(call.outputs);
  const int parts = static_cast<int>(std::min<int64_t>(threads_worth(work, threads), rows));
  run_parts(parts, [&](int part) { kernel(call, rows * part / parts, rows * (part + 1) / parts); });
}

void run_additive(const Level& level, bool wide, const Additive& call, bool backward, int threads) {
  const auto kernel = with_kernels(level, wide, [&](const auto& kernels) {
    return backward ? kernels.additive_backward : kernels.additive;
  });
  const double numbers = double(call.steps) * double(call.count) * double(call.asked) * double(call.size);
  const int parts = static_cast<int>(std::min<int64_t>(threads_worth(numbers * kPointwise, threads), call.count));
  run_parts(parts, [&](int part) { kernel(call, call.count * part / parts, call.count * (part + 1) / parts); });
}

void run_pack(const Level& level, bool wide, const Packing& call, void* packed, int threads) {
  const double numbers = double(call.gates) * double(call.units) * double(call.depth);
  const int parts = threads_worth(numbers, threads);
  with_kernels(level, wide, [&](const auto& kernels) {
    run_parts(parts, [&](int part) { kernels.pack(call, packed, part, parts); });
  });
}

SharedOuterSums::SharedOuterSums(const Level& level, bool wide, const OuterSums& call, int threads)
    : level_(level), wide_(wide), call_(call) {
  double numbers = 0;  // that are summed
  for (int64_t i = 0; i < call.count; ++i)
    for (const OuterFactor* factor : call.segments[i].factors)
      if (factor) numbers += double(call.segments[i].columns) * double(factor->width);
  threads_ = threads_worth(numbers * double(call.sequences.offsets[call.sequences.steps]), threads);
  rounds_ = 1 + static_cast<int>(numbers * double(wide ? sizeof(double) : sizeof(float)) / (kSumsTogether * threads_));
}

int64_t SharedOuterSums::work() const {
  return with_kernels(level_, wide_, [&](const auto& kernels) { return work_before(kernels, threads_); });
}

void SharedOuterSums::run(void* work) const {
  with_kernels(level_, wide_, [&]<class T>(const Kernels<T>& kernels) {
    run_parts(threads_, [&](int thread) {
      T* own = static_cast<T*>(work) + work_before(kernels, thread);
      for (int round = 0; round < rounds_; ++round)
        kernels.outer_sums(call_, thread * rounds_ + round, threads_ * rounds_, own);
    });
  });
}

template <class T>
int64_t SharedOuterSums::work_before(const Kernels<T>& kernels, int threads) const {
  constexpr int64_t kLine = 64 / sizeof(T);
  int64_t all = 0;
  for (int thread = 0; thread < threads; ++thread) {
    int64_t most = 0;
    for (int round = 0; round < rounds_; ++round)
      most = std::max(most, kernels.outer_sums_work(call_, thread * rounds_ + round, threads_ * rounds_));
    all += (most + kLine - 1) / kLine * kLine;
  }
  return all;
}
