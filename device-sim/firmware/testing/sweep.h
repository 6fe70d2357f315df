// Runs an errand once for each point where it can be interrupted.
//
//   SweepWorld world("payment");
//   world.prepare();                        // registered, with money in it
//   sweep(world, [](SweepWorld& w) { return pay(w, 1234); }, [](SweepWorld& w) { ... });
//
// A sweep runs an errand once undisturbed and counts every write of each memory, every
// transmission between the devices and every question to the issuer. Then it runs it again from the
// same memories for each of these points, with the power cut before, in or after that write, or
// that message lost. What lost its power is started again and the errand run again, as a host does
// (device-sim/host), until it is done. After each run everything is checked: expect_sound, and what
// the test adds.
//
// Nothing is left to chance: memories, randomness and the issuer are put back before each run.
#pragma once

#include "device-sim/firmware/testing/sweep_world.h"

namespace cafe::testing {

using Check = std::function<void(SweepWorld&)>;

// That the devices and the issuer came to an end, agree about it, after a restart as well, and that
// nothing was lost or made of `wealth`, nothing answered or used twice.
void expect_sound(SweepWorld& world, uint64_t wealth);

struct Swept {
  size_t points;  // runs that were interrupted
};
// All points of the errand; `check` runs after expect_sound.
Swept sweep(SweepWorld& world, const Errand& errand, const Check& check);
// Two interruptions, the second while the parties recover from the first: for each state that a
// first one leaves, all points of its recovery, or every k-th of all these pairs where there are
// more than `most`.
Swept sweep_twice(SweepWorld& world, const Errand& errand, const Check& check, size_t most);

}  // namespace cafe::testing
