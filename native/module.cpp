// The Python binding: numbers and addresses in, kernels called without the GIL. The Python side of this package
// checks every shape, type and stride before it hands over an address.
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>

#include "levels.hpp"
#include "pool.hpp"

namespace nb = nanobind;

namespace {

using Address = uintptr_t;

const Level* level = nullptr;

const void* in(Address a) { return reinterpret_cast<const void*>(a); }
void* out(Address a) { return reinterpret_cast<void*>(a); }

// A call smaller than this many multiply-adds is over before a second thread has woken up.
constexpr double kWorthAThread = 4e5;

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

// Weights beyond this size do not stay in a core's own cache from step to step; threads that share them by hidden
// units each read a part only.
constexpr double kOwnWeights = 1 << 20;

// Multiply-adds of a step, a thread, beyond which meeting the other threads after each step costs little.
constexpr double kWorthAMeeting = 1e5;

// What a unit's pointwise step costs, in multiply-adds a gate.
constexpr int kPointwise = 16;

void meet_others(void* meeting) { static_cast<Meeting*>(meeting)->meet(); }

// Threads share the rows of the batch or, where few rows or large weights speak for it, the hidden units.
template <class T, class Call>
void run_pass(const Kernels<T>& kernels, void (*kernel)(const Call&, const Portion&), Sharing sharing,
              const Call& call, int64_t batch, int64_t depth, int columns, int threads) {
  nb::gil_scoped_release release;
  const int64_t H = call.hidden, steps = call.sequences.steps, together = kernels.units_together;
  const double weights = double(H) * columns * double(depth);
  const double work = double(H) * columns * double(depth + kPointwise) * double(call.sequences.offsets[steps]);
  const int most = static_cast<int>(std::min(double(threads), 1 + work / kWorthAThread));
  const int64_t groups = (H + together - 1) / together;
  const bool few = batch < most, large = weights * sizeof(T) > kOwnWeights;
  const bool by_units = sharing == kUnits ? few : sharing == kMeeting && (few || large) &&
                                                      work / double(steps * most) > kWorthAMeeting;
  if (most > 1 && by_units && groups >= most)
    return run_together(most, [&](int part, int parts, Meeting& meeting) {
      const int64_t first = groups * part / parts * together, last = groups * (part + 1) / parts * together;
      const bool alone = parts == 1 || sharing == kUnits;
      kernel(call, {0, batch, first, std::min(last, H), alone ? nullptr : meet_others, &meeting});
    });
  const int parts = static_cast<int>(std::min<int64_t>(most, batch));
  if (parts <= 1) return kernel(call, {0, batch, 0, H, nullptr, nullptr});
  const std::vector<int64_t> cuts = cut_rows(call.sequences, batch, parts);
  run_parts(parts, [&](int part) { kernel(call, {cuts[part], cuts[part + 1], 0, H, nullptr, nullptr}); });
}

// Numbers and addresses one after the other, in the order of a structure's fields.
class Fields {
 public:
  explicit Fields(const std::vector<int64_t>& numbers) : next_(numbers.data()), end_(next_ + numbers.size()) {}
  operator int64_t() { return take(); }
  operator bool() { return take() != 0; }
  template <class Pointed>
  operator Pointed*() {
    return reinterpret_cast<Pointed*>(take());
  }
  void end() const { check(next_ == end_); }

 private:
  static void check(bool fits) {
    if (!fits) throw nb::value_error("not as many numbers as the structure has fields");
  }
  int64_t take() {
    check(next_ != end_);
    return *next_++;
  }

  const int64_t *next_, *end_;
};

// The activation functions and the constants of zoneout: function, alpha, beta of each, clip; zoneout of h and c.
using Constants = std::array<double, 12>;

Functions functions_of(const Constants& c) {
  Functions functions{};
  for (int i = 0; i < 3; ++i)
    functions.each[i] = {static_cast<int>(c[3 * i]), c[3 * i + 1], c[3 * i + 2]};
  functions.clip = c[9];
  return functions;
}

// `numbers`: the fields of struct Forward in native/table.hpp, functions and zoneout left out; of `columns` gates.
void forward(int cell, bool wide, int columns, int64_t batch, int threads, const std::vector<int64_t>& numbers,
             const Constants& constants) {
  Fields next(numbers);
  Forward call{};
  call.sequences = {next, next, next};
  call.inputs = next, call.hidden = next, call.outputs = next, call.tape = next;
  call.x = next, call.skip = next, call.input_weight = next, call.weight = next, call.projection = next;
  call.bias = next, call.vectors = next, call.functions = functions_of(constants);
  call.masks = {next, next, next, next, next, constants[10], constants[11]};
  call.gates = next, call.gates_row = next, call.h0 = next, call.c0 = next, call.h = next, call.h_row = next;
  call.c = next, call.c_row = next, call.c_values = next, call.new_h = next, call.new_c = next;
  call.unprojected = next, call.masked = next, call.masked0 = next, call.work = next, call.work_row = next;
  call.h_last = next, call.c_last = next;
  next.end();
  const int64_t depth = (call.x ? call.inputs : 0) + (call.weight ? call.outputs : 0);
  const auto run = [&]<class T>(const Kernels<T>& kernels) {
    const Passes& passes = kernels.passes[cell];
    run_pass(kernels, passes.forward, passes.sharing, call, batch, depth, columns, threads);
  };
  if (wide) run(level->f64);
  else run(level->f32);
}

// Likewise of struct Backward.
void backward(int cell, bool wide, int columns, int64_t batch, int threads, const std::vector<int64_t>& numbers,
              const Constants& constants) {
  Fields next(numbers);
  Backward call{};
  call.sequences = {next, next, next};
  call.hidden = next, call.outputs = next, call.weight = next, call.projection = next, call.vectors = next;
  call.functions = functions_of(constants);
  call.masks = {next, next, next, next, next, constants[10], constants[11]};
  call.gates = next, call.gates_row = next, call.h0 = next, call.c0 = next, call.h = next, call.h_row = next;
  call.c = next, call.c_row = next, call.new_h = next, call.new_c = next, call.skip = next;
  call.grad_h = next, call.grad_row = next, call.grad_c = next, call.grad_c_row = next, call.grad_gates = next;
  call.grad_state = next, call.reset_state = next, call.grad_skip = next, call.add_skip = next;
  call.grad_vectors = next, call.work = next, call.work_row = next, call.grad_h0 = next, call.grad_c0 = next;
  next.end();
  const auto run = [&]<class T>(const Kernels<T>& kernels) {
    const Passes& passes = kernels.passes[cell];
    run_pass(kernels, passes.backward, passes.sharing, call, batch, call.weight ? call.outputs : 0, columns, threads);
  };
  if (wide) run(level->f64);
  else run(level->f32);
}

void dense(bool wide, int64_t rows, int64_t inputs, int64_t outputs, bool add, Address weight, Address bias, Address x,
           int64_t x_row, Address result, int64_t result_row, int threads) {
  const Dense call{inputs, outputs, add, in(weight), in(bias), in(x), x_row, out(result), result_row};
  const auto kernel = wide ? level->f64.dense : level->f32.dense;
  nb::gil_scoped_release release;
  const double work = double(rows) * double(inputs) * double(outputs);
  const int parts = static_cast<int>(std::min({double(threads), double(rows), 1 + work / kWorthAThread}));
  run_parts(parts, [&](int part) { kernel(call, rows * part / parts, rows * (part + 1) / parts); });
}

// Bytes of sums that a thread works on at a time; they take as much again in its work space.
constexpr double kSumsTogether = 8 << 20;

// What the call below is about. Right factors: rows, row length, width, initial rows. Segments: first column,
// columns, where the sums with each factor go and the two totals; 0 for what nobody wants.
class OuterProducts {
 public:
  using Factors = std::vector<std::array<int64_t, 4>>;
  using Segments = std::vector<std::array<int64_t, 2 + kOuterFactors + 2>>;

  OuterProducts(bool wide, int64_t steps, Address offsets, bool reverse, Address a, int64_t a_row, const Factors& factors,
                const Segments& segments, int threads)
      : call_{{steps, static_cast<const int64_t*>(in(offsets)), reverse}, in(a), a_row, {}, nullptr, 0} {
    for (size_t f = 0; f < factors.size(); ++f) {
      const auto [rows, row, width, initial] = factors[f];
      call_.factors[f] = {in(rows), row, width, in(initial)};
    }
    double numbers = 0;  // that are summed
    for (const auto& given : segments) {
      OuterSegment segment{given[0], given[1], {}, {}, {}};
      for (int f = 0; f < kOuterFactors; ++f) {
        segment.sums[f] = out(given[2 + f]);
        if (!segment.sums[f]) continue;
        segment.factors[f] = &call_.factors[f];
        numbers += double(segment.columns) * double(segment.factors[f]->width);
      }
      segment.totals[0] = out(given[2 + kOuterFactors]), segment.totals[1] = out(given[3 + kOuterFactors]);
      segments_.push_back(segment);
    }
    call_.segments = segments_.data(), call_.count = static_cast<int64_t>(segments_.size());
    const double rows = double(call_.sequences.offsets[steps]);
    threads_ = static_cast<int>(std::min(double(threads), 1 + numbers * rows / kWorthAThread));
    rounds_ = 1 + static_cast<int>(numbers * double(wide ? sizeof(double) : sizeof(float)) / (kSumsTogether * threads_));
  }
  OuterProducts(const OuterProducts&) = delete;  // it points into itself

  // Numbers of work space that all threads need.
  template <class T>
  int64_t work(const Kernels<T>& kernels) const {
    return work_before(kernels, threads_);
  }

  template <class T>
  void sum(const Kernels<T>& kernels, T* memory) const {
    run_parts(threads_, [&](int thread) {
      T* own = memory + work_before(kernels, thread);
      for (int round = 0; round < rounds_; ++round)
        kernels.outer_sums(call_, thread * rounds_ + round, threads_ * rounds_, own);
    });
  }

 private:
  // That of the first so many threads; each one's begins at the start of a line of the cache.
  template <class T>
  int64_t work_before(const Kernels<T>& kernels, int threads) const {
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

  OuterSums call_;
  std::vector<OuterSegment> segments_;
  int threads_, rounds_;
};

// `hand_out`, a function of Python, gives memory for so many numbers: its address, and what keeps it.
void outer_sums(bool wide, int64_t steps, Address offsets, bool reverse, Address a, int64_t a_row,
                const OuterProducts::Factors& factors, const OuterProducts::Segments& segments, int threads,
                const nb::object& hand_out) {
  const OuterProducts products(wide, steps, offsets, reverse, a, a_row, factors, segments, threads);
  const auto run = [&]<class T>(const Kernels<T>& kernels) {
    const auto [address, keeper] = nb::cast<std::pair<Address, nb::object>>(hand_out(products.work(kernels)));
    nb::gil_scoped_release release;
    products.sum(kernels, static_cast<T*>(out(address)));
  };
  if (wide) run(level->f64);
  else run(level->f32);
}

void pack(bool wide, Address source, int64_t gates, int64_t units, int64_t depth, int64_t gate_stride,
          int64_t unit_stride, int64_t k_stride, int64_t total_depth, int64_t first_k, Address packed, int threads) {
  nb::gil_scoped_release release;
  const Packing call{in(source), gates, units, depth, gate_stride, unit_stride, k_stride, total_depth, first_k};
  const double numbers = double(gates) * double(units) * double(depth);
  const int parts = static_cast<int>(std::min(double(threads), 1 + numbers / kWorthAThread));
  run_parts(parts, [&](int part) {
    if (wide) level->f64.pack(call, static_cast<double*>(out(packed)), part, parts);
    else level->f32.pack(call, static_cast<float*>(out(packed)), part, parts);
  });
}

void pack_biases(bool wide, Address input, Address recurrent, int64_t gates, int64_t units, int64_t first, int64_t count,
                 bool apart, Address packed) {
  const Biases call{in(input), in(recurrent), gates, units, first, count, apart};
  if (wide) level->f64.pack_biases(call, static_cast<double*>(out(packed)));
  else level->f32.pack_biases(call, static_cast<float*>(out(packed)));
}

int64_t packed_size(bool wide, int64_t gates, int64_t units, int64_t depth) {
  return (wide ? level->f64.packed_size : level->f32.packed_size)(gates, units, depth);
}

void elementary(bool wide, int function, Address x, Address y, int64_t n) {
  nb::gil_scoped_release release;
  if (wide)
    level->f64.elementary(function, static_cast<const double*>(in(x)), static_cast<double*>(out(y)), n);
  else
    level->f32.elementary(function, static_cast<const float*>(in(x)), static_cast<float*>(out(y)), n);
}

std::vector<std::string> levels() {
  std::vector<std::string> names;
  for (const Level* each : supported_levels()) names.emplace_back(each->name);
  return names;
}

void select_level(const std::string& name) {
  for (const Level* each : supported_levels())
    if (name == each->name) {
      level = each;
      return;
    }
  throw nb::value_error(("this machine cannot run CPU level " + name).c_str());
}

}  // namespace

NB_MODULE(_native, m) {
  m.doc() = "Compiled kernels; use unrolled.kernels, which checks what it passes on.";
  m.def("levels", &levels, "Names of the CPU levels this machine can run, best first.");
  m.def("select_level", &select_level, nb::arg("name"), "Use the kernels of one CPU level from now on.");
  m.def("level", [] { return std::string(level ? level->name : ""); }, "Name of the CPU level in use.");
  m.def("vector_bytes", [] { return level ? level->vector_bytes : 0; }, "Bytes in one vector of the level in use.");
  m.def("borrow_threads", [](Address parallel) { borrow_threads(reinterpret_cast<OpenMpParallel>(parallel)); },
        nb::arg("parallel"), "Run on the team behind this address of GOMP_parallel; 0: on own threads.");
  m.def("forward", &forward);
  m.def("backward", &backward);
  m.def("dense", &dense);
  m.def("outer_sums", &outer_sums);
  m.def("pack", &pack);
  m.def("pack_biases", &pack_biases);
  m.def("packed_size", &packed_size);
  m.def("elementary", &elementary);
}
