// Deposits of account holders, who pay money back into their own accounts: a payee like any other,
// whose ids and key follow from her account (libs/protocol/holder.h).
#pragma once

#include "services/deposit/order.h"

namespace cafe::deposit {

// Who deposits, by her credential.
struct Holder {
  protocol::AccountId account;
  protocol::Point key;  // K
  protocol::Bytes credential;
};

// Opens the credential that came with an order and checks that the order is its holder's: her ids,
// and her signature. INVALID_ARGUMENT: the decoders' reasons, WRONG_PAYEE and WRONG_TERMINAL (ids
// that are not those of the account). UNAUTHENTICATED: BAD_SIGNATURE (of the credential or the
// order), UNKNOWN_ISSUER, WRONG_PURPOSE, KEY_EXPIRED; WRONG_ISSUER (of an account elsewhere).
absl::StatusOr<Holder> read_holder(protocol::ByteView credential, const ReadOrder& order,
                                   const protocol::TrustAnchors& anchors,
                                   std::string_view issuer_id);

}  // namespace cafe::deposit
