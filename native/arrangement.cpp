#include "arrangement.hpp"

#include <algorithm>

#include "schedule.hpp"

void Arrangement::add_matrix(int parameter, int64_t first, const Packing& piece, int64_t to) {
  matrices_.push_back({parameter, first, piece, to});
}

void Arrangement::add_biases(int input, int64_t input_first, int recurrent, int64_t recurrent_first,
                             const Biases& piece, int64_t to) {
  biases_.push_back({input, recurrent, input_first, recurrent_first, piece, to});
}

void Arrangement::add_numbers(int parameter, int64_t count, int64_t to) { copies_.push_back({parameter, count, to}); }

void Arrangement::run(const Level& level, const void* const* parameters, void* packed, int threads) const {
  with_kernels(level, wide_, [&]<class T>(const Kernels<T>& kernels) {
    T* out = static_cast<T*>(packed);
    const auto of = [&](int parameter, int64_t first) -> const T* {
      return parameter < 0 || !parameters[parameter] ? nullptr : static_cast<const T*>(parameters[parameter]) + first;
    };
    for (Matrix matrix : matrices_) {
      matrix.piece.source = of(matrix.parameter, matrix.first);
      run_pack(level, wide_, matrix.piece, out + matrix.to, threads);
    }
    for (Bias bias : biases_) {
      bias.piece.input = of(bias.input, bias.input_first);
      bias.piece.recurrent = of(bias.recurrent, bias.recurrent_first);
      kernels.pack_biases(bias.piece, out + bias.to);
    }
    for (const Copy& copy : copies_) {
      const T* numbers = of(copy.parameter, 0);
      if (numbers) std::copy_n(numbers, copy.count, out + copy.to);
      else std::fill_n(out + copy.to, copy.count, T{});
    }
  });
}
