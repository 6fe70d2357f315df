// What the deposit service asks of others. The implementations over gRPC are in grpc_peers.h.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "services/deposit/check_payments.h"

namespace cafe::deposit {

// The coin store's answer for one slot.
struct RecordedSlot {
  enum class Outcome {
    kFresh,   // first spend of the slot
    kRepeat,  // this very spend is recorded from another place
    kDouble,  // another spend of the slot is recorded
  };
  Outcome outcome;
  uint64_t case_number = 0;                   // kDouble, and kRepeat of a double spend
  uint64_t other_batch = 0;                   // kRepeat, kDouble: where the other one is archived
  std::optional<protocol::SpendTrace> other;  // kDouble: the slot's first spend
  // kRepeat of a spend with ticks that is no double: how many of the slot's ticks were shown
  // before, from 1 on; all of them where the deposit shows nothing new.
  uint32_t ticks_before = 0;
};

// A slot to reserve.
enum class ReservationState { kReserved, kSpent, kSpentBySame, kHeld };
struct Reservation {
  bool granted;
  std::vector<ReservationState> states;  // one for each slot
  uint64_t reserved_until_ms;
};

// The slots of one payment.
struct SlotsToReserve {
  std::span<const SpentSlot> slots;
  std::string_view request_id;  // of the call that asks for them, for the coin store's log
};

// Detection of double spends. Errors: the peer's; INTERNAL (PEER_ANSWER) for an answer that does
// not fit the question.
class CoinStore {
 public:
  virtual ~CoinStore() = default;
  // Records the slots of a batch. The same slots of the same batch again get the same answer.
  virtual absl::StatusOr<std::vector<RecordedSlot>> record(uint64_t batch,
                                                           std::span<const SpentSlot> slots,
                                                           absl::Time no_later_than) = 0;
  // For each of 1 to 256 payments reserves all its slots for `hold_ms`, or none; one answer for
  // each, in order. An error leaves open which were reserved; asking again changes nothing.
  virtual absl::StatusOr<std::vector<Reservation>> reserve(std::span<const SlotsToReserve> payments,
                                                           uint32_t hold_ms,
                                                           absl::Time no_later_than) = 0;
};

// The issuer's withdrawal service.
class Withdrawal {
 public:
  virtual ~Withdrawal() = default;
  // The newest signed list of denominations, encoded.
  virtual absl::StatusOr<protocol::Bytes> newest_list() = 0;
  // Idempotent.
  virtual absl::Status stop_denomination(const protocol::DenomId& denom_id,
                                         std::string_view reason) = 0;
};

}  // namespace cafe::deposit
