// What a run counted.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "device-sim/simulator/fates.h"
#include "libs/protocol/bytes.h"

namespace cafe::simulator {

// What a slot that paid was.
enum class Money { kPlainCoin, kSplitCoin, kCheque, kTicks, kCount };
std::string_view money_name(Money money);

struct MoneyTotals {
  uint64_t slots = 0;
  uint64_t value = 0;  // minor units
};

struct Totals {
  // Withdrawn.
  uint64_t registered = 0;
  uint64_t orders = 0;
  uint64_t voided_orders = 0;
  uint64_t coins = 0;  // and blank cheques
  uint64_t loads = 0;
  uint64_t loaded_value = 0;
  uint64_t errands = 0;  // as planned: bills, calls, money paid back
  // Paid to shops: bills and calls.
  uint64_t payments = 0;
  uint64_t paid_value = 0;
  std::array<MoneyTotals, static_cast<size_t>(Money::kCount)> by_money{};
  uint64_t declined = 0;  // payments that came to nothing
  uint64_t contacts = 0;
  uint64_t line_frames = 0;
  uint64_t authorized = 0;
  uint64_t identified = 0;
  uint64_t calls = 0;
  uint64_t ticks = 0;
  uint64_t unreached_value = 0;  // of ticks that left a guardian and never reached a payphone
  // Paid back into the own account.
  uint64_t pay_backs = 0;
  uint64_t paid_back_value = 0;
  // The shops' deposits.
  uint64_t deposits = 0;   // batches
  uint64_t deposited = 0;  // payments in them
  uint64_t slots = 0;      // in those
  uint64_t accepted = 0;   // verdicts
  uint64_t repeats = 0;
  uint64_t credited_spent_before = 0;
  uint64_t spent_before = 0;
  uint64_t refused = 0;
  uint64_t credited_value = 0;
};

// A guardian that let its counter be used twice.
struct Overdraft {
  protocol::AccountId account;
  uint64_t amount;  // minor units
};

// A wallet that was lost, and what came of it; minor units.
struct Loss {
  uint32_t wallet = 0;
  Fate fate = Fate::kLost;
  bool card = false;      // its owner had both seeds on a card; else the coin seed at the issuer
  uint64_t held = 0;      // what was in it, by its own books
  uint64_t thief = 0;     // of that, spent by whoever took it
  uint64_t unheard = 0;   // ticks that it had paid and no payphone had heard: nobody was paid
  size_t claims = 0;      // that the issuer took
  size_t unsettled = 0;   // of these, not final yet
  uint64_t credited = 0;  // by their last statements
  uint64_t charged = 0;
  // What its owner must get, and got.
  uint64_t due() const { return held - thief + unheard; }
  uint64_t recovered() const { return credited - charged; }
};

struct Outcome {
  Totals totals;
  std::vector<protocol::AccountId> planted;  // double-spenders
  std::vector<protocol::AccountId> caught;   // accounts of proved cases
  std::vector<Overdraft> overdrafts;         // planted
  std::vector<Loss> losses;
  uint64_t cases = 0;
  uint64_t unproved_cases = 0;
  double seconds = 0;
  double register_s = 0;
  double trade_s = 0;
  double clear_s = 0;
  double recover_s = 0;  // of all recoveries together: from the new device to its claims
  std::vector<std::string> failures;  // of devices; none in a run that is right
};

// Thread-safe access to the outcome of a run under way.
class Tally {
 public:
  template <typename Change>
  void change(Change change) {
    const std::lock_guard lock(mutex_);
    change(outcome_);
  }
  template <typename Change>
  void count(Change count) {
    change([&](Outcome& outcome) { count(outcome.totals); });
  }
  // Once nobody changes it any more.
  Outcome& outcome() { return outcome_; }

 private:
  std::mutex mutex_;
  Outcome outcome_;
};

}  // namespace cafe::simulator
