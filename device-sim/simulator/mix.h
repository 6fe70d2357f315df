// What wallets hold and what people do, in shares.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/protocol/rng.h"

namespace cafe::simulator {

// How an owner has the wallet filled.
enum class Purse {
  kCoins,    // plain ones, of every amount
  kSplit,    // coins of several slots as well
  kCheques,  // blank ones and a loaded counter
  kBoth,     // plain coins, and cheques for what they do not make up
};

// What an owner does next.
enum class Errand { kBill, kCall, kPayBack };

// Weights, not necessarily per cent; one of each kind at least is above 0.
struct Mix {
  std::map<Purse, uint32_t> purses = {
      {Purse::kCoins, 30}, {Purse::kSplit, 20}, {Purse::kCheques, 20}, {Purse::kBoth, 30}};
  std::map<Errand, uint32_t> errands = {
      {Errand::kBill, 85}, {Errand::kCall, 10}, {Errand::kPayBack, 5}};
};

// "coins=30,split=20,cheques=20,both=30,bills=85,calls=10,back=5": purses that are left out count 0
// where another one is named, and errands likewise. BAD_OPTION.
absl::StatusOr<Mix> parse_mix(std::string_view text);
std::string to_string(const Mix& mix);

Purse draw_purse(const Mix& mix, protocol::SeededRng& rng);
Errand draw_errand(const Mix& mix, protocol::SeededRng& rng);

}  // namespace cafe::simulator
