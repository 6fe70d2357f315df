// An account as withdrawal describes it, opened: whose it is, who speaks for it, and its identity
// points. What was signed is checked, so that nothing that the issuer's own keys did not sign gets
// into a claim's file.
#pragma once

#include "libs/protocol/loss.h"
#include "services/recovery/peers.h"

namespace cafe::recovery {

// An account that speaks for another, or for itself, and the key with which it does.
struct Speaker {
  protocol::AccountId id;
  protocol::Point key;
};

struct Account {
  Standing standing;
  Speaker holder;                   // itself
  std::vector<Speaker> successors;  // the last one speaks for it, and is credited
  protocol::IdentityPoints points;
  uint64_t last_order;
  uint64_t last_load;

  // The documents.
  protocol::RegistrationFile registration;
  protocol::SignedDocument receipt;
  std::vector<protocol::SignedDocument> replacements;        // one for each successor
  std::vector<protocol::SignedDocument> successor_receipts;  // likewise
  std::optional<protocol::SignedDocument> loss;
  std::vector<protocol::SignedDocument> key_certificates;

  // Who has what is paid to it: the last successor, or itself.
  const protocol::AccountId& heir() const {
    return successors.empty() ? holder.id : successors.back().id;
  }
  // `id` where it may speak for the account: itself or its last successor; otherwise null.
  const Speaker* speaker(const protocol::AccountId& id) const;
};

// INTERNAL (PEER_ANSWER) where the answer is about another account, or its documents do not hold
// together under the issuer's withdrawal keys.
absl::StatusOr<Account> open_account(const AccountAnswer& answer, const protocol::AccountId& id,
                                     std::string_view issuer_id,
                                     const protocol::TrustAnchors& anchors);

// That `by` may speak for the account (PERMISSION_DENIED NOT_THE_HOLDER) and signed `document`
// (UNAUTHENTICATED BAD_SIGNATURE).
absl::Status check_speaker(const Account& account, const protocol::AccountId& by,
                           const protocol::SignedDocument& document);

}  // namespace cafe::recovery
