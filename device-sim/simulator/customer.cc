#include "device-sim/simulator/customer.h"

#include "device-sim/firmware/wallet/planning.h"

namespace cafe::simulator {

using host::EncounterResult;
using protocol::ByteView;

namespace {

constexpr int kAttempts = 4;
// A call: ten seconds for a tick.
const host::CallTariff kTariff = {.tick_value = 5, .most_ticks = 60, .unit = "10 s"};
constexpr size_t kSplitCoins = 2;       // of each denomination, in an order
constexpr size_t kSlotsAtOnce = 100;    // that are paid back in one payment
constexpr uint64_t kLargeSpread = 500;  // minor units: how far above a limit a large payment is

bool cannot_be_made_up(const absl::Status& status) {
  const std::string reason = protocol::reason_of(status);
  return reason == "AMOUNT_NOT_PAYABLE" || reason == "SELECTION_TOO_HARD";
}

// A shopping basket between 0.50 and 15.00.
uint64_t draw_amount(protocol::SeededRng& rng) { return 50 + rng.below(1451); }

Purse purse_of(Role role, uint32_t index, const Mix& mix, const std::string& seed) {
  switch (role) {
    case Role::kOverdrawer:
      return Purse::kCheques;
    case Role::kDoubleSpender:  // one kind of money each, so that what is spent twice is known
      return index % 2 == 0 ? Purse::kSplit : Purse::kCheques;
    case Role::kHonest:
      break;
  }
  protocol::SeededRng rng(seed);
  return draw_purse(mix, rng);
}

}  // namespace

std::string_view money_name(Money money) {
  switch (money) {
    case Money::kPlainCoin:
      return "plain coins";
    case Money::kSplitCoin:
      return "coins of several slots";
    case Money::kCheque:
      return "cheques";
    case Money::kTicks:
      return "calls by the tick";
    case Money::kCount:
      break;
  }
  return "";
}

absl::Status Street::deposit(Shop& shop, bool all) {
  const std::lock_guard lock(shop.mutex);
  CAFE_ASSIGN_OR_RETURN(const std::vector<protocol::Receipt> receipts,
                        host::deposit(shop.terminal(), backend, all ? 1 : options.deposit_batch,
                                      options.deposit_batch));
  for (const protocol::Receipt& receipt : receipts) {
    tally.count([&](Totals& t) {
      ++t.deposits;
      t.deposited += receipt.verdicts.size();
      for (const protocol::PaymentVerdict& verdict : receipt.verdicts) {
        t.credited_value += verdict.credited;
        t.slots += verdict.slots.size();
        switch (verdict.code) {
          case protocol::VerdictCode::kAccepted:
            ++t.accepted;
            break;
          case protocol::VerdictCode::kRepeat:
            ++t.repeats;
            break;
          case protocol::VerdictCode::kCreditedSpentBefore:
            ++t.credited_spent_before;
            break;
          case protocol::VerdictCode::kSpentBefore:
            ++t.spent_before;
            break;
          case protocol::VerdictCode::kRefused:
            ++t.refused;
            break;
        }
      }
    });
  }
  return absl::OkStatus();
}

Customer::Customer(Street& street, uint32_t index, Life life, uint32_t payments,
                   std::unique_ptr<WalletDevice> device)
    : street_(street),
      index_(index),
      life_(life),
      payments_(payments),
      device_(std::move(device)),
      purse_(purse_of(life.role, index, street.options.mix, seed_of("purse"))) {}

std::string Customer::seed_of(std::string_view what) const {
  return street_.options.seed + "/wallet " + std::to_string(index_) + "/" + std::string(what);
}

wallet::Holdings Customer::holdings() {
  return wallet().holdings(street_.options.currency, host::now_ms() / 1000);
}

absl::Status Customer::join() {
  CAFE_RETURN_IF_ERROR(host::register_wallet(wallet(), street_.backend));
  CAFE_ASSIGN_OR_RETURN(account_, wallet().account());
  // Every other one has a payment PIN as well, and so has who will need it.
  if (life_.fate == Fate::kStolen || (life_.role == Role::kHonest && index_ % 2 == 1)) {
    CAFE_RETURN_IF_ERROR(wallet().change_pin(wallet::PinKind::kPayment));
    CAFE_RETURN_IF_ERROR(
        wallet().set_limit(street_.options.currency, street_.options.no_pin_value));
  }
  if (life_.fate != Fate::kKept) CAFE_RETURN_IF_ERROR(prepare_for_loss());
  street_.tally.count([](Totals& t) { ++t.registered; });
  return see_lists();
}

absl::Status Customer::see_lists() {
  Shop& shop = *street_.shops[index_ % street_.shops.size()];
  const std::lock_guard lock(shop.mutex);
  const std::string seed = seed_of("lists");
  shop.reseed(seed + "/terminal");
  return host::show_lists(wallet(), shop.terminal(), street_.options.line, seed, host::now_ms());
}

absl::Status Customer::order(const std::vector<protocol::OrderLine>& lines) {
  CAFE_ASSIGN_OR_RETURN(const host::OrderOutcome outcome,
                        host::withdraw(wallet(), street_.backend, lines));
  street_.tally.count([&](Totals& t) {
    ++t.orders;
    t.voided_orders += outcome.voided;
    t.coins += outcome.withdrawn.coins;
  });
  return absl::OkStatus();
}

absl::Status Customer::order_split_coins() {
  std::vector<protocol::OrderLine> lines;
  const uint64_t now_s = host::now_ms() / 1000;
  for (const protocol::Denomination& d : wallet().list()->denominations) {
    if (d.currency == street_.options.currency && d.slot_values.size() > 1 &&
        d.withdraw_from <= now_s && now_s < d.withdraw_until) {
      lines.push_back({d.id(), kSplitCoins});
    }
  }
  return lines.empty() ? absl::OkStatus() : order(lines);
}

absl::Status Customer::load(uint64_t amount) {
  CAFE_RETURN_IF_ERROR(
      host::load(wallet(), street_.backend, street_.options.currency, amount).status());
  street_.tally.count([&](Totals& t) {
    ++t.loads;
    t.loaded_value += amount;
  });
  return absl::OkStatus();
}

absl::Status Customer::fill(uint64_t most, Purse purse) {
  if (purse == Purse::kSplit) CAFE_RETURN_IF_ERROR(order_split_coins());
  wallet::PlanOptions options;
  options.cheques = purse == Purse::kCheques || purse == Purse::kBoth;
  wallet::Holdings held = holdings();
  if (purse == Purse::kCheques) {
    options.coin_percent = 0;
    // Coins that are left over pay no calls: the counter has to be good for all of it.
    std::erase_if(held.candidates,
                  [](const wallet::Candidate& c) { return c.kind == protocol::Kind::kCoin; });
  }
  CAFE_ASSIGN_OR_RETURN(const wallet::Plan plan,
                        wallet::plan(*wallet().list(), host::now_ms() / 1000,
                                     street_.options.currency, most, held, options));
  if (plan.load > 0) CAFE_RETURN_IF_ERROR(load(plan.load));
  for (const auto& lines : plan.orders) CAFE_RETURN_IF_ERROR(order(lines));
  return absl::OkStatus();
}

// By what each slot was: the terminal took the payment, so everything in it is known to the list.
void Customer::count_payment(ByteView payment, uint32_t ticks) {
  const auto decoded = protocol::Payment::decode(payment);
  if (!decoded.ok()) return;
  street_.tally.count([&](Totals& t) {
    if (decoded->identification) ++t.identified;
    for (const protocol::Spend& spend : decoded->spends) {
      const protocol::Denomination* d = wallet().list()->find(decoded->coins[spend.coin].denom_id);
      if (d == nullptr) continue;
      const bool coin = d->kind == protocol::Kind::kCoin;
      const Money money = spend.tick_count > 0        ? Money::kTicks
                          : !coin                     ? Money::kCheque
                          : d->slot_values.size() > 1 ? Money::kSplitCoin
                                                      : Money::kPlainCoin;
      MoneyTotals& totals = t.by_money[static_cast<size_t>(money)];
      ++totals.slots;
      totals.value += spend.value + ticks * spend.tick_value;
    }
  });
}

absl::StatusOr<EncounterResult> Customer::pay_at(Shop& shop, uint64_t amount,
                                                 const std::string& seed) {
  const auto pay = [&]() -> absl::StatusOr<EncounterResult> {
    const std::lock_guard lock(shop.mutex);
    shop.reseed(seed + "/terminal");
    return host::pay(wallet(), shop.terminal(), street_.backend, street_.options.currency, amount,
                     street_.options.line, seed, host::now_ms());
  };
  CAFE_ASSIGN_OR_RETURN(const EncounterResult result, pay());
  street_.tally.count([&](Totals& t) {
    t.contacts += result.contacts;
    t.line_frames += result.transmissions;
    if (result.authorized) ++t.authorized;
    if (!result.paid) ++t.declined;
    if (!result.paid) return;
    ++t.payments;
    t.paid_value += amount;
  });
  if (!result.paid) return result;
  count_payment(result.payment, 0);
  CAFE_RETURN_IF_ERROR(street_.deposit(shop, false));
  return result;
}

absl::Status Customer::pay(Shop& shop, uint64_t amount, const std::string& seed, Purse purse) {
  absl::Status declined;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::string attempt_seed = seed + "." + std::to_string(attempt);
    CAFE_ASSIGN_OR_RETURN(const EncounterResult result, pay_at(shop, amount, attempt_seed));
    if (result.paid) return absl::OkStatus();
    declined = result.declined;
    if (!cannot_be_made_up(declined)) return declined;
    CAFE_RETURN_IF_ERROR(fill(std::max(amount, street_.options.purse_value), purse));
  }
  return declined;
}

absl::Status Customer::talk(Shop& shop, protocol::SeededRng& rng, const std::string& seed) {
  const auto ticks = static_cast<uint32_t>(1 + rng.below(kTariff.most_ticks));
  const host::Conversation conversation =
      host::hang_up_after(ticks, rng.below(2) == 0 ? host::AfterTick::kCallerHangsUp
                                                   : host::AfterTick::kPayphoneHangsUp);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::string attempt_seed = seed + "." + std::to_string(attempt);
    const auto call = [&]() -> absl::StatusOr<EncounterResult> {
      const std::lock_guard lock(shop.mutex);
      shop.reseed(attempt_seed + "/terminal");
      return host::call(wallet(), shop.terminal(), street_.options.currency, kTariff, conversation,
                        street_.options.line, attempt_seed, host::now_ms());
    };
    CAFE_ASSIGN_OR_RETURN(const EncounterResult result, call());
    const uint32_t released = result.paid ? wallet().payments().back().ticks : 0;
    street_.tally.count([&](Totals& t) {
      t.contacts += result.contacts;
      t.line_frames += result.transmissions;
      if (!result.paid) ++t.declined;
      if (!result.paid) return;
      ++t.calls;
      if (result.ticks > 0) ++t.payments;
      t.ticks += result.ticks;
      t.paid_value += result.ticks * kTariff.tick_value;
      t.unreached_value += (released - result.ticks) * kTariff.tick_value;
    });
    if (result.paid) {
      unheard_ += (released - result.ticks) * kTariff.tick_value;
      count_payment(result.payment, result.ticks);
      return street_.deposit(shop, false);
    }
    if (!cannot_be_made_up(result.declined)) return result.declined;
    // Calls are paid with cheques, whatever else is in the purse.
    CAFE_RETURN_IF_ERROR(fill(street_.options.purse_value, Purse::kCheques));
  }
  return protocol::refused("NOT_PAYABLE", "A call could not be paid.");
}

absl::Status Customer::pay_back(uint64_t amount) {
  CAFE_ASSIGN_OR_RETURN(const protocol::Receipt receipt,
                        host::pay_back(wallet(), street_.backend, street_.options.currency, amount,
                                       host::without_waiting));
  uint64_t credited = 0;
  for (const protocol::PaymentVerdict& verdict : receipt.verdicts) credited += verdict.credited;
  if (credited != amount) {
    return protocol::refused("NOT_CREDITED", "What was paid back was not credited in full.");
  }
  street_.tally.count([&](Totals& t) {
    ++t.pay_backs;
    t.paid_back_value += amount;
  });
  return absl::OkStatus();
}

absl::Status Customer::trade() {
  const SimulationOptions& options = street_.options;
  CAFE_RETURN_IF_ERROR(fill(options.purse_value, purse_));
  for (uint32_t k = 0; k < payments_; ++k) {
    const std::string seed = seed_of("errand " + std::to_string(k));
    protocol::SeededRng rng(seed);
    if (life_.fate != Fate::kKept && k == payments_ / 2) CAFE_RETURN_IF_ERROR(lose_wallet());
    Shop& shop = any_shop(rng);
    const uint64_t amount = draw_amount(rng);
    switch (draw_errand(options.mix, rng)) {
      case Errand::kBill:
        CAFE_RETURN_IF_ERROR(pay(shop, amount, seed, purse_));
        break;
      case Errand::kCall:
        CAFE_RETURN_IF_ERROR(talk(shop, rng, seed));
        break;
      case Errand::kPayBack:
        if (absl::Status paid = pay_back(amount); cannot_be_made_up(paid)) {
          CAFE_RETURN_IF_ERROR(fill(std::max(amount, options.purse_value), purse_));
          CAFE_RETURN_IF_ERROR(pay_back(amount));
        } else {
          CAFE_RETURN_IF_ERROR(paid);
        }
        break;
    }
    street_.tally.count([](Totals& t) { ++t.errands; });
  }
  return pay_above_limits();
}

// With cheques: coins would be too many.
absl::Status Customer::pay_above_limits() {
  const SimulationOptions& options = street_.options;
  for (const protocol::Limits& limits : wallet().list()->limits) {
    if (limits.currency != options.currency) continue;
    protocol::SeededRng rng(seed_of("large"));
    const auto pay_above = [&](uint64_t limit, std::string_view what) {
      const uint64_t amount = limit + 1 + rng.below(kLargeSpread);
      return pay(any_shop(rng), amount, seed_of(what), Purse::kCheques);
    };
    if (index_ < options.large) CAFE_RETURN_IF_ERROR(pay_above(limits.offline_limit, "large"));
    if (index_ < options.identified) {
      CAFE_RETURN_IF_ERROR(pay_above(limits.identification_limit, "identified"));
    }
  }
  return absl::OkStatus();
}

absl::Status Customer::close() {
  for (;;) {
    uint64_t amount = 0, cheques = 0;
    size_t slots = 0;
    const wallet::Holdings held = holdings();
    for (const wallet::Candidate& candidate : held.candidates) {
      if (slots == kSlotsAtOnce) break;
      ++slots;
      (candidate.kind == protocol::Kind::kCoin ? amount : cheques) += candidate.value;
    }
    amount += std::min(cheques, held.counter);
    if (amount > 0) {
      CAFE_RETURN_IF_ERROR(pay_back(amount));
    } else if (held.counter > 0) {
      // The counter holds money, but no blank cheque is left to write it on.
      CAFE_RETURN_IF_ERROR(fill(held.counter, Purse::kCheques));
    } else {
      return absl::OkStatus();
    }
  }
}

}  // namespace cafe::simulator
