// A small pool of threads that share one call's rows.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

// Calls body(part) for every part in [0, parts), each on one thread, and returns when all are done. Workers start
// with the first call that needs them; a call that finds the pool busy, or a process with no pool, runs serially.
// A forked child begins with no workers and starts its own.
void run_parts(int parts, const std::function<void(int)>& body);

// A place where the threads of a team wait for one another.
class Meeting {
 public:
  explicit Meeting(int members) : members_(members) {}
  void meet();

 private:
  const int members_;
  std::atomic<int> arrived_{0};
  std::atomic<uint32_t> round_{0};
};

// Calls body(part, parts, meeting) for every part in [0, parts) at the same time, each on a thread of its own, and
// returns when all are done. There are as many parts as threads came at once: at most `wanted`, one if none is free.
void run_together(int wanted, const std::function<void(int part, int parts, Meeting&)>& body);

// OpenMP's entry point of that signature (GOMP_parallel) in a process whose other library keeps an OpenMP team.
using OpenMpParallel = void (*)(void (*body)(void*), void* data, unsigned threads, unsigned flags);

// From now on parts run on the team of that OpenMP runtime instead of on the pool's own workers: its idle threads
// spin for a while after each of their own loops, and workers of ours would have to compete with them for a
// processor. A forked child, which has no team, goes back to workers of its own. Null: stop borrowing.
void borrow_threads(OpenMpParallel parallel);
