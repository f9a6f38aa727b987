// What a CPU level offers to the binding: plain structures and function pointers, no templates.
#pragma once

#include <cstdint>

enum Cell : int { kRnnTanh, kRnnRelu, kRnnIdentity, kLstm, kGru, kGruResetBefore, kCells };

enum Function : int { kExponential, kSigmoid, kHyperbolicTangent };

// How the rows of a batch of sequences lie in packed arrays of N rows: step t holds rows offsets[t] to
// offsets[t + 1], batch row b at offsets[t] + b, the longest sequences first.
struct Sequences {
  int64_t steps;           // T
  const int64_t* offsets;  // [T + 1]
  bool reverse;            // the recurrence runs from each row's last step to its first
};

// One forward pass. H is the hidden size, G the number of gates, B the batch size; rows are contiguous unless
// a row length (`*_row`) is given. Pointers the cell has no use for are null.
struct Forward {
  Sequences sequences;
  int64_t inputs, hidden;
  bool tape;                 // keep what the backward pass needs
  const void* x;             // [N, I], or null: gates hold W x + b
  const void* input_weight;  // W and U, packed by pack() product by product
  const void* weight;
  const void* bias;          // b, packed likewise as a matrix one deep; GRU reset-after: b_r, b_z, b_hn, b_in
  void* gates;               // [N, GH] with a tape: activated gates; without x, in: W x + b
  const void* h0;            // [B, H]
  const void* c0;            // [B, H]
  void* h;                   // [N, h_row] hidden state of every step
  int64_t h_row;
  void* c;                   // with a tape [N, h_row]: cell state of every step; without [B, H]: work space
  void* extra;               // with a tape [N, H], GRU reset-after: U_n h + b_hn; reset-before [B, 2H]: work space
  void* h_last;              // [B, H]
  void* c_last;              // [B, H]
};

struct Backward {
  Sequences sequences;
  int64_t hidden;
  const void* weight;   // U, packed for the backward pass
  const void* gates;    // the tape, as the forward pass left it: never written
  const void* h0;
  const void* c0;
  const void* h;        // [N, h_row]
  int64_t h_row;
  const void* c;        // [N, h_row]
  const void* extra;
  const void* grad_h;   // [N, grad_row]
  const void* grad_c;   // [N, grad_row] of a cell that has one, or null: nobody uses the cell states of single steps
  int64_t grad_row;
  void* grad_gates;     // [N, GH]; GRU reset-after [N, 4H]: first the candidate's share of U's side, then r, z, n
  void* reset_state;    // [N, H] GRU reset-before: out, r * h[t - 1]
  void* grad_h0;        // [B, H] in: gradient of h_last; out: gradient of h0
  void* grad_c0;        // [B, H] likewise
};

// out[n, :] = W x[n, :] + bias for rows first <= n < last.
struct Dense {
  int64_t inputs, outputs;
  bool add;            // to what is there, instead of to the bias
  const void* weight;  // packed by pack() with one gate
  const void* bias;    // [outputs] or null
  const void* x;       // [N, x_row]
  int64_t x_row;
  void* out;           // [N, out_row]
  int64_t out_row;
};

// A right factor b of outer products. With initial ones b[n] is that of the step before row n's.
struct OuterFactor {
  const void* rows;  // [N, row]
  int64_t row, width;
  const void* initial;  // [B, width] or null
};

constexpr int kOuterFactors = 3;

// What is summed over all rows n of columns [first, first + columns) of a: with each factor's b
// sums[c, :] = sum of a[n, c] * b[n, :], and totals[c] = sum of a[n, c].
struct OuterSegment {
  int64_t first, columns;
  const OuterFactor* factors[kOuterFactors];  // null: not with this one
  void* sums[kOuterFactors];                  // [columns, width]
  void* totals[2];                            // [columns] or null
};

struct OuterSums {
  Sequences sequences;
  const void* a;  // [N, a_row]
  int64_t a_row;
  OuterFactor factors[kOuterFactors];
  const OuterSegment* segments;
  int64_t count;
};

// A matrix M[gate, unit, k] = source[gate * gate_stride + unit * unit_stride + k * k_stride] to be packed.
struct Packing {
  const void* source;
  int64_t gates, units, depth;  // depth: how many k this source holds
  int64_t gate_stride, unit_stride, k_stride;
  int64_t total_depth, first_k;  // the packed matrix has total_depth k; this source fills first_k onwards
};

// The biases of a product, packed like a matrix one deep: bias_ih + bias_hh of each gate, absent ones being zero. With
// `apart` those of the last gate follow one another, the recurrent one first.
struct Biases {
  const void *input, *recurrent;  // [gates * units] or null
  int64_t gates, units;
  bool apart;
};

// What one thread works out of a pass: some batch rows by itself for the whole sequence, or some hidden units of all
// rows together with others, meeting them whenever all units of a result are needed.
struct Portion {
  int64_t first_row, last_row;
  int64_t first_unit, last_unit;
  void (*meet)(void* others);  // null: nobody to wait for
  void* others;
};

template <class T>
struct Kernels {
  void (*forward[kCells])(const Forward&, const Portion&);
  void (*backward[kCells])(const Backward&, const Portion&);
  void (*dense)(const Dense&, int64_t first_row, int64_t last_row);
  void (*outer_sums)(const OuterSums&, int part, int parts, void* work);
  int64_t (*outer_sums_work)(const OuterSums&, int part, int parts);  // numbers
  void (*pack)(const Packing&, T* packed, int part, int parts);
  void (*pack_biases)(const Biases&, T* packed);
  int64_t (*packed_size)(int64_t gates, int64_t units, int64_t depth);
  int units_together;  // portions begin at multiples of these
  void (*elementary)(int function, const T* x, T* y, int64_t n);
};

struct Level {
  const char* name;
  int vector_bytes;
  Kernels<float> f32;
  Kernels<double> f64;
};
