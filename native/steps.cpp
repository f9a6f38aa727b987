#include "steps.hpp"

#include <cstring>
#include <memory>

#define NPY_NO_DEPRECATED_API NPY_1_25_API_VERSION
#include <numpy/arrayobject.h>

namespace nb = nanobind;

namespace {

// Rows from which on the few microseconds of the usual way do not matter.
constexpr int64_t kMostRows = 1024;

// A step of fewer multiply-adds is run by one thread: steps come one by one, and to wake others for each would take longer.
constexpr double kAlone = 4e6;

// A step of more is long enough for other threads of Python to use the time: a shorter one would lose more by handing over
// its lock and waiting to get it back.
constexpr double kLong = 1e6;

PyArrayObject* as_array(PyObject* object) { return reinterpret_cast<PyArrayObject*>(object); }

// Whether the kernels can read an array as it lies, and it has so many dimensions.
bool readable(PyObject* object, bool wide, int dimensions) {
  return PyArray_CheckExact(object) && PyArray_NDIM(as_array(object)) == dimensions &&
         PyArray_TYPE(as_array(object)) == (wide ? NPY_DOUBLE : NPY_FLOAT) && PyArray_ISCARRAY_RO(as_array(object));
}

nb::object new_array(bool wide, int dimensions, const npy_intp* shape) {
  PyObject* made = PyArray_SimpleNew(dimensions, const_cast<npy_intp*>(shape), wide ? NPY_DOUBLE : NPY_FLOAT);
  if (!made) throw nb::python_error();
  return nb::steal(made);
}

nb::object new_tuple(Py_ssize_t size) {
  PyObject* made = PyTuple_New(size);
  if (!made) throw nb::python_error();
  return nb::steal(made);
}

void put(const nb::object& tuple, Py_ssize_t at, nb::object item) { PyTuple_SetItem(tuple.ptr(), at, item.release().ptr()); }

template <class T>
void copy(T* to, const T* from, int64_t n) {
  std::memcpy(to, from, n * sizeof(T));
}

}  // namespace

Steps::Steps(const Level& level, bool wide, std::vector<StepLayer> layers, std::vector<StepState> states, bool stacked,
             bool residual, nb::object threads)
    : wide_(wide), stacked_(stacked), residual_(residual), layers_(std::move(layers)), states_(std::move(states)),
      threads_(std::move(threads)), inputs_(layers_.front().pass.inputs), outputs_(layers_.back().pass.outputs), work_(0),
      spare_(nullptr) {
  for (const StepState& state : states_)
    if (state.kind == StepState::kWindow && state.first_layer == 0) inputs_ -= state.width;
  for (const StepLayer& layer : layers_) {
    const Forward& f = layer.pass;
    work_ += double(level.f32.passes[layer.cell].gates) * double(f.hidden) * double(f.inputs + f.outputs);
  }
}

Steps::~Steps() { delete spare_.load(); }

nb::object Steps::run(const Level& level, nb::handle x, nb::handle states, int dimensions) {
  if (!readable(x.ptr(), wide_, dimensions)) return nb::none();
  const npy_intp* shape = PyArray_DIMS(as_array(x.ptr()));
  const int64_t N = shape[dimensions - 2];
  if (N < 1 || N > kMostRows || shape[dimensions - 1] != inputs_ || (dimensions == 3 && shape[0] != 1)) return nb::none();
  const Py_ssize_t count = static_cast<Py_ssize_t>(states_.size());
  if (!PyTuple_CheckExact(states.ptr()) || PyTuple_Size(states.ptr()) != count) return nb::none();
  for (Py_ssize_t k = 0; k < count; ++k) {
    PyObject* given = PyTuple_GetItem(states.ptr(), k);
    if (!readable(given, wide_, 2 + stacked_)) return nb::none();
    const npy_intp* own = PyArray_DIMS(as_array(given));
    if (own[stacked_] != N || own[stacked_ + 1] != states_[k].width || (stacked_ && own[0] != states_[k].layers))
      return nb::none();
  }
  const npy_intp y_shape[] = {1, N, outputs_};
  nb::object y = new_array(wide_, dimensions, y_shape + 3 - dimensions), after = new_tuple(count);
  std::vector<void*> places(2 * count);
  const Arrays arrays{.x = PyArray_DATA(as_array(x.ptr())), .before = places.data(), .y = PyArray_DATA(as_array(y.ptr())),
                      .after = places.data() + count};
  for (Py_ssize_t k = 0; k < count; ++k) {
    const npy_intp own[] = {states_[k].layers, N, states_[k].width};
    nb::object made = new_array(wide_, 2 + stacked_, own + !stacked_);
    places[k] = PyArray_DATA(as_array(PyTuple_GetItem(states.ptr(), k)));
    places[count + k] = PyArray_DATA(as_array(made.ptr()));
    put(after, k, std::move(made));
  }
  with_scratch(N, [&](Scratch& scratch, int threads) {
    if (wide_) step<double>(level, N, arrays, scratch, threads);
    else step<float>(level, N, arrays, scratch, threads);
  });
  nb::object result = new_tuple(2);
  put(result, 0, std::move(y)), put(result, 1, std::move(after));
  return result;
}

void Steps::run_at(const Level& level, const StepRows& rows) {
  with_scratch(rows.count, [&](Scratch& scratch, int threads) {
    run_step_layer(level, wide_, layers_.front(), rows, scratch, threads);
  });
}

template <class Body>
void Steps::with_scratch(int64_t N, Body&& body) {
  const double work = work_ * double(N);
  const int threads = work < kAlone ? 1 : nb::cast<int>(threads_());
  std::unique_ptr<Scratch> scratch(spare_.exchange(nullptr));  // a step at the same time finds none
  if (!scratch) scratch = std::make_unique<Scratch>();
  if (work < kLong) {
    body(*scratch, threads);
  } else {
    nb::gil_scoped_release release;
    body(*scratch, threads);
  }
  scratch->clear();
  scratch.reset(spare_.exchange(scratch.release()));
}

template <class T>
void Steps::step(const Level& level, int64_t N, const Arrays& arrays, Scratch& scratch, int threads) const {
  const int64_t depth = static_cast<int64_t>(layers_.size());
  const T* x = static_cast<const T*>(arrays.x);
  for (int64_t l = 0; l < depth; ++l) {
    const int64_t numbers = N * layers_[l].pass.outputs;
    const bool last = l == depth - 1, adds = residual_ && l;
    StepRows rows = rows_of<T>(l, N, x, arrays, scratch);
    // states belong to the caller: what is returned beside them is an array of its own
    rows.h = last && !adds ? arrays.y : rows.h_last ? rows.h_last : scratch.take<T>(numbers);
    run_step_layer(level, wide_, layers_[l], rows, scratch, threads);
    hand_on_values<T>(l, rows, arrays);
    const T* h = static_cast<const T*>(rows.h);
    if (adds) {
      T* sum = last ? static_cast<T*>(arrays.y) : scratch.take<T>(numbers);
      for (int64_t i = 0; i < numbers; ++i) sum[i] = h[i] + x[i];
      h = sum;
    }
    x = h;
  }
}

template <class T>
StepRows Steps::rows_of(int64_t l, int64_t N, const T* x, const Arrays& arrays, Scratch& scratch) const {
  const Forward& pass = layers_[l].pass;
  const int64_t H = pass.hidden, M = pass.c_values, I = pass.inputs;
  StepRows rows{.count = N, .x = x, .products = nullptr, .h0 = nullptr, .c0 = nullptr, .h = nullptr, .h_last = nullptr,
                .c_last = nullptr};
  T* values = M > 1 ? scratch.take<T>(N * M * H) : nullptr;
  if (values) rows.c0 = values, rows.c_last = scratch.take<T>(N * M * H);
  for (size_t k = 0; k < states_.size(); ++k) {
    const StepState& state = states_[k];
    if (l < state.first_layer || l >= state.first_layer + state.layers) continue;
    const int64_t W = state.width, at = (l - state.first_layer) * N * W;
    const T* from = static_cast<const T*>(arrays.before[k]) + at;
    T* to = static_cast<T*>(arrays.after[k]) + at;
    if (state.kind == StepState::kHidden) {
      rows.h0 = from, rows.h_last = to;
    } else if (state.kind == StepState::kMemory && !values) {
      rows.c0 = from, rows.c_last = to;
    } else if (state.kind == StepState::kMemory) {
      for (int64_t n = 0; n < N; ++n) copy(values + (n * M + state.value) * H, from + n * H, H);
    } else {
      T* seen = scratch.take<T>(N * I);
      for (int64_t n = 0; n < N; ++n) {
        copy(seen + n * I, from + n * W, W);
        copy(seen + n * I + W, x + n * (I - W), I - W);
        copy(to + n * W, seen + (n + 1) * I - W, W);
      }
      rows.x = seen;
    }
  }
  return rows;
}

template <class T>
void Steps::hand_on_values(int64_t l, const StepRows& rows, const Arrays& arrays) const {
  const int64_t N = rows.count, H = layers_[l].pass.hidden, M = layers_[l].pass.c_values;
  if (M < 2) return;
  const T* values = static_cast<const T*>(rows.c_last);
  for (size_t k = 0; k < states_.size(); ++k)
    if (states_[k].kind == StepState::kMemory)
      for (int64_t n = 0; n < N; ++n)
        copy(static_cast<T*>(arrays.after[k]) + (l * N + n) * H, values + (n * M + states_[k].value) * H, H);
}

void begin_steps() {
  if (_import_array() < 0) throw nb::python_error();
}
