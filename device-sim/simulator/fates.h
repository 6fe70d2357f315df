// Which wallets cheat, and which get lost: spread evenly over all of them, so that some do early
// and some late.
#pragma once

#include <vector>

#include "device-sim/simulator/options.h"

namespace cafe::simulator {

enum class Role {
  kHonest,
  kDoubleSpender,  // the guardian is broken: its memory can be copied and put back
  kOverdrawer,     // likewise, to use its counter twice
};

// What becomes of an honest customer's wallet.
enum class Fate {
  kKept,
  kLost,    // nobody finds it
  kStolen,  // whoever takes it pays with it as long as no PIN is asked for
  kBroken,
};

struct Life {
  Role role = Role::kHonest;
  Fate fate = Fate::kKept;
};

// One for each wallet. BAD_OPTION where more cheat than there are, or more get lost than are
// honest.
absl::StatusOr<std::vector<Life>> draw_lives(const SimulationOptions& options);

}  // namespace cafe::simulator
