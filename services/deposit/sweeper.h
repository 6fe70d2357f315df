// Finishes batches that are stored and that nobody retries.
#pragma once

#include <stop_token>

#include "services/deposit/deposit_flow.h"

namespace cafe::deposit {

class Sweeper {
 public:
  // Takes batches that are older than `grace`: younger ones are in their handler's hands. (Meeting
  // one all the same would do no harm.)
  Sweeper(const DepositParts& parts, DepositFlow& flow, absl::Duration grace)
      : parts_(parts), flow_(flow), grace_(grace) {}

  // One round over everything that waits. A batch that cannot be finished is left for the next
  // round and does not stand before others; with the coin store down the round ends. The first
  // error, if any.
  absl::Status sweep(const std::stop_token& stop);

 private:
  const DepositParts& parts_;
  DepositFlow& flow_;
  const absl::Duration grace_;
};

}  // namespace cafe::deposit
