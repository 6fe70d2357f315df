// Slots to pay with, of every kind of money that a mix asks for.
#pragma once

#include <optional>

#include "loadtest/generator/spend.h"

namespace cafe::loadtest {

// The logarithms of one account's identity points: two spends of a slot reveal the one of its kind.
struct SpenderSecrets {
  protocol::Scalar coin;    // of I_coin
  protocol::Scalar cheque;  // of I_cheque
};

// The load-test denominations of a mix.
struct MoneyDenominations {
  std::vector<protocol::Denomination> plain, split, cheques;

  // Of those that are given. Errors: NO_DENOMINATION where the mix has a kind of which there is
  // none; BAD_OPTION for a cheque over less than two minor units, which cannot be falsified.
  static absl::StatusOr<MoneyDenominations> sort(std::span<const protocol::Denomination> given,
                                                 const MoneyMix& mix);
  // Ticks of a call that any of its cheques can pay: at most kTicks.
  uint32_t ticks() const;
  static constexpr uint32_t kTicks = 256;
};

// One thread at a time. What it gives refers to it, and lives no longer.
class MoneySource {
 public:
  // The coins of source number `number` are of denomination `number` modulo their count.
  // `spenders` as CoinLanes takes them; `ticks` (where the mix has calls) must outlive the source.
  static absl::StatusOr<std::unique_ptr<MoneySource>> create(
      const MoneyDenominations& denominations, const MoneyMix& mix,
      std::span<const SpenderSecrets> spenders, const CallTicks* ticks, uint64_t number,
      const std::string& seed);

  // A slot of this kind that never paid, of a kind in the mix.
  absl::StatusOr<SlotToSpend> next(Money money);

 private:
  // The coins of one denomination, slot by slot.
  struct Slots {
    CoinLanes lanes;
    std::vector<MintedCoin> coins{};
    size_t at = 0;
    std::shared_ptr<const MintedCoin> coin{};
    uint32_t slot = 0;

    absl::StatusOr<SlotToSpend> next();
  };
  MoneySource(const std::string& seed, const CallTicks* ticks) : rng_(seed), ticks_(ticks) {}

  protocol::SeededRng rng_;  // of what is written into cheques
  const CallTicks* ticks_;
  std::optional<Slots> plain_, split_, cheques_;
};

}  // namespace cafe::loadtest
