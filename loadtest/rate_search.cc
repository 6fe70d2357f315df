#include "loadtest/rate_search.h"

#include <algorithm>

namespace cafe::loadtest {

std::optional<double> RateSearch::next() const {
  if (steps_left_ == 0) return std::nullopt;
  if (best_ == 0 && failed_ == 0) return start_;
  if (failed_ == 0) return best_ * 2;
  if (best_ == 0) return failed_ / 2;
  if (failed_ <= best_ * (1 + resolution_)) return std::nullopt;
  return (best_ + failed_) / 2;
}

void RateSearch::report(bool sustained) {
  const std::optional<double> rate = next();
  if (!rate) return;
  --steps_left_;
  if (sustained) {
    best_ = std::max(best_, *rate);
  } else {
    failed_ = *rate;
  }
}

}  // namespace cafe::loadtest
