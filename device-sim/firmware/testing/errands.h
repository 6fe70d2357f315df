// What the devices' hosts do (device-sim/host), for a SweepWorld: each errand goes on where an
// interruption left it, and does nothing more once it is done. UNAVAILABLE: a message was lost, run
// it again.
#pragma once

#include "device-sim/firmware/testing/sweep_world.h"

namespace cafe::testing {

// Learns the issuer, is shown its list by the terminal, and registers.
absl::Status join(SweepWorld& world);
// Orders these until the wallet has `orders` completed ones. What died is voided and opened anew.
absl::Status withdraw(SweepWorld& world, const std::vector<protocol::OrderLine>& lines,
                      uint64_t orders = 1);
// Loads the guardian's counter until the wallet's books show `until` or more.
absl::Status load(SweepWorld& world, uint64_t amount, uint64_t until);
// Pays one bill of this amount.
absl::Status pay(SweepWorld& world, uint64_t amount);
// The same, but where anything was interrupted the shop withdraws the bill, if it may, and a
// customer whose wallet has promised to pay it comes back for the answer.
absl::Status pay_or_leave(SweepWorld& world, uint64_t amount);

struct Talk {
  uint64_t tick_value;
  uint32_t most_ticks;
  uint32_t ticks;  // then somebody hangs up
  bool caller_hangs_up = false;
};
// One call. A tick that was paid for arrives before the caller hangs up.
absl::Status talk(SweepWorld& world, const Talk& talk);
// A call that the caller gives up at once when anything is interrupted.
absl::Status talk_or_hang_up(SweepWorld& world, const Talk& talk);

// Pays this amount into the own account, once.
absl::Status pay_back(SweepWorld& world, uint64_t amount);
// The terminal hands in what waits, two payments at a time.
absl::Status deposit(SweepWorld& world);

}  // namespace cafe::testing
