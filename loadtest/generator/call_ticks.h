// The ticks of calls (section 6). Every call that a generator makes shows those of one tree: their
// points cost a multiplication each, and whoever checks a call cannot tell that they were shown
// before.
#pragma once

#include "libs/protocol/merkle.h"
#include "libs/protocol/payment.h"
#include "libs/protocol/rng.h"

namespace cafe::loadtest {

class CallTicks {
 public:
  // `count` of them, 1..kMaxTicks.
  static absl::StatusOr<CallTicks> make(uint32_t count, protocol::Rng& rng);

  uint32_t count() const { return static_cast<uint32_t>(t_.size()); }
  const protocol::Bytes32& root() const { return tree_.root(); }
  // t'_i with its path; index < count().
  protocol::TickReveal reveal(uint32_t index) const;

 private:
  CallTicks(std::vector<protocol::Scalar> t, protocol::MerkleTree tree)
      : t_(std::move(t)), tree_(std::move(tree)) {}

  std::vector<protocol::Scalar> t_;
  protocol::MerkleTree tree_;
};

}  // namespace cafe::loadtest
