// The CPU levels compiled into this library, and which of them this machine can run.
#pragma once

#include <string>
#include <vector>

#include "table.hpp"

// Best first; only levels whose instructions the processor and the operating system support.
const std::vector<const Level*>& supported_levels();
