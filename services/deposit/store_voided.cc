// Schema deposit: terms that their terminal refused.
#include "services/deposit/store_voided.h"

#include "services/deposit/store.h"

namespace cafe::deposit::store {

using protocol::Bytes;
using protocol::Bytes32;
using storage::Rows;

absl::flat_hash_set<VoidedTerms> unpack_voided(protocol::ByteView packed) {
  constexpr size_t kWidth = 32 + protocol::PayeeId::kSize + protocol::TerminalId::kSize;
  absl::flat_hash_set<VoidedTerms> voided;
  for (size_t at = 0; at + kWidth <= packed.size(); at += kWidth) {
    const protocol::ByteView item = packed.subspan(at, kWidth);
    VoidedTerms terms;
    std::ranges::copy(item.first(32), terms.terms_digest.begin());
    std::ranges::copy(item.subspan(32, 16), terms.payee_id.bytes.begin());
    std::ranges::copy(item.last(16), terms.terminal_id.bytes.begin());
    voided.insert(terms);
  }
  return voided;
}

absl::StatusOr<absl::flat_hash_set<VoidedTerms>> find_voided(
    Transaction& tx, std::span<const Bytes32> terms_digests) {
  Bytes packed;
  for (const Bytes32& digest : terms_digests) protocol::append(packed, digest);
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT string_agg(v.terms_digest || v.payee_id || v.terminal_id, ''::bytea)"
               " FROM deposit.voided_terms v WHERE v.terms_digest IN"
               "  (SELECT substr($1::bytea, i * 32 + 1, 32)"
               "   FROM generate_series(0, octet_length($1::bytea) / 32 - 1) AS i)",
               packed));
  if (rows.front().is_null(0)) return absl::flat_hash_set<VoidedTerms>();
  return unpack_voided(rows.front().get<Bytes>(0));
}

absl::Status insert_voided(Transaction& tx, const Refused& refused, uint64_t now_ms) {
  return tx
      .query(
          "INSERT INTO deposit.voided_terms"
          " (terms_digest, payee_id, terminal_id, refusal, credential, voided_ms)"
          " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
          refused.terms.terms_digest, refused.terms.payee_id.bytes, refused.terms.terminal_id.bytes,
          refused.refusal, refused.credential, now_ms)
      .status();
}

}  // namespace cafe::deposit::store
