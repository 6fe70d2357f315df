// What payments take from a claim, and what is left of it.
#pragma once

#include <map>

#include "services/recovery/claim_content.h"

namespace cafe::recovery {

// A payment of a claimed slot, as it was archived.
struct PaidSlot {
  SlotKey key;
  protocol::Spend spend;
  uint32_t spend_number;  // in its payment
  protocol::Terms terms;
  protocol::Bytes32 payment_digest;
};

// Reads what `payment` pays with slot `key` of coin `id`, as spend number `spend`. DATA_LOSS
// (PAYMENT_MISMATCH) where it does not.
absl::StatusOr<PaidSlot> read_paid_slot(const SlotKey& key, const protocol::CoinId& id,
                                        protocol::ByteView payment, uint32_t spend);

// A deduction with what its statement does not say.
struct Deducted {
  protocol::Deduction deduction;
  std::string currency;
  uint64_t uncollected = 0;  // of a charge: what the claimant's account did not hold
  uint32_t spend = 0;        // of the payment
  bool operator==(const Deducted&) const = default;
};

// What a payment takes from a claim; nothing where it shows no tick of its call, or the claim does
// not name the slot.
std::optional<Deducted> deduct(const ClaimContent& content, const PaidSlot& paid, bool charged);

// The totals of all that was deducted, one for each claimed currency.
absl::StatusOr<std::vector<protocol::ClaimTotal>> totals_of(const ClaimContent& content,
                                                            std::span<const Deducted> deducted);

// What is left of a claim in one currency, by where it is drawn from.
struct Left {
  std::map<protocol::DenomId, uint64_t> coins;
  uint64_t cheques = 0;
  uint64_t sum() const;
  bool operator==(const Left&) const = default;
};
// By currency; none of it 0.
absl::StatusOr<std::map<std::string, Left>> left_of(const ClaimContent& content,
                                                    std::span<const Deducted> deducted);

}  // namespace cafe::recovery
