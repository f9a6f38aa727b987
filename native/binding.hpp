// What the files of the Python binding share.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/tuple.h>

#include <array>

#include "levels.hpp"

using Address = uintptr_t;

inline const void* in(Address a) { return reinterpret_cast<const void*>(a); }
inline void* out(Address a) { return reinterpret_cast<void*>(a); }

// Number of an activation function, alpha and beta, one for each place of Functions.
using Activations = std::array<std::tuple<int, double, double>, 3>;

Functions functions_of(const Activations& activations, double clip);

// Arrangements and the passes of layers; `level`: that of a call.
void bind_layer_passes(nanobind::module_& m, const Level*& level);
