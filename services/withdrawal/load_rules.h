// What a load must keep to, decided from what is known, without database, clock or keys.
#pragma once

#include "libs/protocol/denomination.h"
#include "libs/protocol/load_order.h"
#include "libs/storage/ledger.h"

namespace cafe::withdrawal {

// Section 5 [guard]: a load's sequence is one more than that of the account's last load
// (LOAD_SEQUENCE, with the expected one in the message).
absl::Status check_load_sequence(uint64_t last_load, uint64_t sequence);

// CURRENCY_UNSUPPORTED where `list` holds no cheques of that currency that can be spent at `now_s`
// or later: what is loaded could not be paid with.
absl::Status check_load_currency(const protocol::DenominationList& list, std::string_view currency,
                                 uint64_t now_s);

// The ledger's side of a load: kind "load", reference account id ‖ u64 sequence, from the
// customer's account to what cheques of the issuer may take. AMOUNT_OVERFLOW.
absl::StatusOr<storage::Posting> posting_of(const protocol::LoadOrder& order);

}  // namespace cafe::withdrawal
