#include "tools/cafectl/claim_store.h"

#include <algorithm>
#include <map>

namespace cafe::cafectl {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::SignedDocument;
using storage::Row;
using storage::Rows;
using storage::Transaction;

namespace {

absl::Status unknown_claim() {
  return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_CLAIM",
                              "There is no claim of this number; see `cafectl claim list`.");
}

absl::StatusOr<StoredClaim> read_claim(const Row& row) {
  CAFE_ASSIGN_OR_RETURN(const auto account, protocol::AccountId::decode(row.get<Bytes>(2)));
  CAFE_ASSIGN_OR_RETURN(const auto claimant, protocol::AccountId::decode(row.get<Bytes>(3)));
  return StoredClaim{.number = row.get<uint64_t>(0),
                     .digest = row.get<Bytes32>(1),
                     .account = account,
                     .claimant = claimant,
                     .kind = row.get<std::string>(4),
                     .state = row.get<std::string>(5),
                     .time_ms = row.get<uint64_t>(6),
                     .filed_ms = row.get<uint64_t>(7),
                     .held_until_ms = row.get<uint64_t>(8),
                     .final_at_ms = row.get<uint64_t>(9),
                     .coins = row.get<uint32_t>(10),
                     .sequence = row.get<uint32_t>(11),
                     .note = row.get<std::string>(12)};
}

// A certificate that is not there yet.
absl::Status add_certificate(protocol::ClaimFile& file, const Bytes& document) {
  CAFE_ASSIGN_OR_RETURN(SignedDocument certificate, SignedDocument::decode(document));
  auto& known = file.key_certificates;
  if (std::find(known.begin(), known.end(), certificate) == known.end()) {
    known.push_back(std::move(certificate));
  }
  return absl::OkStatus();
}

absl::Status add_statements(Transaction& tx, uint64_t number, protocol::ClaimFile& file) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT document, key_certificate FROM recovery.claim_statement "
                                 "WHERE number = $1 ORDER BY sequence",
                                 number));
  for (const Row row : rows) {
    CAFE_ASSIGN_OR_RETURN(file.statements.emplace_back(),
                          SignedDocument::decode(row.get<Bytes>(0)));
    CAFE_RETURN_IF_ERROR(add_certificate(file, row.get<Bytes>(1)));
  }
  return absl::OkStatus();
}

absl::StatusOr<protocol::CasePayment> load_payment(Transaction& tx, uint64_t number,
                                                   const Bytes32& digest) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT payment, credential FROM recovery.claim_payment "
                                 "WHERE number = $1 AND payment_digest = $2",
                                 number, digest));
  if (rows.empty()) {
    return protocol::make_error(absl::StatusCode::kDataLoss, "PAYMENT_MISSING",
                                "a payment that the claim's last statement rests on is not stored");
  }
  CAFE_ASSIGN_OR_RETURN(auto payment, protocol::Payment::decode(rows.front().get<Bytes>(0)));
  CAFE_ASSIGN_OR_RETURN(auto credential,
                        protocol::PayeeCredential::decode(rows.front().get<Bytes>(1)));
  return protocol::CasePayment{std::move(payment), 0, std::move(credential)};
}

// Each payment once, as the last statement's deductions first name it.
absl::Status add_payments(Transaction& tx, uint64_t number, protocol::ClaimFile& file) {
  if (file.statements.empty()) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(const auto claim, protocol::Claim::decode(file.claim.frame));
  CAFE_ASSIGN_OR_RETURN(const auto last,
                        protocol::ClaimStatement::decode(file.statements.back().frame));
  std::map<Bytes32, bool> named;
  for (const protocol::Deduction& deduction : last.deductions) {
    if (!named.try_emplace(deduction.payment_digest, true).second) continue;
    CAFE_ASSIGN_OR_RETURN(protocol::CasePayment payment,
                          load_payment(tx, number, deduction.payment_digest));
    const auto& spends = payment.payment.spends;
    const auto spend = std::find_if(spends.begin(), spends.end(), [&](const auto& each) {
      return each.slot == deduction.slot && deduction.coin < claim.coins.size() &&
             payment.payment.coins[each.coin].id() == claim.coins[deduction.coin].id();
    });
    // Where it pays with no such slot, whoever judges the file says so.
    if (spend != spends.end()) payment.spend = static_cast<uint32_t>(spend - spends.begin());
    file.payments.push_back(std::move(payment));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<StoredClaim>> list_claims(Transaction& tx, uint64_t after,
                                                     uint32_t limit) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT number, claim_digest, account_id, claimant_id, kind, state, time_ms, "
               "filed_ms, held_until_ms, final_at_ms, coins, sequence, note FROM recovery.claim "
               "WHERE number > $1 ORDER BY number LIMIT $2",
               after, limit));
  std::vector<StoredClaim> claims;
  for (const Row row : rows) {
    CAFE_ASSIGN_OR_RETURN(claims.emplace_back(), read_claim(row));
  }
  return claims;
}

absl::StatusOr<StoredClaim> find_claim(Transaction& tx, uint64_t number) {
  if (number == 0) return unknown_claim();
  CAFE_ASSIGN_OR_RETURN(std::vector<StoredClaim> claims, list_claims(tx, number - 1, 1));
  if (claims.empty() || claims.front().number != number) return unknown_claim();
  return std::move(claims.front());
}

absl::StatusOr<protocol::ClaimFile> load_claim_file(Transaction& tx, uint64_t number) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT file FROM recovery.claim WHERE number = $1", number));
  if (rows.empty()) return unknown_claim();
  CAFE_ASSIGN_OR_RETURN(protocol::ClaimFile file,
                        protocol::ClaimFile::decode(rows.front().get<Bytes>(0)));
  CAFE_RETURN_IF_ERROR(add_statements(tx, number, file));
  CAFE_RETURN_IF_ERROR(add_payments(tx, number, file));
  return file;
}

}  // namespace cafe::cafectl
