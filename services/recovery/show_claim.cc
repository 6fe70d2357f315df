#include "services/recovery/show_claim.h"

#include <algorithm>

#include "libs/protocol/hash.h"
#include "services/recovery/account.h"
#include "services/recovery/claim_store.h"
#include "services/recovery/file_claim.h"
#include "services/recovery/fresh.h"

namespace cafe::recovery {
namespace {

using protocol::Bytes;
using protocol::ClaimFile;
using protocol::SignedDocument;
using storage::Transaction;

// Whether the asker signed it, and may see the claim: one who speaks for the account now, or the
// claimant, who may have been replaced since.
absl::Status check_asker(const RecoveryParts& parts, const protocol::AccountId& by,
                         const SignedDocument& document, const StoredClaim& claim,
                         absl::Time deadline) {
  CAFE_ASSIGN_OR_RETURN(const AccountAnswer answer,
                        parts.withdrawal.account(claim.account, deadline));
  CAFE_ASSIGN_OR_RETURN(const Account account,
                        open_account(answer, claim.account, parts.issuer_id, parts.anchors));
  if (by == claim.claimant && account.speaker(by) == nullptr) {
    for (const Speaker& successor : account.successors) {
      if (successor.id == by) return document.check(successor.key);
    }
  }
  return check_speaker(account, by, document);
}

absl::Status complete(const ClaimHistory& history, ClaimFile& file) {
  const auto add_certificate = [&](SignedDocument certificate) {
    if (std::ranges::find(file.key_certificates, certificate) == file.key_certificates.end()) {
      file.key_certificates.push_back(std::move(certificate));
    }
  };
  for (const ClaimHistory::Statement& statement : history.statements) {
    CAFE_ASSIGN_OR_RETURN(file.statements.emplace_back(),
                          SignedDocument::decode(statement.document));
    CAFE_ASSIGN_OR_RETURN(SignedDocument certificate,
                          SignedDocument::decode(statement.key_certificate));
    add_certificate(std::move(certificate));
  }
  for (const ClaimHistory::Payment& each : history.payments) {
    CAFE_ASSIGN_OR_RETURN(protocol::Payment payment, protocol::Payment::decode(each.payment));
    CAFE_ASSIGN_OR_RETURN(protocol::PayeeCredential credential,
                          protocol::PayeeCredential::decode(each.credential));
    file.payments.push_back({std::move(payment), each.spend, std::move(credential)});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Bytes> show_claim(const RecoveryParts& parts, protocol::ByteView encoded,
                                 absl::Time deadline) {
  CAFE_ASSIGN_OR_RETURN(const SignedDocument document, SignedDocument::decode(encoded));
  CAFE_ASSIGN_OR_RETURN(const auto query, protocol::ClaimQuery::decode(document.frame));
  CAFE_RETURN_IF_ERROR(check_issuer(query.issuer_id, parts.issuer_id));
  CAFE_RETURN_IF_ERROR(check_fresh(query.time_ms, parts.callers_now_ms(query.time_ms)));
  ClaimHistory history;
  const auto load = [&](Transaction& tx) -> absl::StatusOr<StoredClaim> {
    CAFE_ASSIGN_OR_RETURN(StoredClaim found, store::load_claim(tx, query.claim_digest));
    CAFE_ASSIGN_OR_RETURN(history, store::load_history(tx, found.number));
    return found;
  };
  CAFE_ASSIGN_OR_RETURN(const StoredClaim claim, look(parts.database, load));
  CAFE_RETURN_IF_ERROR(check_asker(parts, query.by, document, claim, deadline));
  if (claim.stage == Stage::kFiled) {
    CAFE_RETURN_IF_ERROR(finish_filing(parts, claim.number, deadline));
  }
  CAFE_ASSIGN_OR_RETURN(ClaimFile file, ClaimFile::decode(claim.file));
  CAFE_RETURN_IF_ERROR(complete(history, file));
  return file.encode();
}

absl::StatusOr<ClaimSlice> slice_of(protocol::ByteView file, uint64_t offset) {
  if (offset >= file.size()) {
    return protocol::invalid("BAD_OFFSET", "The claim's file is not as long: ask from 0 again.");
  }
  const size_t length = std::min(kSliceBytes, file.size() - offset);
  return ClaimSlice{file.subspan(offset, length), file.size(), protocol::sha256(file)};
}

void merge_entries(std::vector<protocol::HotlistEntry>& entries) {
  using Entry = protocol::HotlistEntry;
  std::ranges::sort(entries, {}, &Entry::short_id);
  std::vector<Entry> merged;
  for (const Entry& entry : entries) {
    if (merged.empty() || merged.back().short_id != entry.short_id) {
      merged.push_back(entry);
      continue;
    }
    merged.back().slots |= entry.slots;
    merged.back().spend_until_s = std::max(merged.back().spend_until_s, entry.spend_until_s);
  }
  entries = std::move(merged);
}

absl::StatusOr<Bytes> make_hotlist(const RecoveryParts& parts, uint64_t after) {
  if (after > INT64_MAX) return protocol::invalid("BAD_EDITION", "Editions are below 2^63.");
  const uint64_t now_ms = unix_ms(parts.clock);
  CAFE_ASSIGN_OR_RETURN(protocol::Hotlist hotlist, look(parts.database, [&](Transaction& tx) {
                          return store::read_hotlist(tx, after, now_ms / 1000);
                        }));
  hotlist.issuer_id = parts.issuer_id;
  hotlist.time_ms = now_ms;
  merge_entries(hotlist.entries);
  CAFE_ASSIGN_OR_RETURN(const SignedDocument document, parts.sign(hotlist.encode(), now_ms));
  return document.encode();
}

}  // namespace cafe::recovery
