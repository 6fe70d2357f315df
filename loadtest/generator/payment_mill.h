// The stream of payments of a load test: mostly fresh ones, and planned shares of repeats, double
// spends and invalid ones. What stands where hangs on the options alone, so the same seed makes the
// same plan; times and with them signatures differ.
//
//   PaymentMill mill(options, terminals, denominations, spenders);
//   mill.make(1000, now_ms, threads, [&](Batch batch) { ... });   // batches 0 .. 999
#pragma once

#include <deque>
#include <functional>

#include "loadtest/generator/money_source.h"

namespace cafe::loadtest {

struct MillOptions {
  std::string seed;
  uint32_t batch_size = 500;
  MoneyMix mix{};
  // Of all payments; together at most 1.
  double repeats = 0;        // the same payment as one of `distance` batches before
  double double_spends = 0;  // other terms for the slot of such a one
  double invalid = 0;
};

// What a deposit must say to a payment.
enum class Role : uint8_t {
  kFresh = 0,        // accepted
  kRepeated = 1,     // of two that are the same, one is accepted, the other a repeat
  kDoubleSpent = 2,  // of two with one slot, one is accepted, the other was spent before
  kInvalid = 3,      // refused
};

struct PlannedPayment {
  protocol::Bytes encoded;
  Role role = Role::kFresh;
  Fault fault = Fault::kCount;  // kInvalid: which
  Money money = Money::kCoin;
  // kRepeated, kDoubleSpent: the number of the earlier one of the two, batch · batch size +
  // position; its own for the earlier one itself.
  uint64_t pair = 0;
};

struct Batch {
  uint64_t number = 0;
  uint32_t terminal = 0;  // all payments are made there
  std::vector<PlannedPayment> payments;
};

class PaymentMill {
 public:
  // `terminals` (1 or more) must outlive the mill. `denominations` are for load tests; money of
  // each kind is of all of them that fit in turn, and each slot makes a payment. Errors: those of
  // MoneyDenominations::sort and CoinLanes::create.
  static absl::StatusOr<PaymentMill> create(const MillOptions& options,
                                            std::span<const Terminal> terminals,
                                            std::span<const protocol::Denomination> denominations,
                                            std::span<const SpenderSecrets> spenders);
  ~PaymentMill();
  PaymentMill(PaymentMill&&) noexcept;

  // The next `count` batches, with terms of `now_ms`, on `threads` threads; `take` gets them in
  // order, on the caller's.
  absl::Status make(uint64_t count, uint64_t now_ms, uint32_t threads,
                    const std::function<absl::Status(Batch)>& take);
  uint64_t made() const { return made_; }
  // How many batches lie between the two of a pair. A multiple of the number of terminals, so that
  // a repeat comes from the payee who alone can deposit it.
  uint64_t distance() const { return distance_; }

  // In the place of a batch: a slot without terms, for a payment that must be made just when it is
  // due. It refers to the mill.
  absl::StatusOr<SlotToSpend> next_slot();

 private:
  class Stream;
  struct Plan;
  PaymentMill(const MillOptions& options, std::span<const Terminal> terminals);
  Plan plan(uint64_t batch, uint32_t position) const;
  Money money_of(uint64_t payment) const;
  absl::StatusOr<Batch> make_batch(uint64_t number, uint64_t now_ms);

  MillOptions options_;
  std::span<const Terminal> terminals_;
  uint64_t seed_;
  uint64_t distance_;
  uint64_t made_ = 0;
  std::unique_ptr<const CallTicks> ticks_;        // where the mix has calls
  std::vector<std::unique_ptr<Stream>> streams_;  // batch b comes from number b mod their count
};

}  // namespace cafe::loadtest
