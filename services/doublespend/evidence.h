// The decision of a case: from two traces of one slot to a case file that convicts, or to an alarm
// (protocol.md section 7).
#pragma once

#include <string>
#include <variant>

#include "libs/storage/key_files.h"
#include "services/doublespend/case_store.h"
#include "services/doublespend/peers.h"

namespace cafe::doublespend {

// The account is convicted by a document that anyone can check.
struct Proof {
  protocol::AccountId account;
  protocol::Bytes signed_case;  // protocol::SignedCase
};

// Something that cannot be: people have to look at it.
struct Alarm {
  std::string reason;  // UPPER_SNAKE: EQUAL_R2, NO_ACCOUNT, ARCHIVE_MISMATCH, EVIDENCE_REFUSED,
                       // ACCOUNT_MISMATCH, TRACE_MISSING
  std::string note;
};

using Finding = std::variant<Proof, Alarm>;

// What a case is judged with. All must outlive the call.
struct CaseBench {
  const std::string& issuer_id;
  const protocol::TrustAnchors& trust;
  const storage::OnlineKey& key;  // purpose coinstore
  CasePeers& peers;
};

// Gathers the evidence of an open case from the peers, verifies it as a judge would, and only then
// signs it. The same case gives the same document. Errors are what a later attempt may overcome: a
// peer is down, a payment or list is not there yet, our key's certificate does not cover the time
// at which the case was opened (KEY_EXPIRED).
absl::StatusOr<Finding> investigate(const DueCase& open_case, const CaseBench& bench);

// Whether an archived payment holds, at `spend`, exactly the spend that the store recorded.
bool is_recorded_spend(const protocol::Payment& payment, uint32_t spend, const SlotKey& key,
                       const Trace& trace);

}  // namespace cafe::doublespend
