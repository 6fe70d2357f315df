// Looks for the highest rate that is sustained: doubles until one is not (or halves until one is),
// then bisects.
//
//   RateSearch search(1'000, 0.03);
//   while (auto rate = search.next()) search.report(is_sustained(*rate));
//   search.best();
#pragma once

#include <optional>

namespace cafe::loadtest {

class RateSearch {
 public:
  // Ends when best() and the lowest failed rate are within `resolution` (0.03: 3 %), or after
  // `most_steps` rates.
  RateSearch(double start, double resolution, int most_steps = 40)
      : start_(start), resolution_(resolution), steps_left_(most_steps) {}

  // The rate to try, or nothing when the search is over. The same until report().
  std::optional<double> next() const;
  // What became of next().
  void report(bool sustained);
  // The highest rate that was sustained; 0 while there is none.
  double best() const { return best_; }

 private:
  double start_;
  double resolution_;
  int steps_left_;
  double best_ = 0;
  double failed_ = 0;  // the lowest that was not sustained; 0: none
};

}  // namespace cafe::loadtest
