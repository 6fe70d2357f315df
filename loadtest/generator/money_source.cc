#include "loadtest/generator/money_source.h"

#include <algorithm>

namespace cafe::loadtest {

using protocol::Denomination;
using protocol::Scalar;

namespace {

constexpr size_t kLanes = 128;  // coins that share an inversion

}  // namespace

absl::StatusOr<MoneyDenominations> MoneyDenominations::sort(std::span<const Denomination> given,
                                                            const MoneyMix& mix) {
  MoneyDenominations out;
  for (const Denomination& denomination : given) {
    const bool cheque = denomination.kind == protocol::Kind::kCheque;
    const bool plain = denomination.slot_values.size() == 1;
    (cheque ? out.cheques : plain ? out.plain : out.split).push_back(denomination);
  }
  const auto missing = [&](Money money, const std::vector<Denomination>& there) {
    return mix.has(money) && there.empty();
  };
  if (missing(Money::kCoin, out.plain) || missing(Money::kSplit, out.split) ||
      missing(Money::kCheque, out.cheques) || missing(Money::kCall, out.cheques)) {
    return protocol::make_error(
        absl::StatusCode::kNotFound, "NO_DENOMINATION",
        "The mix is " + mix.text() +
            ", but of one of its kinds there is no load-test denomination: " +
            std::to_string(out.plain.size()) + " are plain coins, " +
            std::to_string(out.split.size()) + " coins of several slots, " +
            std::to_string(out.cheques.size()) + " cheques.");
  }
  for (const Denomination& cheque : out.cheques) {
    if (cheque.value() < 2) {
      return protocol::invalid("BAD_OPTION",
                               "Load tests write cheques over two minor units or more.");
    }
  }
  return out;
}

uint32_t MoneyDenominations::ticks() const {
  uint64_t most = kTicks;
  for (const Denomination& cheque : cheques) most = std::min(most, cheque.value());
  return static_cast<uint32_t>(most);
}

absl::StatusOr<std::unique_ptr<MoneySource>> MoneySource::create(
    const MoneyDenominations& denominations, const MoneyMix& mix,
    std::span<const SpenderSecrets> spenders, const CallTicks* ticks, uint64_t number,
    const std::string& seed) {
  const std::string name = std::to_string(number) + " of " + seed;
  std::unique_ptr<MoneySource> source(new MoneySource("cheques " + name, ticks));
  const auto open = [&](const std::vector<Denomination>& from, const std::string& label,
                        Scalar SpenderSecrets::*secret,
                        std::optional<Slots>& slots) -> absl::Status {
    std::vector<Scalar> secrets;
    for (const SpenderSecrets& spender : spenders) secrets.push_back(spender.*secret);
    protocol::SeededRng rng(label + name);
    CAFE_ASSIGN_OR_RETURN(CoinLanes lanes,
                          CoinLanes::create(from[number % from.size()], secrets, kLanes, rng));
    slots.emplace(Slots{std::move(lanes)});
    return absl::OkStatus();
  };
  if (mix.has(Money::kCoin)) {
    CAFE_RETURN_IF_ERROR(
        open(denominations.plain, "stream ", &SpenderSecrets::coin, source->plain_));
  }
  if (mix.has(Money::kSplit)) {
    CAFE_RETURN_IF_ERROR(
        open(denominations.split, "split ", &SpenderSecrets::coin, source->split_));
  }
  if (mix.has(Money::kCheque) || mix.has(Money::kCall)) {
    CAFE_RETURN_IF_ERROR(
        open(denominations.cheques, "blank ", &SpenderSecrets::cheque, source->cheques_));
  }
  return source;
}

absl::StatusOr<SlotToSpend> MoneySource::Slots::next() {
  if (coin == nullptr || slot == coin->B.size()) {
    if (at == coins.size()) {
      CAFE_ASSIGN_OR_RETURN(coins, lanes.next());
      at = 0;
    }
    coin = std::make_shared<const MintedCoin>(std::move(coins[at++]));
    slot = 0;
  }
  const Denomination& denomination = lanes.denomination();
  SlotToSpend out{.denomination = &denomination,
                  .coin = coin,
                  .slot = slot,
                  .value = denomination.slot_values[slot]};
  ++slot;
  return out;
}

absl::StatusOr<SlotToSpend> MoneySource::next(Money money) {
  if (money == Money::kCoin) return plain_->next();
  if (money == Money::kSplit) return split_->next();
  CAFE_ASSIGN_OR_RETURN(SlotToSpend out, cheques_->next());
  out.salt = protocol::to_bytes(rng_.array<32>());
  if (money == Money::kCall) {
    out.value = 0;
    out.ticks = ticks_;
    out.shown = static_cast<uint32_t>(rng_.below(ticks_->count()));
  } else {
    out.value = 1 + rng_.below(out.denomination->value());
  }
  return out;
}

}  // namespace cafe::loadtest
