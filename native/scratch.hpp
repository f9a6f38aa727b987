// Work space of a step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

// Gives out pieces, which stay until clear(); from then on their memory is given out again.
class Scratch {
 public:
  template <class T>
  T* take(int64_t numbers) {
    return static_cast<T*>(take_bytes(numbers * static_cast<int64_t>(sizeof(T))));
  }

  // Each piece begins at the start of a line of the cache.
  void* take_bytes(int64_t bytes) {
    const int64_t wanted = (bytes + kLine - 1) / kLine * kLine;
    if (wanted > room_ - used_) add_block(wanted);
    used_ += wanted;
    return blocks_.back().begin + used_ - wanted;
  }

  // What several blocks held, one will hold.
  void clear() {
    if (blocks_.size() > 1) {
      const int64_t all = total_;
      blocks_.clear();
      total_ = 0;
      add_block(all);
    }
    used_ = 0;
  }

 private:
  static constexpr int64_t kLine = 64;

  struct Block {
    std::unique_ptr<std::byte[]> memory;
    std::byte* begin;
  };

  void add_block(int64_t bytes) {
    auto memory = std::make_unique_for_overwrite<std::byte[]>(bytes + kLine - 1);
    const uintptr_t at = reinterpret_cast<uintptr_t>(memory.get());
    std::byte* begin = memory.get() + (kLine - at % kLine) % kLine;
    blocks_.push_back({std::move(memory), begin});
    total_ += bytes, room_ = bytes, used_ = 0;
  }

  std::vector<Block> blocks_;
  int64_t total_ = 0, room_ = 0, used_ = 0;
};
