#include "pool.hpp"

#include <pthread.h>

#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>

namespace {

constexpr int kMostWorkers = 63;
constexpr int kSpins = 2000;  // a few microseconds of polling before the kernel is asked to wait

inline void pause_thread() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class Pool {
 public:
  void run(int parts, const std::function<void(int)>& body) {
    std::unique_lock<std::mutex> lock(busy_, std::try_to_lock);
    if (!lock.owns_lock() || !start_workers(parts - 1)) {
      for (int part = 0; part < parts; ++part) body(part);
      return;
    }
    body_ = &body;
    parts_ = parts;
    next_.store(0, std::memory_order_relaxed);
    unfinished_.store(workers_, std::memory_order_relaxed);
    call_.fetch_add(1, std::memory_order_release);
    call_.notify_all();
    take_parts();
    wait_for_workers();
  }

 private:
  // True if at least one worker runs.
  bool start_workers(int wanted) {
    if (wanted > kMostWorkers) wanted = kMostWorkers;
    try {
      for (; workers_ < wanted; ++workers_)
        std::thread(&Pool::work, this, call_.load(std::memory_order_relaxed)).detach();
    } catch (const std::system_error&) {  // no more threads to be had: go on with those there are
    }
    return workers_ > 0;
  }

  void take_parts() {
    for (int part; (part = next_.fetch_add(1, std::memory_order_relaxed)) < parts_;) (*body_)(part);
  }

  void work(uint32_t seen) {
    for (;;) {
      call_.wait(seen, std::memory_order_acquire);
      seen = call_.load(std::memory_order_acquire);
      take_parts();
      if (unfinished_.fetch_sub(1, std::memory_order_release) == 1) unfinished_.notify_one();
    }
  }

  // Every worker must have looked at this call before the next one may change it.
  void wait_for_workers() {
    for (int spin = 0; spin < kSpins; ++spin, pause_thread())
      if (unfinished_.load(std::memory_order_acquire) == 0) return;
    for (int left; (left = unfinished_.load(std::memory_order_acquire)) != 0;) unfinished_.wait(left);
  }

  std::mutex busy_;
  int workers_ = 0, parts_ = 0;
  const std::function<void(int)>* body_ = nullptr;
  std::atomic<uint32_t> call_{0};
  std::atomic<int> next_{0}, unfinished_{0};
};

// Never destroyed: its workers may outlive every static destructor.
std::atomic<Pool*> pool{nullptr};

void forget_pool() { pool.store(nullptr); }

Pool* current_pool() {
  static const bool registered = pthread_atfork(nullptr, nullptr, forget_pool) == 0;
  if (!registered) return nullptr;
  Pool* current = pool.load();
  if (current) return current;
  Pool* fresh = new Pool;
  if (pool.compare_exchange_strong(current, fresh)) return fresh;
  delete fresh;
  return current;
}

}  // namespace

void run_parts(int parts, const std::function<void(int)>& body) {
  Pool* current = parts > 1 ? current_pool() : nullptr;
  if (current) return current->run(parts, body);
  for (int part = 0; part < parts; ++part) body(part);
}
