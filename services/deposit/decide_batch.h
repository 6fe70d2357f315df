// What becomes of a batch once the coin store has spoken: verdicts, credits, evidence (sections 5
// and 9).
#pragma once

#include <map>

#include "libs/protocol/deposit.h"
#include "services/deposit/archive.h"
#include "services/deposit/peers.h"

namespace cafe::deposit {

// A batch that stands first at a slot.
struct FirstDeposit {
  protocol::PayeeId payee_id;
  uint64_t received_ms;
};

using SlotKey = std::pair<protocol::CoinId, uint32_t>;

// What the books say, read under the lock of the payee's cover.
struct BatchFacts {
  protocol::PayeeId payee_id;
  uint64_t received_ms;  // when this batch reached the issuer, whenever it is settled
  absl::flat_hash_set<protocol::DenomId> stopped;
  // By batch number: those that hold the first spends of this batch's double slots. One that is
  // not here was not deposited with this acquirer, and its time is taken as long past.
  absl::flat_hash_map<uint64_t, FirstDeposit> first_deposits;
  // Slots that another payment held and with which this payee was paid already.
  absl::flat_hash_set<SlotKey> had;
  uint64_t cover = 0;  // minor units of cover_currency
  std::string cover_currency;
  uint64_t covered_last_30_days = 0;
};

// A payee's first payment of a slot that another one held, to be remembered.
struct SpentBefore {
  protocol::CoinId coin_id;
  uint32_t slot;
  uint32_t position;
  uint64_t case_number;
  uint64_t value;
  uint64_t credited;  // value or 0
  std::string currency;
};

// A cheque's spend that is credited, to be remembered as long as the cheque may be claimed.
struct ChequeSpend {
  protocol::CoinId coin_id;
  uint32_t position;  // payment · 128 + spend
  uint32_t ticks;     // shown, where ticks are paid
  bool operator==(const ChequeSpend&) const = default;
};

// What moves in one currency.
struct Movement {
  std::map<protocol::DenomId, uint64_t> coins{};  // taken back, by denomination
  uint64_t loss = 0;                              // borne by the issuer
  // Taken from what guardians were loaded with, by issuer.
  std::map<std::string, uint64_t> cheques{};
  bool operator==(const Movement&) const = default;
};

struct BatchDecision {
  std::vector<protocol::PaymentVerdict> verdicts;
  std::vector<Evidence> evidence;  // for each slot that was spent before
  std::vector<SpentBefore> spent_before;
  std::vector<ChequeSpend> cheque_spends;     // each that takes something from the loads
  std::map<std::string, Movement> movements;  // by currency; only those in which something moves
};

// `recorded` holds one answer for each slot of the valid payments, in order. A payment with a
// denomination that was stopped since the checks is refused (DENOMINATION_STOPPED). A spend of
// ticks that was deposited before is credited what it shows more. Pure. INTERNAL (PEER_ANSWER)
// where the answers do not fit the slots.
absl::StatusOr<BatchDecision> decide_batch(std::span<const CheckedPayment> payments,
                                           std::span<const RecordedSlot> recorded,
                                           const BatchFacts& facts);

}  // namespace cafe::deposit
