#include "device-sim/simulator/fates.h"

#include <utility>

#include "libs/protocol/status.h"

namespace cafe::simulator {

namespace {

// The kinds in turn, as long as any of a kind is left.
template <typename Kind>
std::vector<Kind> in_turn(std::vector<std::pair<Kind, uint32_t>> counts) {
  std::vector<Kind> all;
  for (bool left = true; left;) {
    left = false;
    for (auto& [kind, count] : counts) {
      if (count == 0) continue;
      --count;
      left = true;
      all.push_back(kind);
    }
  }
  return all;
}

// Of `all` places, the one of number i of `some` that are spread over them evenly.
size_t place_of(size_t i, size_t some, size_t all) { return (2 * i + 1) * all / (2 * some); }

}  // namespace

absl::StatusOr<std::vector<Life>> draw_lives(const SimulationOptions& options) {
  const std::vector<Role> cheats = in_turn<Role>(
      {{Role::kDoubleSpender, options.double_spenders}, {Role::kOverdrawer, options.overdrawers}});
  if (cheats.size() > options.wallets) {
    return protocol::invalid("BAD_OPTION", "There are more broken guardians than wallets.");
  }
  std::vector<Life> lives(options.wallets);
  for (size_t i = 0; i < cheats.size(); ++i) {
    lives[place_of(i, cheats.size(), lives.size())].role = cheats[i];
  }
  std::vector<Life*> honest;
  for (Life& life : lives) {
    if (life.role == Role::kHonest) honest.push_back(&life);
  }
  const std::vector<Fate> fates = in_turn<Fate>({{Fate::kLost, options.lost},
                                                 {Fate::kStolen, options.stolen},
                                                 {Fate::kBroken, options.broken}});
  if (fates.size() > honest.size()) {
    return protocol::invalid("BAD_OPTION",
                             "More wallets get lost, stolen or broken than are honest.");
  }
  for (size_t i = 0; i < fates.size(); ++i) {
    honest[place_of(i, fates.size(), honest.size())]->fate = fates[i];
  }
  return lives;
}

}  // namespace cafe::simulator
