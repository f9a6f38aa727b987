#include "pool.hpp"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
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
    inside_.store(0, std::memory_order_release);
    call_.fetch_add(1, std::memory_order_release);
    call_.notify_all();
    take_parts();
    close();
  }

 private:
  static constexpr int kClosed = 1 << 30;  // subtracted from the number of workers inside

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
      if (!enter()) continue;
      take_parts();
      if (inside_.fetch_sub(1, std::memory_order_acq_rel) == 1 - kClosed) inside_.notify_one();
    }
  }

  bool enter() {
    int inside = inside_.load(std::memory_order_relaxed);
    do
      if (inside < 0) return false;
    while (!inside_.compare_exchange_weak(inside, inside + 1, std::memory_order_acquire, std::memory_order_relaxed));
    return true;
  }

  // All parts are taken: a worker that the system has not yet let run finds nothing to do, and is not waited for.
  void close() {
    if (inside_.fetch_sub(kClosed, std::memory_order_acq_rel) == 0) return;
    for (int spin = 0; spin < kSpins; ++spin, pause_thread())
      if (inside_.load(std::memory_order_acquire) == -kClosed) return;
    for (int left; (left = inside_.load(std::memory_order_acquire)) != -kClosed;) inside_.wait(left);
  }

  std::mutex busy_;
  int workers_ = 0, parts_ = 0;
  const std::function<void(int)>* body_ = nullptr;
  std::atomic<uint32_t> call_{0};
  std::atomic<int> next_{0}, inside_{-kClosed};
};

// Never destroyed: its workers may outlive every static destructor.
std::atomic<Pool*> pool{nullptr};

std::atomic<OpenMpParallel> borrowed{nullptr};

void forget_threads() {
  pool.store(nullptr);
  borrowed.store(nullptr);
}

bool follow_forks() {
  static const bool registered = pthread_atfork(nullptr, nullptr, forget_threads) == 0;
  return registered;
}

Pool* current_pool() {
  if (!follow_forks()) return nullptr;
  Pool* current = pool.load();
  if (current) return current;
  Pool* fresh = new Pool;
  if (pool.compare_exchange_strong(current, fresh)) return fresh;
  delete fresh;
  return current;
}

// One call's parts, handed out to whichever thread of a team asks next.
struct Shared {
  const std::function<void(int)>& body;
  int parts;
  std::atomic<int> next{0};

  static void take(void* shared) {
    Shared& s = *static_cast<Shared*>(shared);
    for (int part; (part = s.next.fetch_add(1, std::memory_order_relaxed)) < s.parts;) s.body(part);
  }
};

// Waits until `ready` says so: polling at first, then leaving the processor to others between two looks.
template <class Ready>
inline void wait_until(Ready&& ready) {
  for (int spin = 0; !ready(); ++spin)
    if (spin < kSpins) pause_thread();
    else std::this_thread::yield();
}

// Those who come before the first one loses patience are the team.
class Gathering {
 public:
  explicit Gathering(int wanted) : wanted_(wanted) {}

  // The caller's place; -1 if it came too late.
  int join() {
    int came = came_.load();
    do
      if (came < 0) return -1;
    while (!came_.compare_exchange_weak(came, came + 1));
    if (came == 0) {
      const auto begin = std::chrono::steady_clock::now();
      wait_until([&] { return came_.load() == wanted_ || std::chrono::steady_clock::now() - begin > kPatience; });
      const int members = came_.exchange(-1);
      meeting_.emplace(members);
      members_.store(members, std::memory_order_release);
    } else {
      wait_until([&] { return members_.load(std::memory_order_acquire) != 0; });
    }
    return came;
  }

  int members() const { return members_.load(std::memory_order_relaxed); }
  Meeting& meeting() { return *meeting_; }

 private:
  static constexpr std::chrono::microseconds kPatience{300};
  const int wanted_;
  std::atomic<int> came_{0}, members_{0};
  std::optional<Meeting> meeting_;
};

}  // namespace

void Meeting::meet() {
  const uint32_t round = round_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
    arrived_.store(0, std::memory_order_relaxed);
    round_.store(round + 1, std::memory_order_release);
  } else {
    wait_until([&] { return round_.load(std::memory_order_acquire) != round; });
  }
}

void run_together(int wanted, const std::function<void(int, int, Meeting&)>& body) {
  Gathering gathering(wanted);
  run_parts(wanted, [&](int) {
    const int place = gathering.join();
    if (place >= 0) body(place, gathering.members(), gathering.meeting());
  });
}

void borrow_threads(OpenMpParallel parallel) { borrowed.store(follow_forks() ? parallel : nullptr); }

void run_parts(int parts, const std::function<void(int)>& body) {
  if (const OpenMpParallel parallel = parts > 1 ? borrowed.load() : nullptr) {
    Shared shared{body, parts};
    return parallel(Shared::take, &shared, static_cast<unsigned>(parts), 0);
  }
  Pool* current = parts > 1 ? current_pool() : nullptr;
  if (current) return current->run(parts, body);
  for (int part = 0; part < parts; ++part) body(part);
}
