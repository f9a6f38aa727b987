// Parameters rearranged for the products of a pass: pieces of them, and where each goes.
#pragma once

#include <vector>

#include "levels.hpp"

class Arrangement {
 public:
  explicit Arrangement(bool wide) : wide_(wide) {}

  // Parameters go by their numbers in the list that run() is given; -1: one that there is not. All places are counted in numbers.
  void add_matrix(int parameter, int64_t first, const Packing& piece, int64_t to);
  void add_biases(int input, int64_t input_first, int recurrent, int64_t recurrent_first, const Biases& piece, int64_t to);
  void add_numbers(int parameter, int64_t count, int64_t to);

  void run(const Level& level, const void* const* parameters, void* packed, int threads) const;

 private:
  struct Matrix {
    int parameter;
    int64_t first;
    Packing piece;
    int64_t to;
  };
  struct Bias {
    int input, recurrent;
    int64_t input_first, recurrent_first;
    Biases piece;
    int64_t to;
  };
  struct Copy {
    int parameter;
    int64_t count, to;
  };

  bool wide_;
  std::vector<Matrix> matrices_;
  std::vector<Bias> biases_;
  std::vector<Copy> copies_;
};
