#include "services/recovery/file_claim.h"

#include "libs/platform/failpoint.h"
#include "libs/platform/log.h"
#include "services/recovery/examine_claim.h"
#include "services/recovery/fresh.h"

namespace cafe::recovery {
namespace {

using protocol::Bytes;
using protocol::Claim;
using protocol::SignedDocument;
using storage::Transaction;

absl::StatusOr<FilingAnswer> refuse(const RecoveryParts& parts, const Claim& claim,
                                    const SignedDocument& document, const ClaimFault& fault) {
  const uint64_t now_ms = unix_ms(parts.clock);
  const protocol::ClaimRefused refused{.issuer_id = parts.issuer_id,
                                       .account = claim.account,
                                       .claim_digest = document.digest(),
                                       .reason = fault.reason,
                                       .item = fault.item,
                                       .time_ms = now_ms};
  CAFE_ASSIGN_OR_RETURN(const SignedDocument answer, parts.sign(refused.encode(), now_ms));
  parts.metrics.refused(fault.reason);
  platform::log_info(
      "claim refused",
      {{"account", claim.account.hex()}, {"reason", fault.reason}, {"item", fault.item}});
  return FilingAnswer{true, answer.encode(), parts.key.certificate.encode()};
}

// Stores a good claim with its receipt. In `fault` why not, where another claim stands against it.
absl::StatusOr<ClaimAnswer> store_claim(const RecoveryParts& parts, const SignedDocument& document,
                                        ExaminedClaim& good, uint64_t now_ms,
                                        std::optional<ClaimFault>& fault) {
  return transact(parts.database, [&](Transaction& tx) -> absl::StatusOr<ClaimAnswer> {
    fault.reset();
    const protocol::Bytes32 digest = document.digest();
    CAFE_ASSIGN_OR_RETURN(const uint64_t number, store::next_number(tx));
    // Somebody may have sent the same at the same time. The number is given back in either case.
    CAFE_ASSIGN_OR_RETURN(std::optional<ClaimAnswer> same, store::find_claim(tx, digest));
    if (same) return protocol::refused("FILED_MEANWHILE", "The same claim was filed just now.");
    CAFE_ASSIGN_OR_RETURN(fault, store::find_claimed(tx, good.content));
    if (fault) return protocol::refused(fault->reason, "Another claim stands against it.");
    const protocol::ClaimReceipt receipt{.issuer_id = parts.issuer_id,
                                         .account = good.content.claim.account,
                                         .number = number,
                                         .claim_digest = digest,
                                         .time_ms = now_ms,
                                         .held_until_ms = good.due.held_until_ms,
                                         .final_at_ms = good.due.final_at_ms,
                                         .claimed = good.content.claimed};
    CAFE_ASSIGN_OR_RETURN(good.file.claim_receipt, parts.sign(receipt.encode(), now_ms));
    const ClaimAnswer answer{number, Stage::kFiled, good.file.claim_receipt.encode(),
                             parts.key.certificate.encode()};
    CAFE_RETURN_IF_ERROR(store::insert_claim(tx, {.number = number,
                                                  .digest = digest,
                                                  .content = good.content,
                                                  .due = good.due,
                                                  .filed_ms = now_ms,
                                                  .file = good.file.encode(),
                                                  .receipt = answer.receipt,
                                                  .key_certificate = answer.key_certificate}));
    return answer;
  });
}

absl::StatusOr<std::optional<ClaimAnswer>> find(const RecoveryParts& parts,
                                                const protocol::Bytes32& digest) {
  return look(parts.database, [&](Transaction& tx) { return store::find_claim(tx, digest); });
}

absl::StatusOr<FilingAnswer> answer_filed(const RecoveryParts& parts, const ClaimAnswer& answer,
                                          absl::Time deadline) {
  if (answer.stage == Stage::kFiled) {
    CAFE_RETURN_IF_ERROR(finish_filing(parts, answer.number, deadline));
  }
  return FilingAnswer{false, answer.receipt, answer.key_certificate};
}

// What another claim has to do with it, before anything is voided for it.
absl::StatusOr<std::optional<ClaimFault>> look_for_claims(const RecoveryParts& parts,
                                                          const ClaimContent& content) {
  return look(parts.database, [&](Transaction& tx) { return store::find_claimed(tx, content); });
}

absl::StatusOr<FilingAnswer> file_good(const RecoveryParts& parts, const SignedDocument& document,
                                       ExaminedClaim good, uint64_t now_ms, absl::Time deadline) {
  const Claim& claim = good.content.claim;
  CAFE_ASSIGN_OR_RETURN(std::optional<ClaimFault> fault, look_for_claims(parts, good.content));
  if (!fault) {
    CAFE_ASSIGN_OR_RETURN(fault, void_payments(parts, good.content, deadline));
  }
  if (fault) {
    // Of two that were sent at the same time, the first may be what stands against the second.
    CAFE_ASSIGN_OR_RETURN(const auto same, find(parts, document.digest()));
    if (same) return answer_filed(parts, *same, deadline);
    return refuse(parts, claim, document, *fault);
  }
  const absl::StatusOr<ClaimAnswer> stored = store_claim(parts, document, good, now_ms, fault);
  if (fault) return refuse(parts, claim, document, *fault);
  if (protocol::reason_of(stored.status()) == "FILED_MEANWHILE") {
    CAFE_ASSIGN_OR_RETURN(const auto same, find(parts, document.digest()));
    if (same) return answer_filed(parts, *same, deadline);
  }
  CAFE_RETURN_IF_ERROR(stored.status());
  CAFE_RETURN_IF_ERROR(platform::failpoint("recovery/after-file"));
  parts.metrics.filed(kind_name(claim.kind));
  platform::log_info("claim filed", {{"number", stored->number},
                                     {"account", claim.account.hex()},
                                     {"kind", kind_name(claim.kind)},
                                     {"coins", claim.coins.size()}});
  return answer_filed(parts, *stored, deadline);
}

}  // namespace

absl::Status finish_filing(const RecoveryParts& parts, uint64_t number, absl::Time deadline) {
  CAFE_ASSIGN_OR_RETURN(
      const std::vector<MarkedCoin> coins,
      look(parts.database, [&](Transaction& tx) { return store::coins_to_mark(tx, number); }));
  // Cheques that earlier claims have, or that nobody takes any more, may be all of them.
  if (!coins.empty()) {
    CAFE_RETURN_IF_ERROR(parts.coin_store.mark_claimed(number, coins, deadline));
  }
  CAFE_RETURN_IF_ERROR(platform::failpoint("recovery/after-mark"));
  CAFE_RETURN_IF_ERROR(
      transact(parts.database, [&](Transaction& tx) { return store::hold(tx, number); }));
  return platform::failpoint("recovery/after-hold");
}

absl::StatusOr<FilingAnswer> file_claim(const RecoveryParts& parts, protocol::ByteView encoded,
                                        absl::Time deadline) {
  CAFE_ASSIGN_OR_RETURN(const SignedDocument document, SignedDocument::decode(encoded));
  CAFE_ASSIGN_OR_RETURN(Claim claim, Claim::decode(document.frame));
  CAFE_RETURN_IF_ERROR(check_issuer(claim.issuer_id, parts.issuer_id));
  CAFE_ASSIGN_OR_RETURN(const std::optional<ClaimAnswer> known, find(parts, document.digest()));
  if (known) return answer_filed(parts, *known, deadline);

  CAFE_ASSIGN_OR_RETURN(const AccountAnswer answer,
                        parts.withdrawal.account(claim.account, deadline));
  CAFE_ASSIGN_OR_RETURN(const Account account,
                        open_account(answer, claim.account, parts.issuer_id, parts.anchors));
  CAFE_RETURN_IF_ERROR(check_speaker(account, claim.by, document));
  const uint64_t now_ms = unix_ms(parts.clock);
  // Before any terms are voided for it: without a receipt that counts, nothing is taken.
  CAFE_RETURN_IF_ERROR(parts.check_key(now_ms));
  CAFE_ASSIGN_OR_RETURN(Examination examined,
                        examine_claim(parts, document, claim, account, now_ms, deadline));
  if (examined.fault) return refuse(parts, claim, document, *examined.fault);
  CAFE_RETURN_IF_ERROR(platform::failpoint("recovery/after-check"));
  return file_good(parts, document, *std::move(examined.good), now_ms, deadline);
}

}  // namespace cafe::recovery
