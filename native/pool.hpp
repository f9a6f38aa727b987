// A small pool of threads that share one call's rows.
#pragma once

#include <cstdint>
#include <functional>

// Calls body(part) for every part in [0, parts), each on one thread, and returns when all are done. Workers start
// with the first call that needs them; a call that finds the pool busy, or a process with no pool, runs serially.
// A forked child begins with no workers and starts its own.
void run_parts(int parts, const std::function<void(int)>& body);
