// What a loss and a replacement must keep to, decided from what is known, without database, clock
// or keys.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libs/protocol/loss.h"
#include "libs/storage/ledger.h"

namespace cafe::withdrawal {

// A statement of the service's, and what it is checked with.
struct Statement {
  protocol::Bytes document;         // encoded signed document
  protocol::Bytes key_certificate;  // of the key that signed it; encoded
};

// What an account can be. A convicted one is that for good, whether it was lost before or after.
enum class Standing { kOpen, kLost, kConvicted };
// Of an account that is `closed`: lost unless a case `convicts` it or nobody reported it.
Standing standing_of(bool closed, bool convicted, bool lost);

// What the operator writes down of an identification: 1 to 200 bytes of text (BAD_IDENTIFICATION).
absl::Status check_identification(std::string_view identified_by);

// What decides about a replacement, as of the moment when both accounts are locked.
struct ReplacementFacts {
  bool lost;              // it was reported
  bool convicted;         // by a case
  bool successor_closed;  // for whatever reason
  struct Recorded {
    protocol::AccountId successor;
    Statement statement;
  };
  std::optional<Recorded> recorded;
};
// The statement that was made before, where the same successor is named again; nothing: it may be
// recorded now. Errors: REPLACED_BEFORE (by another account), ACCOUNT_CONVICTED, NOT_REPORTED_LOST,
// SUCCESSOR_CLOSED.
absl::StatusOr<std::optional<Statement>> decide_replacement(const ReplacementFacts& facts,
                                                            const protocol::AccountId& successor);

// What a replaced account held of a currency, on its way to its successor.
struct Move {
  protocol::AccountId lost, successor;
  std::string currency;
  uint64_t number;  // of the moves of this account and currency, from 1
  uint64_t amount;  // minor units
};
// The ledger's side of a move: kind "replacement", reference lost account id ‖ u64 number ‖
// currency, from one customer's account to the other's. AMOUNT_OVERFLOW.
absl::StatusOr<storage::Posting> posting_of(const Move& move);

}  // namespace cafe::withdrawal
