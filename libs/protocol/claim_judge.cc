// A court's look at a claim (section 8): who claims what, and what the issuer owes for it.
#include <map>

#include "libs/protocol/claim_file.h"
#include "libs/protocol/claim_statements.h"
#include "libs/protocol/claim_value.h"
#include "libs/protocol/rebuild.h"
#include "libs/protocol/withdrawal_issuer.h"

namespace cafe::protocol {

namespace {

absl::Status document_mismatch() {
  return invalid("DOCUMENT_MISMATCH",
                 "A document in the claim file is of another issuer, account or claim.");
}

}  // namespace

absl::StatusOr<CertifiedKeys> CertifiedKeys::open(std::span<const SignedDocument> certificates,
                                                  const std::string& issuer_id,
                                                  const TrustAnchors& anchors) {
  CertifiedKeys keys;
  for (const SignedDocument& document : certificates) {
    CAFE_ASSIGN_OR_RETURN(KeyCertificate certificate, KeyCertificate::decode(document.frame));
    if (certificate.purpose != kPurposeWithdrawal && certificate.purpose != kPurposeRecovery) {
      return invalid("WRONG_PURPOSE", "A claim rests on withdrawal and recovery keys only.");
    }
    CAFE_ASSIGN_OR_RETURN(
        certificate, open_key_certificate(document, anchors, certificate.purpose, std::nullopt));
    if (certificate.issuer_id != issuer_id) return document_mismatch();
    keys.certificates_.push_back(std::move(certificate));
  }
  return keys;
}

absl::Status CertifiedKeys::check(const SignedDocument& document, std::string_view purpose,
                                  std::optional<uint64_t> at_s) const {
  bool expired = false;
  for (const KeyCertificate& certificate : certificates_) {
    if (certificate.purpose != purpose || !document.check(certificate.key).ok()) continue;
    if (!at_s || (certificate.valid_from <= *at_s && *at_s < certificate.valid_until)) {
      return absl::OkStatus();
    }
    expired = true;
  }
  if (expired) {
    return invalid("KEY_EXPIRED",
                   "A document in the claim file was signed when its key was not valid.");
  }
  return make_error(absl::StatusCode::kUnauthenticated, "BAD_SIGNATURE",
                    "A document in the claim file is not signed by a certified key of its issuer.");
}

namespace {

// Who claims, and whose coins.
struct Parties {
  Claim claim;
  CertifiedKeys keys;
  CheckedRegistration owner;         // of the coins
  std::optional<LossRecorded> loss;  // of her wallet
};

// K of an account, by the receipt of its registration.
absl::StatusOr<RegistrationReceipt> open_receipt(const SignedDocument& document,
                                                 const CertifiedKeys& keys,
                                                 const std::string& issuer_id,
                                                 const AccountId& account) {
  CAFE_ASSIGN_OR_RETURN(RegistrationReceipt receipt, RegistrationReceipt::decode(document.frame));
  CAFE_RETURN_IF_ERROR(keys.check(document, kPurposeWithdrawal, receipt.time_s));
  if (receipt.issuer_id != issuer_id || receipt.account != account) return document_mismatch();
  return receipt;
}

// The key of who claims: the account's own, or that of the last of its successors.
absl::StatusOr<Point> claimants_key(const ClaimFile& file, const Parties& parties) {
  const Claim& claim = parties.claim;
  CAFE_ASSIGN_OR_RETURN(RegistrationReceipt receipt,
                        open_receipt(file.receipt, parties.keys, claim.issuer_id, claim.account));
  if (receipt.K != parties.owner.registration.K ||
      receipt.registration_digest != file.registration.registration.digest()) {
    return document_mismatch();
  }
  if (file.successor_receipts.size() != file.replacements.size()) return document_mismatch();
  for (size_t n = 0; n < file.replacements.size(); ++n) {
    const SignedDocument& document = file.replacements[n];
    CAFE_ASSIGN_OR_RETURN(const Replaced replaced, Replaced::decode(document.frame));
    CAFE_RETURN_IF_ERROR(parties.keys.check(document, kPurposeWithdrawal, replaced.time_ms / 1000));
    if (replaced.issuer_id != claim.issuer_id || replaced.lost != receipt.account) {
      return document_mismatch();
    }
    CAFE_ASSIGN_OR_RETURN(receipt, open_receipt(file.successor_receipts[n], parties.keys,
                                                claim.issuer_id, replaced.successor));
  }
  if (receipt.account != claim.by) {
    return invalid("NOT_THE_HOLDER", "Who claims is neither the account nor its last successor.");
  }
  return receipt.K;
}

absl::StatusOr<std::optional<LossRecorded>> open_loss(const ClaimFile& file,
                                                      const Parties& parties) {
  const Claim& claim = parties.claim;
  if (!file.loss) {
    if (claim.kind == ClaimKind::kPayments) return std::nullopt;
    return invalid("NOT_REPORTED_LOST", "Coins and cheques are claimed of a lost wallet only.");
  }
  CAFE_ASSIGN_OR_RETURN(LossRecorded loss, LossRecorded::decode(file.loss->frame));
  CAFE_RETURN_IF_ERROR(parties.keys.check(*file.loss, kPurposeWithdrawal, loss.time_ms / 1000));
  if (loss.issuer_id != claim.issuer_id || loss.account != claim.account) {
    return document_mismatch();
  }
  return loss;
}

absl::StatusOr<Parties> open_parties(const ClaimFile& file, const TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(Claim claim, Claim::decode(file.claim.frame));
  CAFE_ASSIGN_OR_RETURN(CertifiedKeys keys,
                        CertifiedKeys::open(file.key_certificates, claim.issuer_id, anchors));
  CAFE_ASSIGN_OR_RETURN(
      CheckedRegistration owner,
      check_registration(file.registration, claim.issuer_id, anchors, std::nullopt));
  if (owner.account != claim.account) return document_mismatch();
  Parties parties{std::move(claim), std::move(keys), std::move(owner), std::nullopt};
  CAFE_ASSIGN_OR_RETURN(const Point key, claimants_key(file, parties));
  CAFE_RETURN_IF_ERROR(file.claim.check(key));
  CAFE_ASSIGN_OR_RETURN(parties.loss, open_loss(file, parties));
  return parties;
}

absl::StatusOr<DenominationTable> open_lists(const ClaimFile& file, const std::string& issuer_id,
                                             const TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(const Point master_key, anchors.master_key(issuer_id));
  DenominationTable table;
  for (const SignedDocument& document : file.lists) {
    CAFE_ASSIGN_OR_RETURN(const DenominationList list, open_list(document, master_key));
    if (list.issuer_id != issuer_id) return document_mismatch();
    table.add(list);
  }
  return table;
}

struct OpenedOrder {
  Order order;
  Completion completion;
};
using Orders = std::map<uint64_t, OpenedOrder>;  // by N

// A completion has no time of its own but the time slot of its order, which the key may have
// followed: its key's dates are not judged, nor those of loads, which have none.
absl::StatusOr<Orders> open_orders(const ClaimFile& file, const Parties& parties) {
  Orders orders;
  for (const OrderRecord& record : file.orders) {
    CAFE_RETURN_IF_ERROR(record.order.check(parties.owner.registration.K));
    CAFE_RETURN_IF_ERROR(parties.keys.check(record.completion, kPurposeWithdrawal, std::nullopt));
    CAFE_ASSIGN_OR_RETURN(Order order, Order::decode(record.order.frame));
    CAFE_ASSIGN_OR_RETURN(Completion completion, Completion::decode(record.completion.frame));
    if (order.opened.issuer_id != parties.claim.issuer_id ||
        order.opened.account != parties.claim.account ||
        completion.order_digest != record.order.digest()) {
      return document_mismatch();
    }
    const uint64_t n = order.opened.order;
    if (!orders.empty() && orders.rbegin()->first >= n) {
      return invalid("NOT_CANONICAL", "Orders stand in ascending order of their numbers.");
    }
    orders.emplace(n, OpenedOrder{std::move(order), std::move(completion)});
  }
  return orders;
}

// Every claimed coin is the unblinding of its session.
absl::Status check_coins(const Parties& parties, const Orders& orders, FindDenomination find) {
  std::vector<Session> sessions;
  sessions.reserve(parties.claim.coins.size());
  for (const ClaimedCoin& coin : parties.claim.coins) {
    const auto at = orders.find(coin.order);
    if (at == orders.end()) {
      return refused("NO_SUCH_COIN", "A claimed coin's order is not in the claim file.");
    }
    const Denomination* denomination = find(coin.denom_id);
    if (denomination == nullptr) {
      return invalid("UNKNOWN_DENOMINATION", "A claimed coin's denomination is in no list.");
    }
    CAFE_ASSIGN_OR_RETURN(const Session session,
                          session_of(at->second.order, at->second.completion, coin.denom_id, coin.i,
                                     m_for(denomination->kind, parties.owner.points)));
    sessions.push_back(session);
  }
  for (const auto& opened : open_claimed_coins_var(parties.claim.coins, sessions)) {
    CAFE_RETURN_IF_ERROR(opened.status());
  }
  return absl::OkStatus();
}

// Cheques are claimed all together: those of these orders all stand in the claim.
absl::Status check_all_cheques(const Parties& parties, const Orders& orders,
                               FindDenomination find) {
  size_t cheques = 0;
  for (const auto& [n, opened] : orders) {
    for (const OpenedLine& line : opened.order.opened.lines) {
      const Denomination* denomination = find(line.denom_id);
      if (denomination == nullptr) {
        return invalid("UNKNOWN_DENOMINATION", "An order names a denomination that is in no list.");
      }
      if (denomination->kind == Kind::kCheque) cheques += line.coins.size();
    }
  }
  // Each coin of the claim is another one of these.
  if (cheques != parties.claim.coins.size()) {
    return invalid("CHEQUES_MISSING", "Cheques are claimed all together.");
  }
  return absl::OkStatus();
}

// All loads of the lost account, which its cheques were paid from.
absl::StatusOr<std::vector<Load>> open_loads(const ClaimFile& file, const Parties& parties) {
  const bool of_cheques = parties.claim.kind == ClaimKind::kCheques;
  if (file.loads.size() != (of_cheques ? parties.loss->last_load : 0)) {
    return invalid("LISTING_GAP", "A claim of cheques rests on all loads of the account.");
  }
  std::vector<Load> loads;
  for (const SignedDocument& document : file.loads) {
    CAFE_RETURN_IF_ERROR(parties.keys.check(document, kPurposeWithdrawal, std::nullopt));
    CAFE_ASSIGN_OR_RETURN(const Loaded loaded, Loaded::decode(document.frame));
    CAFE_ASSIGN_OR_RETURN(Load load, Load::decode(loaded.load));
    if (loaded.issuer_id != parties.claim.issuer_id || loaded.account != parties.claim.account ||
        load.issuer_id != parties.claim.issuer_id ||
        load.serial != parties.owner.registration.serial || load.sequence != loads.size() + 1) {
      return document_mismatch();
    }
    loads.push_back(std::move(load));
  }
  return loads;
}

// What is claimed, by slots and in all.
struct Claimed {
  std::vector<ClaimedSlot> slots;
  std::vector<CurrencyAmount> amounts;
};

absl::StatusOr<Claimed> open_claimed(const ClaimFile& file, const Parties& parties,
                                     const ClaimReceipt& receipt, FindDenomination find,
                                     const TrustAnchors& anchors) {
  std::vector<CheckedVoidPayment> payments;
  for (const VoidPayment& payment : parties.claim.payments) {
    CAFE_ASSIGN_OR_RETURN(CheckedVoidPayment checked, check_void_payment(payment, find, anchors));
    if (!checked.refused && receipt.time_ms / 1000 < checked.deposit_until) {
      return invalid("NOT_DUE", "A payment that nobody refused can still be deposited.");
    }
    payments.push_back(std::move(checked));
  }
  Claimed claimed;
  CAFE_ASSIGN_OR_RETURN(claimed.slots, claimed_slots(parties.claim, find, payments));
  CAFE_ASSIGN_OR_RETURN(const std::vector<Load> loads, open_loads(file, parties));
  CAFE_ASSIGN_OR_RETURN(claimed.amounts, parties.claim.kind == ClaimKind::kCheques
                                             ? loaded_amounts(loads)
                                             : claimed_amounts(claimed.slots));
  return claimed;
}

absl::StatusOr<ClaimReceipt> open_claim_receipt(const ClaimFile& file, const Parties& parties) {
  CAFE_ASSIGN_OR_RETURN(ClaimReceipt receipt, ClaimReceipt::decode(file.claim_receipt.frame));
  CAFE_RETURN_IF_ERROR(
      parties.keys.check(file.claim_receipt, kPurposeRecovery, receipt.time_ms / 1000));
  if (receipt.issuer_id != parties.claim.issuer_id || receipt.account != parties.claim.account ||
      receipt.claim_digest != file.claim.digest()) {
    return document_mismatch();
  }
  return receipt;
}

}  // namespace

absl::StatusOr<ClaimJudgement> verify_claim_file(const ClaimFile& file,
                                                 const TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(const Parties parties, open_parties(file, anchors));
  const Claim& claim = parties.claim;
  CAFE_ASSIGN_OR_RETURN(const DenominationTable table, open_lists(file, claim.issuer_id, anchors));
  const auto find = [&](const DenomId& id) { return table.find(id); };
  CAFE_ASSIGN_OR_RETURN(const Orders orders, open_orders(file, parties));
  CAFE_RETURN_IF_ERROR(check_coins(parties, orders, find));
  if (claim.kind == ClaimKind::kCheques) {
    CAFE_RETURN_IF_ERROR(check_all_cheques(parties, orders, find));
  }
  CAFE_ASSIGN_OR_RETURN(const ClaimReceipt receipt, open_claim_receipt(file, parties));
  CAFE_ASSIGN_OR_RETURN(const Claimed claimed, open_claimed(file, parties, receipt, find, anchors));
  if (receipt.claimed != claimed.amounts) return sum_mismatch();
  CAFE_ASSIGN_OR_RETURN(const ClaimStatement last, last_statement(file.statements, parties.keys,
                                                                  claim, receipt, claimed.slots));
  CAFE_RETURN_IF_ERROR(
      check_deductions(last.deductions, file.payments, claim, claimed.slots, find, anchors));
  ClaimJudgement judgement{claim.account, claim.by,   receipt.number,
                           claim.kind,    last.state, receipt.held_until_ms,
                           last.totals,   {}};
  for (const Deduction& deduction : last.deductions) {
    if (deduction.code == Deduction::Code::kPaidAfter) judgement.paid_after.push_back(deduction);
  }
  return judgement;
}

}  // namespace cafe::protocol
