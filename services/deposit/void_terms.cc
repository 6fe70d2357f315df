#include "services/deposit/void_terms.h"

#include <algorithm>

#include "libs/platform/log.h"
#include "libs/protocol/payment_answer.h"
#include "services/deposit/store.h"

namespace cafe::deposit {
namespace {

using protocol::PayeeCredential;
using protocol::Refusal;
using protocol::SignedDocument;
using storage::Transaction;

absl::Status wrong_terminal() {
  return protocol::invalid("WRONG_TERMINAL",
                           "The refusal is of another terminal than its credential.");
}

// A terminal that was enrolled keeps its key, and what it signed after it was revoked counts for
// nothing. One that never was can deposit nothing: its refusal harms nobody.
absl::Status check_enrolment(Transaction& tx, const ReadRefusal& read) {
  const VoidedTerms& terms = read.terms;
  CAFE_ASSIGN_OR_RETURN(const std::vector<EnrolledTerminal> enrolled,
                        store::find_terminals(tx, terms.payee_id, {&terms.terminal_id, 1}));
  if (enrolled.empty()) return absl::OkStatus();
  if (!std::ranges::equal(enrolled.front().key, read.certificate.key.bytes())) {
    return wrong_terminal();
  }
  return check_terminal_at({read.certificate, enrolled.front().revoked_ms}, read.refused_ms);
}

}  // namespace

absl::StatusOr<ReadRefusal> read_refusal(protocol::ByteView refusal, protocol::ByteView credential,
                                         const protocol::TrustAnchors& anchors,
                                         std::string_view acquirer_id) {
  CAFE_ASSIGN_OR_RETURN(const SignedDocument document, SignedDocument::decode(refusal));
  CAFE_ASSIGN_OR_RETURN(const Refusal said, Refusal::decode(document.frame));
  if (said.acquirer_id != acquirer_id) {
    return protocol::invalid("WRONG_ACQUIRER", "The refusal names another acquirer.");
  }
  CAFE_ASSIGN_OR_RETURN(const PayeeCredential chain, PayeeCredential::decode(credential));
  CAFE_ASSIGN_OR_RETURN(protocol::TerminalCertificate certificate,
                        chain.open(anchors, said.time_ms / 1000));
  if (certificate.acquirer_id != acquirer_id || certificate.payee_id != said.payee_id ||
      certificate.terminal_id != said.terminal_id) {
    return wrong_terminal();
  }
  CAFE_RETURN_IF_ERROR(document.check(certificate.key));
  return ReadRefusal{.terms = {said.terms_digest, said.payee_id, said.terminal_id},
                     .certificate = std::move(certificate),
                     .refused_ms = said.time_ms};
}

absl::Status void_terms(const DepositParts& parts, protocol::ByteView refusal,
                        protocol::ByteView credential) {
  CAFE_ASSIGN_OR_RETURN(const ReadRefusal read,
                        read_refusal(refusal, credential, parts.anchors, parts.issuer_id));
  CAFE_RETURN_IF_ERROR(transact(parts.database, [&](Transaction& tx) -> absl::Status {
    CAFE_RETURN_IF_ERROR(check_enrolment(tx, read));
    return store::insert_voided(tx, {read.terms, refusal, credential}, unix_ms(parts.clock));
  }));
  platform::log_info("terms voided", {{"payee", read.terms.payee_id.hex()},
                                      {"terminal", read.terms.terminal_id.hex()}});
  return absl::OkStatus();
}

}  // namespace cafe::deposit
