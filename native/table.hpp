// What a CPU level offers to the binding: plain structures and function pointers, no templates.
#pragma once

#include <cstdint>

// Functions and fields are listed once, for a macro that is applied to each; what has to agree with a list is made from it.
#define DECLARE_VALUE(name) name,
#define DECLARE_FIELD(type, name) type name;

// Packed weights that pass through a cache at a time, in bytes: for vectors of up to 32 bytes, and for wider ones.
extern "C" const int64_t unrolled_stretch_bytes[2];

// Functions that are offered by themselves.
#define FUNCTIONS(FUNCTION) FUNCTION(exp) FUNCTION(sigmoid) FUNCTION(tanh)

enum class Function : int { FUNCTIONS(DECLARE_VALUE) };

// Activation functions that a cell may have.
#define ACTIVATIONS(ACTIVATION)  \
  ACTIVATION(tanh)               \
  ACTIVATION(sigmoid)            \
  ACTIVATION(relu)               \
  ACTIVATION(identity)           \
  ACTIVATION(hard_sigmoid)       \
  ACTIVATION(hard_tanh)          \
  ACTIVATION(leaky_relu)         \
  ACTIVATION(thresholded_relu)   \
  ACTIVATION(affine)             \
  ACTIVATION(scaled_tanh)        \
  ACTIVATION(elu)                \
  ACTIVATION(softsign)           \
  ACTIVATION(softplus)

enum class Activation : int { ACTIVATIONS(DECLARE_VALUE) };

// An activation function with its constants.
struct Activated {
  Activation function;
  double alpha, beta;
};

// The activation functions of a cell that leaves them free, and the bound of their arguments; 0: none.
struct Functions {
  Activated each[3];
  double clip;
};

// How the rows of a batch of sequences lie in packed arrays of N rows: step t holds rows offsets[t] to
// offsets[t + 1], batch row b at offsets[t] + b, the longest sequences first.
#define SEQUENCES_FIELDS(FIELD)                                                                     \
  FIELD(int64_t, steps)           /* T */                                                           \
  FIELD(const int64_t*, offsets)  /* [T + 1] */                                                     \
  FIELD(bool, reverse)            /* the recurrence runs from each row's last step to its first */

struct Sequences {
  SEQUENCES_FIELDS(DECLARE_FIELD)
};

// What regularises the states in training, and how zoneout is replaced by its mean in evaluation. Masks hold factors,
// zeros among them; those of single steps lie like the hidden states.
#define MASKS_FIELDS(FIELD)                                                                                    \
  FIELD(const void*, state_mask)      /* [B, P] or null: of h[t-1], where U meets it */                        \
  FIELD(const void*, candidate_mask)  /* [N, mask_row] or null: of what a step proposes as new */              \
  FIELD(const void*, keep_h)          /* [N, h_row] or null: 1 where h stays h[t-1] */                         \
  FIELD(const void*, keep_c)          /* [N, h_row] or null: likewise */                                       \
  FIELD(int64_t, mask_row)                                                                                     \
  FIELD(double, zoneout_h)                                                                                     \
  FIELD(double, zoneout_c)            /* without keep_h, keep_c: the share of the state before, 0 for none */

struct Masks {
  MASKS_FIELDS(DECLARE_FIELD)
};

// One forward pass. H is the hidden size, P that of h (H unless it is projected), M the number of values a unit's
// memory holds, B the batch size; rows are contiguous unless a row length (`*_row`) is given. Pointers the cell has no
// use for are null.
#define FORWARD_FIELDS(FIELD)                                                                                           \
  FIELD(int64_t, inputs)            /* I */                                                                             \
  FIELD(int64_t, hidden)            /* H */                                                                             \
  FIELD(int64_t, outputs)           /* P */                                                                             \
  FIELD(bool, tape)                 /* keep what the backward pass needs */                                             \
  FIELD(const void*, x)             /* [N, I], or null: gates hold W x + b */                                           \
  FIELD(const void*, skip)          /* [N, H] what a highway leads around the cell */                                   \
  FIELD(const void*, input_weight)  /* W and U, packed by pack() product by product */                                  \
  FIELD(const void*, weight)                                                                                            \
  FIELD(const void*, projection)    /* [P, H] packed */                                                                 \
  FIELD(const void*, bias)          /* b, packed as a matrix one deep; GRU reset-after: b_r, b_z, b_hn, b_in */         \
  FIELD(const void*, vectors)       /* parameters of single units, as the cell says */                                  \
  FIELD(void*, gates)               /* [N, gates_row] with a tape: what the cell says; without x, in: W x + b */        \
  FIELD(int64_t, gates_row)                                                                                             \
  FIELD(const void*, h0)            /* [B, P] */                                                                        \
  FIELD(const void*, c0)            /* [B, M H] */                                                                      \
  FIELD(void*, h)                   /* [N, h_row] hidden state of every step */                                         \
  FIELD(int64_t, h_row)                                                                                                 \
  FIELD(void*, c)                   /* with a tape [N, c_row]: memory of every step; without [B, M H]: work space */    \
  FIELD(int64_t, c_row)                                                                                                 \
  FIELD(int64_t, c_values)          /* M */                                                                             \
  FIELD(void*, new_h)               /* with zoneout h and c before it: with a tape [N, P], [N, H], without [B, ...] */  \
  FIELD(void*, new_c)                                                                                                   \
  FIELD(void*, unprojected)         /* what a projection meets: with a tape [N, H], without [B, H] */                   \
  FIELD(void*, masked)              /* with a state mask [N, P]: h times it */                                          \
  FIELD(void*, masked0)             /* [B, P] */                                                                        \
  FIELD(void*, work)                /* [B, work_row] work space */                                                      \
  FIELD(int64_t, work_row)                                                                                              \
  FIELD(void*, h_last)              /* [B, P] */                                                                        \
  FIELD(void*, c_last)              /* [B, M H] */

struct Forward {
  Sequences sequences;
  Functions functions;
  Masks masks;
  FORWARD_FIELDS(DECLARE_FIELD)
  bool halves = false;  // W, U and the projection are stored as bfloat16; of float32 only
};

struct Backward {
  Sequences sequences;
  Functions functions;
  Masks masks;
  int64_t hidden;
  int64_t outputs;
  const void* weight;      // U, packed for the backward pass
  const void* projection;  // likewise
  const void* vectors;
  const void* gates;       // the tape, as the forward pass left it: never written
  int64_t gates_row;
  const void* h0;
  const void* c0;
  const void* h;           // [N, h_row]
  int64_t h_row;
  const void* c;           // [N, c_row]
  int64_t c_row;
  const void* new_h;
  const void* new_c;
  const void* skip;
  const void* grad_h;      // [N, grad_row]
  int64_t grad_row;
  const void* grad_c;      // [N, grad_c_row] or null: nobody uses the memory of single steps
  int64_t grad_c_row;
  void* grad_gates;        // [N, columns]: first those that meet U, those that meet W last
  void* grad_state;        // [N, P] of a projected cell: gradient of h before the projection's sum
  void* reset_state;       // [N, H] two products: out, what the second one met
  void* grad_skip;         // [N, H] out: gradient of the skip; added to where add_skip
  bool add_skip;
  void* grad_vectors;      // [B, V H] in: zeros; out: gradients of the vectors, a row a sequence
  void* work;              // [B, work_row] work space
  int64_t work_row;
  void* grad_h0;           // [B, P] in: gradient of h_last; out: gradient of h0
  void* grad_c0;           // [B, M H] likewise
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
  bool halves = false;  // the weight is stored as bfloat16; of float32 only
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
  bool halves = false;           // packed as bfloat16; of float32 only
};

// The biases of a product, packed like a matrix one deep: bias_ih + bias_hh of each gate, absent ones being zero. With
// `apart` those of the last gate follow one another, the recurrent one first.
struct Biases {
  const void *input, *recurrent;  // [count * units], of gates first, first + 1, ..., or null
  int64_t gates, units, first, count;
  bool apart;
};

// Additive attention of N rows, U steps each, over B sources of up to T steps: vectors of A numbers.
struct Additive {
  int64_t steps, count, sources, asked, size;  // U, N, B, T, A
  const int64_t* lengths;                      // [B]
  const int64_t* rows;                         // [N] the source of each row, or null: one each
  const void* query;                           // [U, N, A]
  const void* keys;                            // [T, B, A]
  const void* vector;                          // [A]
  void* scores;                                // [U, N, T]
  const void* grad_scores;                     // the backward pass: likewise, which has one row a source
  void* grad_query;                            // [U, N, A]
  void* grad_keys;                             // [T, B, A]
  void* grad_vector;                           // [N, A]
};

// The tokens that beginnings of answers are best gone on with: `wanted` at most of each source, whose rows stand side by side.
struct BestTokens {
  int64_t rows, tokens, wanted;
  const double* log_p;     // [rows, tokens]
  const double* before;    // [rows] what is added to a row, or null
  const int64_t* sources;  // [rows]
  int64_t* chosen_rows;    // [wanted a source] out, and likewise
  int64_t* chosen_tokens;
  double* scores;
};

// What one thread works out of a pass: some batch rows by itself for the whole sequence, or some hidden units of all
// rows together with others, meeting them whenever all units of a result are needed.
struct Portion {
  int64_t first_row, last_row;
  int64_t first_unit, last_unit;
  void (*meet)(void* others);  // null: nobody to wait for
  void* others;
};

// How the threads may share a pass.
enum Sharing : int {
  kRows,     // by batch rows only: a step needs a whole row
  kMeeting,  // by hidden units too, meeting after each step
  kUnits     // by hidden units without meeting: a unit's next state depends on its own only
};

// A cell's two passes.
struct Passes {
  const char* name;
  int gates;             // of all products of a step
  int gradient_columns;  // of gate gradients, H wide each
  void (*forward)(const Forward&, const Portion&);
  void (*backward)(const Backward&, const Portion&);
  Sharing sharing;
};

template <class T>
struct Kernels {
  const Passes* passes;  // of all cells
  int cells;
  void (*dense)(const Dense&, int64_t first_row, int64_t last_row);
  void (*outer_sums)(const OuterSums&, int part, int parts, void* work);
  int64_t (*outer_sums_work)(const OuterSums&, int part, int parts);  // numbers
  void (*pack)(const Packing&, void* packed, int part, int parts);
  void (*pack_biases)(const Biases&, T* packed);
  int64_t (*packed_size)(int64_t gates, int64_t units, int64_t depth);
  int units_together;  // portions begin at multiples of these
  void (*elementary)(Function function, const T* x, T* y, int64_t n);
  void (*log_softmax)(const T* x, double* y, int64_t rows, int64_t n);
  void (*softmax)(const T* x, T* y, int64_t rows, int64_t row, int64_t n);
  void (*additive)(const Additive&, int64_t first_row, int64_t last_row);
  void (*additive_backward)(const Additive&, int64_t first_row, int64_t last_row);
};

constexpr int kDigestBytes = 512;

struct Level {
  const char* name;
  int vector_bytes;
  Kernels<float> f32;
  Kernels<double> f64;
  int64_t (*best_tokens)(const BestTokens&);
  void (*digest)(const void* numbers, int64_t bytes, void* digest);
};
