#include "device-sim/firmware/wallet/claims.h"

#include <algorithm>

#include "device-sim/firmware/wallet/recovery_records.h"
#include "device-sim/firmware/wallet/state.h"

namespace cafe::wallet {

using firmware::Batch;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::Claim;
using protocol::ClaimReceipt;
using protocol::ClaimRefused;
using protocol::ClaimStatement;
using protocol::SignedDocument;

namespace {

absl::StatusOr<ClaimRecord> find_claim(const firmware::RecordStore& store, const Bytes32& digest) {
  const Bytes* bytes = store.find(record_key(kClaimPrefix, digest));
  if (bytes == nullptr) {
    return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_CLAIM",
                                "This wallet has filed no such claim.");
  }
  return ClaimRecord::decode(*bytes);
}

absl::Status put_claim(firmware::RecordStore& store, const ClaimRecord& record) {
  return store.commit(
      Batch().put(record_key(kClaimPrefix, record.claim.digest()), record.encode()));
}

// What is wrong and signed is kept; the first of it is enough.
absl::Status keep_evidence(firmware::RecordStore& store, ClaimRecord record, ByteView evidence,
                           const absl::Status& why) {
  if (!record.evidence.empty()) return why;
  record.evidence = protocol::to_bytes(evidence);
  CAFE_RETURN_IF_ERROR(put_claim(store, record));
  return why;
}

template <typename Document>
absl::StatusOr<Document> decode_signed(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(bytes));
  return Document::decode(document.frame);
}

ClaimStatus status_of(protocol::ClaimState state) {
  switch (state) {
    case protocol::ClaimState::kCredited:
      return ClaimStatus::kCredited;
    case protocol::ClaimState::kFinal:
      return ClaimStatus::kFinal;
    case protocol::ClaimState::kHeld:
      break;
  }
  return ClaimStatus::kHeld;
}

absl::StatusOr<ClaimView> view_of_record(const ClaimRecord& record) {
  CAFE_ASSIGN_OR_RETURN(const Claim claim, Claim::decode(record.claim.frame));
  ClaimView view{.digest = record.claim.digest(),
                 .account = claim.account,
                 .kind = claim.kind,
                 .time_ms = claim.time_ms,
                 .status = record.status,
                 .claimed = record.claimed,
                 .reason = "",
                 .totals = {}};
  if (record.status == ClaimStatus::kRefused) {
    CAFE_ASSIGN_OR_RETURN(const auto refused, decode_signed<ClaimRefused>(record.refused.document));
    view.reason = refused.reason;
  }
  if (!record.receipt.empty()) {
    CAFE_ASSIGN_OR_RETURN(const auto receipt, decode_signed<ClaimReceipt>(record.receipt.document));
    view.number = receipt.number;
    view.held_until_ms = receipt.held_until_ms;
    view.final_at_ms = receipt.final_at_ms;
  }
  if (!record.statement.empty()) {
    CAFE_ASSIGN_OR_RETURN(const auto statement, decode_signed<ClaimStatement>(record.statement));
    view.totals = statement.totals;
  }
  return view;
}

// `claimed` is what the wallet reckons that the claim is worth.
absl::Status check_receipt(const Claim& claim, std::span<const protocol::CurrencyAmount> claimed,
                           const ClaimReceipt& receipt) {
  const bool fits =
      receipt.issuer_id == claim.issuer_id && receipt.account == claim.account &&
      receipt.number > 0 && receipt.time_ms <= receipt.held_until_ms &&
      receipt.held_until_ms <= receipt.final_at_ms &&
      std::equal(receipt.claimed.begin(), receipt.claimed.end(), claimed.begin(), claimed.end());
  if (fits) return absl::OkStatus();
  return protocol::invalid("WRONG_RECEIPT",
                           "The issuer's receipt is not for what was claimed: it is kept.");
}

absl::Status wrong_statement() {
  return protocol::invalid("WRONG_STATEMENT",
                           "The claim's file has not the statement that the issuer gave before.");
}

}  // namespace

Claims::Claims(Wallet& wallet) : wallet_(wallet) {}

std::vector<ClaimView> Claims::all() const {
  std::vector<ClaimView> views;
  const auto records = stored_claims(*wallet_.state_->store);
  if (!records.ok()) return views;
  for (const auto& [digest, record] : *records) {
    if (auto view = view_of_record(record); view.ok()) views.push_back(*std::move(view));
  }
  std::sort(views.begin(), views.end(), [](const ClaimView& a, const ClaimView& b) {
    return std::tie(a.time_ms, a.digest) < std::tie(b.time_ms, b.digest);
  });
  return views;
}

absl::StatusOr<Bytes> Claims::bytes(const Bytes32& digest) const {
  CAFE_ASSIGN_OR_RETURN(const ClaimRecord record, find_claim(*wallet_.state_->store, digest));
  return record.claim.encode();
}

absl::Status Claims::on_receipt(ByteView receipt_bytes, ByteView key_certificate) {
  Wallet::State& s = *wallet_.state_;
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(receipt_bytes));
  CAFE_ASSIGN_OR_RETURN(const auto receipt, ClaimReceipt::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(ClaimRecord record, find_claim(*s.store, receipt.claim_digest));
  CAFE_RETURN_IF_ERROR(s.check_issuer_signature(document, key_certificate,
                                                protocol::kPurposeRecovery, receipt.time_ms));
  CAFE_ASSIGN_OR_RETURN(const Claim claim, Claim::decode(record.claim.frame));
  if (const absl::Status wrong = check_receipt(claim, record.claimed, receipt); !wrong.ok()) {
    return keep_evidence(*s.store, std::move(record), receipt_bytes, wrong);
  }
  if (!record.receipt.empty()) {
    if (record.receipt.document == protocol::to_bytes(receipt_bytes)) return absl::OkStatus();
    return keep_evidence(
        *s.store, std::move(record), receipt_bytes,
        protocol::refused("CLAIM_ANSWERED", "The issuer answered this claim before, otherwise."));
  }
  record.receipt = {protocol::to_bytes(receipt_bytes), protocol::to_bytes(key_certificate)};
  record.status = ClaimStatus::kHeld;
  return put_claim(*s.store, record);
}

absl::Status Claims::on_refusal(ByteView refused_bytes, ByteView key_certificate) {
  Wallet::State& s = *wallet_.state_;
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(refused_bytes));
  CAFE_ASSIGN_OR_RETURN(const auto refused, ClaimRefused::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(ClaimRecord record, find_claim(*s.store, refused.claim_digest));
  CAFE_RETURN_IF_ERROR(s.check_issuer_signature(document, key_certificate,
                                                protocol::kPurposeRecovery, refused.time_ms));
  if (!record.refused.empty()) return absl::OkStatus();
  record.refused = {protocol::to_bytes(refused_bytes), protocol::to_bytes(key_certificate)};
  if (record.receipt.empty()) record.status = ClaimStatus::kRefused;
  return put_claim(*s.store, record);
}

absl::StatusOr<Bytes> Claims::query(const Bytes32& digest, uint64_t now_ms) const {
  Wallet::State& s = *wallet_.state_;
  CAFE_RETURN_IF_ERROR(find_claim(*s.store, digest).status());
  const protocol::ClaimQuery query{s.config.issuer_id, s.account, digest, now_ms};
  return s.with_account(PinUse::kRecovery, [&]() -> absl::StatusOr<Bytes> {
    return SignedDocument::sign(query.encode(), s.identity->account_key).encode();
  });
}

absl::Status Claims::on_claim_file(ByteView claim_file) {
  Wallet::State& s = *wallet_.state_;
  CAFE_ASSIGN_OR_RETURN(const auto file, protocol::ClaimFile::decode(claim_file));
  CAFE_ASSIGN_OR_RETURN(ClaimRecord record, find_claim(*s.store, file.claim.digest()));
  CAFE_RETURN_IF_ERROR(protocol::verify_claim_file(file, s.config.anchors).status());
  CAFE_ASSIGN_OR_RETURN(const Claim claim, Claim::decode(record.claim.frame));
  CAFE_ASSIGN_OR_RETURN(const auto receipt, ClaimReceipt::decode(file.claim_receipt.frame));
  // A receipt that was lost on its way comes with the file; its certificate stays in there.
  const Bytes receipt_bytes = file.claim_receipt.encode();
  absl::Status wrong = check_receipt(claim, record.claimed, receipt);
  if (!record.receipt.empty() && record.receipt.document != receipt_bytes) {
    wrong = protocol::invalid("WRONG_RECEIPT", "The claim's file has another receipt.");
  }
  if (!wrong.ok()) return keep_evidence(*s.store, std::move(record), receipt_bytes, wrong);
  record.receipt.document = receipt_bytes;
  if (record.status < ClaimStatus::kHeld) record.status = ClaimStatus::kHeld;
  if (file.statements.empty() && record.statement.empty()) return put_claim(*s.store, record);

  if (!record.statement.empty()) {
    CAFE_ASSIGN_OR_RETURN(const auto known, decode_signed<ClaimStatement>(record.statement));
    if (file.statements.size() < known.sequence) return wrong_statement();
    const Bytes same_sequence = file.statements[known.sequence - 1].encode();
    if (same_sequence != record.statement) {
      return keep_evidence(*s.store, std::move(record), same_sequence, wrong_statement());
    }
    if (file.statements.size() == known.sequence) return absl::OkStatus();
  }
  CAFE_ASSIGN_OR_RETURN(const auto last, ClaimStatement::decode(file.statements.back().frame));
  record.statement = file.statements.back().encode();
  record.status = status_of(last.state);
  return put_claim(*s.store, record);
}

absl::StatusOr<std::optional<Bytes>> Claims::evidence(const Bytes32& digest) const {
  CAFE_ASSIGN_OR_RETURN(const ClaimRecord record, find_claim(*wallet_.state_->store, digest));
  if (record.evidence.empty()) return std::nullopt;
  return record.evidence;
}

}  // namespace cafe::wallet
