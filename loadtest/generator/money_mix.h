// What the payments of a load test are made of, in shares.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cafe::loadtest {

enum class Money : uint8_t {
  kCoin = 0,    // of one slot
  kSplit = 1,   // one slot of a coin of several, each of which pays once
  kCheque = 2,  // written out for any value up to its most
  kCall = 3,    // a cheque that pays a call by the tick, with the last tick shown
};
inline constexpr size_t kMoneyKinds = 4;
// As in a mix: "coins", "split", "cheques", "calls".
std::string_view money_name(Money money);

struct MoneyMix {
  // By Money; not necessarily per cent. At least one is above 0.
  std::array<uint32_t, kMoneyKinds> weights = {100, 0, 0, 0};

  // "coins=70,split=10,cheques=15,calls=5": what is left out has no share. BAD_OPTION.
  static absl::StatusOr<MoneyMix> parse(std::string_view text);
  // The same, of the kinds that have a share.
  std::string text() const;

  bool has(Money money) const { return weights[static_cast<size_t>(money)] > 0; }
  // By 64 bits that look random.
  Money draw(uint64_t bits) const;
  bool operator==(const MoneyMix&) const = default;
};

}  // namespace cafe::loadtest
