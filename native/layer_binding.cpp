// The binding of arrangements and of the passes of layers.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include "binding.hpp"
#include "layer_pass.hpp"

namespace nb = nanobind;

namespace {

const Level** level_in_use = nullptr;

using Addresses = std::vector<Address>;

// Addresses of the masks, and the shares of zoneout.
using PassedMasks = std::tuple<Address, Address, Address, Address, double, double>;

static_assert(sizeof(Address) == sizeof(void*));

// Null where there is none.
const void* const* each_in(const Addresses& each) {
  return each.empty() ? nullptr : reinterpret_cast<const void* const*>(each.data());
}
void* const* each_out(const Addresses& each) { return reinterpret_cast<void* const*>(each.data()); }

// Those of each direction, in the order of the struct.
std::vector<Kept> kept_of(const std::vector<std::array<Address, 6>>& directions) {
  std::vector<Kept> kept;
  for (const auto& a : directions) kept.push_back({out(a[0]), out(a[1]), out(a[2]), out(a[3]), out(a[4]), out(a[5])});
  return kept;
}

LayerTensors tensors_of(int64_t steps, Address offsets, int64_t batch, bool reverse, const Addresses& parameters,
                        Address x, Address h0, Address c0, const PassedMasks& masks, const std::vector<Kept>& kept,
                        Address work, Address packed, int64_t room) {
  const auto [state, candidate, keep_h, keep_c, zoneout_h, zoneout_c] = masks;
  return {.steps = steps, .offsets = static_cast<const int64_t*>(in(offsets)), .batch = batch, .reverse = reverse,
          .parameters = each_in(parameters), .x = in(x), .h0 = in(h0), .c0 = in(c0), .state_mask = in(state),
          .candidate_mask = in(candidate), .keep_h = in(keep_h), .keep_c = in(keep_c), .zoneout_h = zoneout_h,
          .zoneout_c = zoneout_c, .kept = kept.data(), .work = out(work), .packed = out(packed), .room = room};
}

void run_forward_pass(const ForwardPass& pass, int64_t steps, Address offsets, int64_t batch, bool reverse,
                      const Addresses& parameters, Address x, Address h0, Address c0, const PassedMasks& masks,
                      const std::vector<std::array<Address, 6>>& kept, Address work, Address packed, Address y,
                      Address cells, Address h_last, Address c_last, int threads) {
  const std::vector<Kept> own = kept_of(kept);
  const LayerForward call{{tensors_of(steps, offsets, batch, reverse, parameters, x, h0, c0, masks, own, work, packed, 0)},
                          out(y), out(cells), out(h_last), out(c_last)};
  nb::gil_scoped_release release;
  pass.run(**level_in_use, call, threads);
}

// `hand_out`, a function of Python, gives memory for so many numbers: its address, and what keeps it.
void run_backward_pass(const BackwardPass& pass, int64_t steps, Address offsets, int64_t batch, bool reverse,
                       const Addresses& parameters, Address x, Address h0, Address c0, const PassedMasks& masks,
                       const std::vector<std::array<Address, 6>>& kept, Address work, Address packed, int64_t room, Address y,
                       Address cells, Address grad_y, int64_t grad_row, Address grad_cells,
                       const Addresses& grad_gates, Address grad_state, Address reset_state, Address grad_x,
                       const Addresses& grad_parameters, const Addresses& grad_vectors, Address grad_h0,
                       Address grad_c0, const nb::object& hand_out, int threads) {
  const std::vector<Kept> own = kept_of(kept);
  const LayerBackward call{{tensors_of(steps, offsets, batch, reverse, parameters, x, h0, c0, masks, own, work, packed, room)},
                           in(y), in(cells), in(grad_y), in(grad_cells), grad_row, each_out(grad_gates), out(grad_state),
                           out(reset_state), out(grad_x), each_out(grad_parameters), each_out(grad_vectors), out(grad_h0),
                           out(grad_c0)};
  nb::object keeper;
  const auto more = [&](int64_t numbers) {
    nb::gil_scoped_acquire acquire;
    auto [address, owner] = nb::cast<std::pair<Address, nb::object>>(hand_out(numbers));
    keeper = std::move(owner);
    return out(address);
  };
  nb::gil_scoped_release release;
  pass.run(**level_in_use, call, more, threads);
}

}  // namespace

void bind_layer_passes(nb::module_& m, const Level*& level) {
  level_in_use = &level;
  nb::class_<Arrangement>(m, "Arrangement", "Parameters rearranged for products; -1 is a parameter that there is not.")
      .def(nb::init<bool>(), nb::arg("wide"))
      .def(
          "matrix",
          [](Arrangement& all, int parameter, int64_t first, int64_t gates, int64_t units, int64_t depth,
             int64_t gate_stride, int64_t unit_stride, int64_t k_stride, int64_t total_depth, int64_t first_k,
             int64_t to, bool halves) {
            all.add_matrix(parameter, first,
                           {.source = nullptr, .gates = gates, .units = units, .depth = depth,
                            .gate_stride = gate_stride, .unit_stride = unit_stride, .k_stride = k_stride,
                            .total_depth = total_depth, .first_k = first_k, .halves = halves},
                           to);
          },
          nb::arg("parameter"), nb::kw_only(), nb::arg("first"), nb::arg("gates"), nb::arg("units"), nb::arg("depth"),
          nb::arg("gate_stride"), nb::arg("unit_stride"), nb::arg("k_stride"), nb::arg("total_depth"),
          nb::arg("first_k"), nb::arg("to"), nb::arg("halves") = false)
      .def(
          "biases",
          [](Arrangement& all, int input, int recurrent, int64_t input_first, int64_t recurrent_first, int64_t gates,
             int64_t units, int64_t first, int64_t count, bool apart, int64_t to) {
            all.add_biases(input, input_first, recurrent, recurrent_first,
                           {.input = nullptr, .recurrent = nullptr, .gates = gates, .units = units, .first = first,
                            .count = count, .apart = apart},
                           to);
          },
          nb::arg("input"), nb::arg("recurrent"), nb::kw_only(), nb::arg("input_first"), nb::arg("recurrent_first"),
          nb::arg("gates"), nb::arg("units"), nb::arg("first"), nb::arg("count"), nb::arg("apart"), nb::arg("to"))
      .def("numbers", &Arrangement::add_numbers, nb::arg("parameter"), nb::kw_only(), nb::arg("count"), nb::arg("to"))
      .def(
          "run",
          [](const Arrangement& all, const Addresses& parameters, Address packed, int threads) {
            nb::gil_scoped_release release;
            all.run(**level_in_use, each_in(parameters), out(packed), threads);
          },
          nb::arg("parameters"), nb::arg("packed"), nb::arg("threads"));

  nb::class_<LayerSizes>(m, "LayerSizes", "The sizes of a layer's passes.")
      .def(
          "__init__",
          [](LayerSizes* sizes, int cell, bool wide, const Activations& activations, double clip, int64_t directions,
             int64_t inputs, int64_t hidden, int64_t outputs, int64_t values, int64_t parameters, int64_t gates_row,
             int64_t work_row, int64_t input_column, int64_t input_gates, bool halves) {
            new (sizes) LayerSizes{.cell = cell, .wide = wide, .functions = functions_of(activations, clip),
                                   .directions = directions, .inputs = inputs, .hidden = hidden,
                                   .outputs = outputs, .values = values, .parameters = parameters,
                                   .gates_row = gates_row, .work_row = work_row, .input_column = input_column,
                                   .input_gates = input_gates, .halves = halves};
          },
          nb::kw_only(), nb::arg("cell"), nb::arg("wide"), nb::arg("activations"), nb::arg("clip"),
          nb::arg("directions"), nb::arg("inputs"), nb::arg("hidden"), nb::arg("outputs"),
          nb::arg("values"), nb::arg("parameters"), nb::arg("gates_row"), nb::arg("work_row"), nb::arg("input_column"),
          nb::arg("input_gates"), nb::arg("halves"));

  nb::class_<ForwardPass>(m, "ForwardPass", "A layer's forward pass; addresses are 0 where there is nothing.")
      .def(
          "__init__",
          [](ForwardPass* pass, const LayerSizes& sizes, bool tape, bool fused, const Arrangement& arrangement,
             const std::array<int64_t, 6>& places) {
            const auto [input, recurrent, projection, bias, vectors, separate_bias] = places;
            new (pass) ForwardPass(sizes, tape, fused, arrangement,
                                   {input, recurrent, projection, bias, vectors, separate_bias});
          },
          nb::arg("sizes"), nb::kw_only(), nb::arg("tape"), nb::arg("fused"), nb::arg("arrangement"), nb::arg("places"))
      .def("run", &run_forward_pass, nb::kw_only(), nb::arg("steps"), nb::arg("offsets"), nb::arg("batch"),
           nb::arg("reverse") = false, nb::arg("parameters"), nb::arg("x"), nb::arg("h0"), nb::arg("c0"),
           nb::arg("masks"), nb::arg("kept"), nb::arg("work"), nb::arg("packed"), nb::arg("y"), nb::arg("cells"), nb::arg("h_last"), nb::arg("c_last"), nb::arg("threads"));

  nb::class_<BackwardPass>(m, "BackwardPass", "A layer's backward pass; addresses are 0 where there is nothing.")
      .def(
          "__init__",
          [](BackwardPass* pass, const LayerSizes& sizes, int64_t gradient_columns, bool skips,
             const Arrangement& arrangement, const std::array<int64_t, 3>& places, const Arrangement& inputs,
             const std::array<int, 5>& numbers,
             const std::vector<std::tuple<int64_t, int64_t, bool, int64_t, int64_t, int64_t, int64_t>>& segments) {
            std::vector<GradientSegment> each;
            for (const auto& [first, columns, reset, W, U, bias_ih, bias_hh] : segments)
              each.push_back({first, columns, reset, W, U, bias_ih, bias_hh});
            new (pass) BackwardPass(sizes, gradient_columns, skips, arrangement, {places[0], places[1], places[2]},
                                    inputs, {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]},
                                    std::move(each));
          },
          nb::arg("sizes"), nb::kw_only(), nb::arg("gradient_columns"), nb::arg("skips"), nb::arg("arrangement"),
          nb::arg("places"), nb::arg("inputs"), nb::arg("numbers"), nb::arg("segments"))
      .def("run", &run_backward_pass, nb::kw_only(), nb::arg("steps"), nb::arg("offsets"), nb::arg("batch"),
           nb::arg("reverse") = false, nb::arg("parameters"), nb::arg("x"), nb::arg("h0"), nb::arg("c0"),
           nb::arg("masks"), nb::arg("kept"), nb::arg("work"), nb::arg("packed"), nb::arg("room"), nb::arg("y"), nb::arg("cells"), nb::arg("grad_y"), nb::arg("grad_row"),
           nb::arg("grad_cells"), nb::arg("grad_gates"), nb::arg("grad_state"), nb::arg("reset_state"),
           nb::arg("grad_x"), nb::arg("grad_parameters"), nb::arg("grad_vectors"), nb::arg("grad_h0"),
           nb::arg("grad_c0"), nb::arg("hand_out"), nb::arg("threads"));
}
