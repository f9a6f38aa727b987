// The best ways to go on from the beginnings of a beam.
#pragma once

#include "simd.hpp"
#include "table.hpp"

namespace {

// The best so far, the largest first.
class BestSoFar {
 public:
  BestSoFar(const BestTokens& b, int64_t first)
      : rows_(b.chosen_rows + first), tokens_(b.chosen_tokens + first), scores_(b.scores + first), wanted_(b.wanted) {}

  int64_t count() const { return count_; }

  // What another must exceed: of equal ones the first stays.
  double bar() const { return count_ < wanted_ ? -__builtin_inf() : scores_[wanted_ - 1]; }

  void add(double score, int64_t row, int64_t token) {
    if (!(score > bar())) return;
    int64_t i = count_ < wanted_ ? count_++ : wanted_ - 1;
    for (; i > 0 && scores_[i - 1] < score; --i)
      rows_[i] = rows_[i - 1], tokens_[i] = tokens_[i - 1], scores_[i] = scores_[i - 1];
    rows_[i] = row, tokens_[i] = token, scores_[i] = score;
  }

 private:
  int64_t *rows_, *tokens_;
  double* scores_;
  const int64_t wanted_;
  int64_t count_ = 0;
};

// Those of one row; false if a number is NaN or infinite.
inline bool add_row(const double* log_p, double before, int64_t row, int64_t n, BestSoFar& best) {
  using V = Vec<double>;
  constexpr int64_t kTogether = 4 * kLanes<double>;
  const V endless = broadcast(__builtin_inf()), added = broadcast(before);
  IntVec<double> finite = ~IntVec<double>{};
  int64_t token = 0;
  for (; token + kTogether <= n; token += kTogether) {
    V top = broadcast(-__builtin_inf());
    for (int64_t i = token; i < token + kTogether; i += kLanes<double>) {
      const V x = load(log_p + i), sum = x + added;
      finite &= x < endless;
      top = sum > top ? sum : top;
    }
    double lanes[kLanes<double>], most = -__builtin_inf();
    store(lanes, top);
    for (double lane : lanes) most = lane > most ? lane : most;
    if (most > best.bar())
      for (int64_t i = token; i < token + kTogether; ++i) best.add(log_p[i] + before, row, i);
  }
  bool all = true;
  for (; token < n; ++token) {
    all &= log_p[token] < __builtin_inf();
    best.add(log_p[token] + before, row, token);
  }
  for (int i = 0; i < kLanes<double>; ++i) all &= finite[i] != 0;
  return all;
}

// How many were found, those of each source side by side, the best first; -1 if a number is NaN or infinite.
int64_t best_tokens(const BestTokens& b) {
  int64_t found = 0;
  bool finite = true;
  for (int64_t row = 0; row < b.rows;) {
    BestSoFar best(b, found);
    const int64_t source = b.sources[row];
    for (; row < b.rows && b.sources[row] == source; ++row)
      finite &= add_row(b.log_p + row * b.tokens, b.before ? b.before[row] : -0.0, row, b.tokens, best);
    found += best.count();
  }
  return finite ? found : -1;
}

}  // namespace
