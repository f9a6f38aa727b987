// The Python binding: numbers and addresses in, kernels called without the GIL. The Python side of this package
// checks every shape, type and stride before it hands over an address.
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <new>
#include <type_traits>

#include "binding.hpp"
#include "decoder_step.hpp"
#include "levels.hpp"
#include "pool.hpp"
#include "schedule.hpp"
#include "steps.hpp"

namespace nb = nanobind;

Functions functions_of(const Activations& activations, double clip) {
  Functions functions{.each = {}, .clip = clip};
  for (size_t i = 0; i < activations.size(); ++i) {
    const auto [number, alpha, beta] = activations[i];
    functions.each[i] = {static_cast<Activation>(number), alpha, beta};
  }
  return functions;
}

namespace {

const Level* level = nullptr;

// What Python passes for a field: an address for a pointer.
template <class Field>
using Passed = std::conditional_t<std::is_pointer_v<Field>, Address, Field>;

template <class Field>
Field received(Passed<Field> value) {
  if constexpr (std::is_pointer_v<Field>) return reinterpret_cast<Field>(value);
  else return value;
}

// A field's argument: pointers are null unless given, everything else must be.
template <class Field>
auto argument(const char* name) {
  if constexpr (std::is_pointer_v<Field>) return nb::arg(name) = Address{0};
  else return nb::arg(name);
}

#define PARAMETER(type, name) , Passed<type> name
#define ARGUMENT(type, name) , argument<type>(#name)
#define SET_SEQUENCES(type, name) call->sequences.name = received<type>(name);
#define SET_MASKS(type, name) call->masks.name = received<type>(name);
#define SET(type, name) call->name = received<type>(name);

void dense(bool wide, int64_t rows, int64_t inputs, int64_t outputs, Address weight, Address bias, Address x,
           Address result, bool halves, int threads) {
  nb::gil_scoped_release release;
  const Dense call{.inputs = inputs, .outputs = outputs, .add = false, .weight = in(weight), .bias = in(bias),
                   .x = in(x), .x_row = inputs, .out = out(result), .out_row = outputs, .halves = halves};
  run_dense(*level, wide, call, rows, threads);
}

void pack(bool wide, Address source, int64_t gates, int64_t units, int64_t depth, int64_t gate_stride,
          int64_t unit_stride, int64_t k_stride, int64_t total_depth, int64_t first_k, Address packed, bool halves,
          int threads) {
  nb::gil_scoped_release release;
  const Packing call{.source = in(source), .gates = gates, .units = units, .depth = depth, .gate_stride = gate_stride,
                     .unit_stride = unit_stride, .k_stride = k_stride, .total_depth = total_depth, .first_k = first_k,
                     .halves = halves};
  run_pack(*level, wide, call, out(packed), threads);
}

int64_t packed_size(bool wide, int64_t gates, int64_t units, int64_t depth) {
  return with_kernels(*level, wide, [&](const auto& kernels) { return kernels.packed_size(gates, units, depth); });
}

void elementary(bool wide, int function, Address x, Address y, int64_t n) {
  nb::gil_scoped_release release;
  with_kernels(*level, wide, [&]<class T>(const Kernels<T>& kernels) {
    kernels.elementary(static_cast<Function>(function), static_cast<const T*>(in(x)), static_cast<T*>(out(y)), n);
  });
}

void log_softmax(bool wide, Address x, Address y, int64_t rows, int64_t n) {
  nb::gil_scoped_release release;
  with_kernels(*level, wide, [&]<class T>(const Kernels<T>& kernels) {
    kernels.log_softmax(static_cast<const T*>(in(x)), static_cast<double*>(out(y)), rows, n);
  });
}

void softmax(bool wide, Address x, Address y, int64_t rows, int64_t n) {
  nb::gil_scoped_release release;
  with_kernels(*level, wide, [&]<class T>(const Kernels<T>& kernels) {
    kernels.softmax(static_cast<const T*>(in(x)), static_cast<T*>(out(y)), rows, n, n);
  });
}

int64_t best_tokens(int64_t rows, int64_t tokens, int64_t wanted, Address log_p, Address before, Address sources,
                    Address chosen_rows, Address chosen_tokens, Address scores) {
  return level->best_tokens({.rows = rows, .tokens = tokens, .wanted = wanted,
                             .log_p = static_cast<const double*>(in(log_p)),
                             .before = static_cast<const double*>(in(before)),
                             .sources = static_cast<const int64_t*>(in(sources)),
                             .chosen_rows = static_cast<int64_t*>(out(chosen_rows)),
                             .chosen_tokens = static_cast<int64_t*>(out(chosen_tokens)),
                             .scores = static_cast<double*>(out(scores))});
}

StepLayer step_layer(int cell, Forward pass, const Activations& activations, double clip, int64_t memory,
                     int64_t unprojected, Address apart, Address apart_bias, int64_t apart_at, int64_t apart_outputs) {
  pass.functions = functions_of(activations, clip);
  return {cell, pass, memory, unprojected, in(apart), in(apart_bias), apart_at, apart_outputs};
}

// Kind, value, first layer, layers and width of each.
using GivenStates = std::vector<std::array<int64_t, 5>>;

void make_steps(Steps* steps, bool wide, const std::vector<const StepLayer*>& layers, const GivenStates& given,
                bool stacked, bool residual, nb::object threads) {
  std::vector<StepLayer> own;
  for (const StepLayer* layer : layers) own.push_back(*layer);
  std::vector<StepState> states;
  for (const auto& [kind, value, first, count, width] : given)
    states.push_back({static_cast<StepState::Kind>(kind), value, first, count, width});
  new (steps) Steps(*level, wide, std::move(own), std::move(states), stacked, residual, std::move(threads));
}

bool decoder_step(const DecoderStep& step, int64_t count, Address tokens, Address sources, int64_t source_count,
                  int64_t source_steps, Address lengths, Address keys, Address values, Address h, Address c,
                  Address fed, Address new_h, Address new_c, Address new_fed, Address weights, Address log_p,
                  int threads) {
  nb::gil_scoped_release release;
  const DecoderRows rows{.count = count, .tokens = static_cast<const int64_t*>(in(tokens)),
                         .sources = static_cast<const int64_t*>(in(sources)), .source_count = source_count,
                         .source_steps = source_steps, .lengths = static_cast<const int64_t*>(in(lengths)),
                         .keys = in(keys), .values = static_cast<const uintptr_t*>(in(values)), .h = static_cast<const float*>(in(h)),
                         .c = static_cast<const float*>(in(c)), .fed = static_cast<const float*>(in(fed)),
                         .new_h = static_cast<float*>(out(new_h)), .new_c = static_cast<float*>(out(new_c)),
                         .new_fed = static_cast<float*>(out(new_fed)), .weights = static_cast<float*>(out(weights)),
                         .log_p = static_cast<double*>(out(log_p))};
  return run_decoder_step(*level, step, rows, threads);
}

void additive(bool wide, int64_t steps, int64_t count, int64_t sources, int64_t asked, int64_t size, Address lengths,
              Address rows, Address query, Address keys, Address vector, Address scores, Address grad_query,
              Address grad_keys, Address grad_vector, int threads) {
  const bool backward = grad_query != 0;
  const Additive call{.steps = steps, .count = count, .sources = sources, .asked = asked, .size = size,
                      .lengths = static_cast<const int64_t*>(in(lengths)),
                      .rows = static_cast<const int64_t*>(in(rows)), .query = in(query), .keys = in(keys),
                      .vector = in(vector), .scores = backward ? nullptr : out(scores),
                      .grad_scores = backward ? in(scores) : nullptr, .grad_query = out(grad_query),
                      .grad_keys = out(grad_keys), .grad_vector = out(grad_vector)};
  nb::gil_scoped_release release;
  run_additive(*level, wide, call, backward, threads);
}

nb::bytes digest(Address address, int64_t bytes) {
  char result[kDigestBytes];
  level->digest(in(address), bytes, result);
  return nb::bytes(result, kDigestBytes);
}

// Where the numbers of an array begin; the array is contiguous.
Address address(nb::handle array) {
  Py_buffer view;
  if (PyObject_GetBuffer(array.ptr(), &view, PyBUF_SIMPLE) != 0) throw nb::python_error();
  const Address begin = reinterpret_cast<Address>(view.buf);
  PyBuffer_Release(&view);
  return begin;
}

std::vector<Passes> cells() { return {level->f32.passes, level->f32.passes + level->f32.cells}; }

#define NAME_OF(name) #name,

std::vector<std::string> functions() { return {FUNCTIONS(NAME_OF)}; }

std::vector<std::string> activations() { return {ACTIVATIONS(NAME_OF)}; }

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
  nb::set_leak_warnings(false);  // a model that somebody still holds when the process ends is none
  m.def("levels", &levels, "Names of the CPU levels this machine can run, best first.");
  m.def("select_level", &select_level, nb::arg("name"), "Use the kernels of one CPU level from now on.");
  m.def("level", [] { return std::string(level ? level->name : ""); }, "Name of the CPU level in use.");
  m.def("vector_bytes", [] { return level ? level->vector_bytes : 0; }, "Bytes in one vector of the level in use.");
  m.def("borrow_threads", [](Address parallel) { borrow_threads(reinterpret_cast<OpenMpParallel>(parallel)); },
        nb::arg("parallel"), "Run on the team behind this address of GOMP_parallel; 0: on own threads.");

  nb::class_<Passes>(m, "Passes", "The kernel of a cell.")
      .def_ro("name", &Passes::name)
      .def_ro("gates", &Passes::gates)
      .def_ro("gradient_columns", &Passes::gradient_columns);
  m.def("cells", &cells, "The kernels of all cells; everywhere else a cell is its number among them.");
  m.def("activations", &activations, "Names of the activation functions by number.");
  m.def("functions", &functions, "Names of the functions of elementary() by number.");

  nb::class_<Forward>(m, "ForwardCall", "The arguments of a pass; addresses are 0 where there is nothing.")
      .def(
          "__init__",
          [](Forward* call SEQUENCES_FIELDS(PARAMETER) MASKS_FIELDS(PARAMETER) FORWARD_FIELDS(PARAMETER)) {
            new (call) Forward{};
            SEQUENCES_FIELDS(SET_SEQUENCES) MASKS_FIELDS(SET_MASKS) FORWARD_FIELDS(SET)
          },
          nb::kw_only() SEQUENCES_FIELDS(ARGUMENT) MASKS_FIELDS(ARGUMENT) FORWARD_FIELDS(ARGUMENT))
      .def_rw("halves", &Forward::halves, "Whether weights are stored as bfloat16; False unless set.");
  m.def("dense", &dense, nb::arg("wide"), nb::kw_only(), nb::arg("rows"), nb::arg("inputs"), nb::arg("outputs"),
        nb::arg("weight"), nb::arg("bias"), nb::arg("x"), nb::arg("out"), nb::arg("halves"), nb::arg("threads"));
  m.def("pack", &pack, nb::arg("wide"), nb::kw_only(), nb::arg("source"), nb::arg("gates"), nb::arg("units"),
        nb::arg("depth"), nb::arg("gate_stride"), nb::arg("unit_stride"), nb::arg("k_stride"), nb::arg("total_depth"),
        nb::arg("first_k"), nb::arg("packed"), nb::arg("halves") = false, nb::arg("threads"));
  m.def("packed_size", &packed_size, nb::arg("wide"), nb::arg("gates"), nb::arg("units"), nb::arg("depth"));
  m.def("address", &address, nb::arg("array"), "Where the numbers of a contiguous array begin.");
  bind_layer_passes(m, level);
  m.def("log_softmax", &log_softmax, nb::arg("wide"), nb::arg("x"), nb::arg("y"), nb::arg("rows"), nb::arg("n"));
  m.def("softmax", &softmax, nb::arg("wide"), nb::arg("x"), nb::arg("y"), nb::arg("rows"), nb::arg("n"));
  m.def("best_tokens", &best_tokens, nb::arg("rows"), nb::arg("tokens"), nb::arg("wanted"), nb::arg("log_p"),
        nb::arg("before"), nb::arg("sources"), nb::arg("chosen_rows"), nb::arg("chosen_tokens"), nb::arg("scores"));
  nb::class_<StepLayer>(m, "StepLayer", "A step of a layer; addresses are 0 where there is nothing.")
      .def_static("of", &step_layer, nb::kw_only(), nb::arg("cell"), nb::arg("call"), nb::arg("activations"),
                  nb::arg("clip"), nb::arg("memory"), nb::arg("unprojected"), nb::arg("apart"), nb::arg("apart_bias"),
                  nb::arg("apart_at"), nb::arg("apart_outputs"));
  begin_steps();
  nb::class_<Steps>(m, "Steps", "Single steps of stacked layers, from arrays to new arrays.")
      .def("__init__", &make_steps, nb::kw_only(), nb::arg("wide"), nb::arg("layers"), nb::arg("states"),
           nb::arg("stacked"), nb::arg("residual"), nb::arg("threads"))
      .def("rows", [](Steps& steps, nb::handle x, nb::handle states) { return steps.run(*level, x, states, 2); },
           nb::arg("x").none(), nb::arg("states").none(),
           nb::sig("def rows(self, x: object, states: object) -> typing.Any"),
           "The outputs of x [N, I] and the states after it; None where the arrays do not fit.")
      .def("sequences", [](Steps& steps, nb::handle x, nb::handle states) { return steps.run(*level, x, states, 3); },
           nb::arg("x").none(), nb::arg("states").none(),
           nb::sig("def sequences(self, x: object, states: object) -> typing.Any"), "The same of x [1, N, I].")
      .def(
          "at",
          [](Steps& steps, int64_t count, Address x, Address h0, Address c0, Address h, Address c) {
            steps.run_at(*level, {.count = count, .x = in(x), .products = nullptr, .h0 = in(h0), .c0 = in(c0),
                                  .h = out(h), .h_last = out(h), .c_last = out(c)});
          },
          nb::arg("count"), nb::arg("x"), nb::arg("h0"), nb::arg("c0"), nb::arg("h"), nb::arg("c"),
          "A step of a single layer at addresses, of which nothing is checked.");
  m.def("digest", &digest, nb::arg("address"), nb::arg("bytes"), "To notice whether numbers have changed.");
  nb::class_<DecoderStep>(m, "DecoderStep", "One step of an encoder-decoder; addresses are 0 where there is nothing.")
      .def(
          "__init__",
          [](DecoderStep* step, Address table, int64_t tokens, int64_t table_row, bool products, bool feeds,
             bool residual, int attends, int64_t asked, int64_t size, Address query, Address query_bias, Address vector,
             Address combine, Address combine_bias, int64_t combined, Address head, Address head_bias, int64_t said,
             bool query_halves, bool combine_halves, bool head_halves) {
            new (step) DecoderStep{static_cast<const float*>(in(table)), tokens, table_row, products, feeds, residual, {},
                                   static_cast<Attends>(attends), asked, size, in(query), in(query_bias), in(vector),
                                   in(combine), in(combine_bias), combined, in(head), in(head_bias), said,
                                   query_halves, combine_halves, head_halves};
          },
          nb::kw_only(), nb::arg("table"), nb::arg("tokens"), nb::arg("table_row"), nb::arg("products"),
          nb::arg("feeds"), nb::arg("residual"), nb::arg("attends"), nb::arg("asked"), nb::arg("size"),
          nb::arg("query"), nb::arg("query_bias"), nb::arg("vector"), nb::arg("combine"), nb::arg("combine_bias"),
          nb::arg("combined"), nb::arg("head"), nb::arg("head_bias"), nb::arg("said"),
          nb::arg("query_halves"), nb::arg("combine_halves"), nb::arg("head_halves"))
      .def("add_layer", [](DecoderStep& step, const StepLayer& layer) { step.layers.push_back(layer); },
           nb::arg("layer"))
      .def("run", &decoder_step, nb::arg("count"), nb::arg("tokens"), nb::arg("sources"), nb::arg("source_count"),
           nb::arg("source_steps"), nb::arg("lengths"), nb::arg("keys"), nb::arg("values"), nb::arg("h"),
           nb::arg("c"), nb::arg("fed"), nb::arg("new_h"), nb::arg("new_c"), nb::arg("new_fed"), nb::arg("weights"),
           nb::arg("log_p"), nb::arg("threads"), "False, and nothing done, if a token or a source is none there is.");
  m.def("additive", &additive, nb::arg("wide"), nb::kw_only(), nb::arg("steps"), nb::arg("count"), nb::arg("sources"),
        nb::arg("asked"), nb::arg("size"), nb::arg("lengths"), nb::arg("rows"), nb::arg("query"), nb::arg("keys"),
        nb::arg("vector"), nb::arg("scores"), nb::arg("grad_query") = Address{0}, nb::arg("grad_keys") = Address{0},
        nb::arg("grad_vector") = Address{0}, nb::arg("threads"));
  m.def("elementary", &elementary, nb::arg("wide"), nb::arg("function"), nb::arg("x"), nb::arg("y"), nb::arg("n"));
}
