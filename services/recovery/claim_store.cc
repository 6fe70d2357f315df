#include "services/recovery/claim_store.h"

#include <algorithm>

namespace cafe::recovery {

using protocol::AccountId;
using protocol::append;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ClaimKind;
using protocol::encode_u32;
using protocol::encode_u64;
using storage::Row;
using storage::Rows;

namespace {

constexpr std::array<std::string_view, 4> kStages = {"filed", "held", "credited", "final"};

absl::StatusOr<Stage> stage_at(const Row& row, int column) {
  const auto found = std::ranges::find(kStages, row.get<std::string_view>(column));
  if (found == kStages.end()) return absl::InternalError("a claim is in no known state");
  return static_cast<Stage>(found - kStages.begin());
}

absl::StatusOr<ClaimKind> kind_at(const Row& row, int column) {
  const auto name = row.get<std::string_view>(column);
  for (const ClaimKind kind : {ClaimKind::kCoins, ClaimKind::kCheques, ClaimKind::kPayments}) {
    if (name == kind_name(kind)) return kind;
  }
  return absl::InternalError("a claim is of no known kind");
}

// All coins of a claim as one parameter: u64 N ‖ denom_id ‖ u32 i ‖ coin id ‖ u64 slots ‖ u64
// spend_until ‖ u64 deposit_until ‖ u64 claim_until.
constexpr size_t kPackedCoin = 8 + 32 + 4 + 32 + 4 * 8;
static_assert(kPackedCoin == 108);

Bytes pack_coins(const ClaimContent& content) {
  Bytes packed;
  packed.reserve(content.ids.size() * kPackedCoin);
  for (size_t i = 0; i < content.ids.size(); ++i) {
    const protocol::ClaimedCoin& coin = content.claim.coins[i];
    const protocol::Denomination& denomination = content.denomination(static_cast<uint32_t>(i));
    append(packed, encode_u64(coin.order));
    append(packed, coin.denom_id);
    append(packed, encode_u32(coin.i));
    append(packed, content.ids[i]);
    append(packed, encode_u64(coin.slots));
    append(packed, encode_u64(denomination.spend_until));
    append(packed, encode_u64(denomination.deposit_until));
    append(packed, encode_u64(denomination.claim_until));
  }
  return packed;
}

absl::StatusOr<StoredClaim> read_claim(const Rows& rows) {
  if (rows.empty()) {
    return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_CLAIM",
                                "No such claim was filed here.");
  }
  const Row row = rows.front();
  CAFE_ASSIGN_OR_RETURN(const Stage stage, stage_at(row, 4));
  CAFE_ASSIGN_OR_RETURN(const ClaimKind kind, kind_at(row, 9));
  return StoredClaim{.number = row.get<uint64_t>(0),
                     .digest = row.get<Bytes32>(1),
                     .account = {row.get<Bytes32>(2)},
                     .claimant = {row.get<Bytes32>(3)},
                     .kind = kind,
                     .stage = stage,
                     .sequence = row.get<uint32_t>(5),
                     .due = {row.get<uint64_t>(6), row.get<uint64_t>(7)},
                     .file = row.get<Bytes>(8)};
}

}  // namespace

std::string_view stage_name(Stage stage) { return kStages[static_cast<size_t>(stage)]; }

std::string_view kind_name(ClaimKind kind) {
  switch (kind) {
    case ClaimKind::kCoins:
      return "coins";
    case ClaimKind::kCheques:
      return "cheques";
    case ClaimKind::kPayments:
      return "payments";
  }
  return "";
}

namespace store {

absl::StatusOr<std::optional<ClaimAnswer>> find_claim(Transaction& tx, const Bytes32& digest) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows, tx.query("SELECT number, state, receipt, key_certificate"
                                                  " FROM recovery.claim WHERE claim_digest = $1",
                                                  digest));
  if (rows.empty()) return std::nullopt;
  const Row row = rows.front();
  CAFE_ASSIGN_OR_RETURN(const Stage stage, stage_at(row, 1));
  return ClaimAnswer{row.get<uint64_t>(0), stage, row.get<Bytes>(2), row.get<Bytes>(3)};
}

absl::StatusOr<uint64_t> next_number(Transaction& tx) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows, tx.query("SELECT recovery.next_claim()"));
  return rows.front().get<uint64_t>(0);
}

absl::StatusOr<std::optional<ClaimFault>> find_claimed(Transaction& tx,
                                                       const ClaimContent& content) {
  const bool cheques = content.claim.kind == ClaimKind::kCheques;
  if (cheques) {
    CAFE_ASSIGN_OR_RETURN(
        const Rows rows,
        tx.query("SELECT FROM recovery.claim WHERE account_id = $1 AND kind = 'cheques'",
                 content.claim.account.bytes));
    if (!rows.empty()) return ClaimFault{"CLAIMED_BEFORE"};
  }
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT min(k) FROM (SELECT k, cafe.u64_at($2::bytea, k * 108) AS n,"
               "  substr($2::bytea, k * 108 + 9, 32) AS denom_id,"
               "  cafe.u32_at($2::bytea, k * 108 + 40)::integer AS i,"
               "  substr($2::bytea, k * 108 + 45, 32) AS coin_id,"
               "  cafe.u64_at($2::bytea, k * 108 + 76) AS slots"
               "  FROM generate_series(0, octet_length($2::bytea) / 108 - 1) AS k) w"
               " WHERE EXISTS (SELECT FROM recovery.claimed_session s WHERE s.account_id = $1"
               "   AND s.n = w.n AND s.denom_id = w.denom_id AND s.i = w.i"
               "   AND s.coin_id <> w.coin_id)"
               "  OR EXISTS (SELECT FROM recovery.claimed_session s WHERE s.coin_id = w.coin_id"
               "   AND (s.account_id, s.n, s.denom_id, s.i) <> ($1, w.n, w.denom_id, w.i))"
               "  OR EXISTS (SELECT FROM recovery.claimed_slot t JOIN recovery.claim c"
               "   ON c.number = t.number WHERE t.account_id = $1 AND t.n = w.n"
               "   AND t.denom_id = w.denom_id AND t.i = w.i AND (w.slots >> t.slot) & 1 = 1"
               "   AND NOT ($3 AND c.kind = 'payments'))",
               content.claim.account.bytes, pack_coins(content), cheques));
  if (rows.front().is_null(0)) return std::nullopt;
  return ClaimFault{"CLAIMED_BEFORE", rows.front().get<uint32_t>(0)};
}

absl::Status insert_claim(Transaction& tx, const NewClaim& claim) {
  const protocol::Claim& document = claim.content.claim;
  CAFE_RETURN_IF_ERROR(
      tx.query("INSERT INTO recovery.claim (number, claim_digest, account_id, claimant_id, kind,"
               " time_ms, filed_ms, held_until_ms, final_at_ms, coins, file, receipt,"
               " key_certificate, next_look_ms)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $7)",
               claim.number, claim.digest, document.account.bytes, document.by.bytes,
               kind_name(document.kind), document.time_ms, claim.filed_ms, claim.due.held_until_ms,
               claim.due.final_at_ms, document.coins.size(), claim.file, claim.receipt,
               claim.key_certificate)
          .status());
  const Bytes packed = pack_coins(claim.content);
  CAFE_RETURN_IF_ERROR(
      tx.query("INSERT INTO recovery.claimed_session (account_id, n, denom_id, i, coin_id)"
               " SELECT $1, cafe.u64_at($2::bytea, k * 108),"
               "  substr($2::bytea, k * 108 + 9, 32), cafe.u32_at($2::bytea, k * 108 + 40),"
               "  substr($2::bytea, k * 108 + 45, 32)"
               " FROM generate_series(0, octet_length($2::bytea) / 108 - 1) AS k"
               " ON CONFLICT DO NOTHING",
               document.account.bytes, packed)
          .status());
  return tx
      .query(
          "INSERT INTO recovery.claim_coin (number, coin, account_id, n, denom_id, i, coin_id,"
          " slots, spend_until, deposit_until, claim_until)"
          " SELECT $1, k, $2, cafe.u64_at($3::bytea, k * 108),"
          "  substr($3::bytea, k * 108 + 9, 32), cafe.u32_at($3::bytea, k * 108 + 40),"
          "  substr($3::bytea, k * 108 + 45, 32), cafe.u64_at($3::bytea, k * 108 + 76),"
          "  cafe.u64_at($3::bytea, k * 108 + 84), cafe.u64_at($3::bytea, k * 108 + 92),"
          "  cafe.u64_at($3::bytea, k * 108 + 100)"
          " FROM generate_series(0, octet_length($3::bytea) / 108 - 1) AS k",
          claim.number, document.account.bytes, packed)
      .status();
}

absl::StatusOr<std::vector<MarkedCoin>> coins_to_mark(Transaction& tx, uint64_t number) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows, tx.query("SELECT w.coin_id, bit_or(1::bigint << t.slot), w.deposit_until,"
                                "  greatest(w.claim_until, c.final_at_ms / 1000 + 30 * 86400)"
                                " FROM recovery.claim c JOIN recovery.claim_coin w USING (number)"
                                " JOIN recovery.claimed_slot t ON t.number = w.number"
                                "  AND t.coin = w.coin WHERE c.number = $1"
                                "  AND (c.kind <> 'cheques' OR w.deposit_until * 1000 > c.filed_ms)"
                                " GROUP BY w.coin, w.coin_id, w.deposit_until, w.claim_until,"
                                "  c.final_at_ms ORDER BY w.coin",
                                number));
  std::vector<MarkedCoin> coins;
  coins.reserve(static_cast<size_t>(rows.size()));
  for (const Row row : rows) {
    coins.push_back({.coin_id = {row.get<Bytes32>(0)},
                     .slots = static_cast<uint64_t>(row.get<int64_t>(1)),
                     .deposit_until = row.get<uint64_t>(2),
                     .claim_until = row.get<uint64_t>(3)});
  }
  return coins;
}

absl::Status hold(Transaction& tx, uint64_t number) {
  return tx
      .query(
          "UPDATE recovery.claim SET state = 'held', next_look_ms = held_until_ms, note = ''"
          " WHERE number = $1 AND state = 'filed'",
          number)
      .status();
}

absl::StatusOr<StoredClaim> load_claim(Transaction& tx, uint64_t number) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT number, claim_digest, account_id, claimant_id, state, sequence,"
               " held_until_ms, final_at_ms, file, kind FROM recovery.claim WHERE number = $1",
               number));
  return read_claim(rows);
}

absl::StatusOr<StoredClaim> load_claim(Transaction& tx, const Bytes32& digest) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query(
          "SELECT number, claim_digest, account_id, claimant_id, state, sequence,"
          " held_until_ms, final_at_ms, file, kind FROM recovery.claim WHERE claim_digest = $1",
          digest));
  return read_claim(rows);
}

absl::StatusOr<bool> lock_unchanged(Transaction& tx, const StoredClaim& claim) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT state, sequence FROM recovery.claim WHERE number = $1"
                                 " FOR NO KEY UPDATE",
                                 claim.number));
  CAFE_ASSIGN_OR_RETURN(const Stage stage, stage_at(rows.front(), 0));
  return stage == claim.stage && rows.front().get<uint32_t>(1) == claim.sequence;
}

absl::StatusOr<std::vector<uint64_t>> take_due(Transaction& tx, uint64_t now_ms,
                                               uint64_t put_off_ms, int limit) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("UPDATE recovery.claim SET next_look_ms = $2 WHERE number IN"
               " (SELECT number FROM recovery.claim WHERE state <> 'final' AND next_look_ms <= $1"
               "  ORDER BY next_look_ms LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED)"
               " RETURNING number",
               now_ms, put_off_ms, limit));
  std::vector<uint64_t> numbers;
  for (const Row row : rows) numbers.push_back(row.get<uint64_t>(0));
  std::ranges::sort(numbers);
  return numbers;
}

absl::Status set_note(Transaction& tx, uint64_t number, std::string_view note,
                      uint64_t next_look_ms) {
  return tx
      .query(
          "UPDATE recovery.claim SET note = left($2, 1000), next_look_ms = $3"
          " WHERE number = $1 AND state <> 'final'",
          number, note, next_look_ms)
      .status();
}

absl::StatusOr<std::vector<ClaimRow>> list_claims(Transaction& tx, uint64_t after, uint32_t limit) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT number, account_id, claimant_id, kind, state, filed_ms, held_until_ms,"
               " final_at_ms, coins, note FROM recovery.claim WHERE number > $1"
               " ORDER BY number LIMIT $2",
               after, limit));
  std::vector<ClaimRow> claims;
  for (const Row row : rows) {
    claims.push_back({.number = row.get<uint64_t>(0),
                      .account = {row.get<Bytes32>(1)},
                      .claimant = {row.get<Bytes32>(2)},
                      .kind = row.get<std::string>(3),
                      .state = row.get<std::string>(4),
                      .filed_ms = row.get<uint64_t>(5),
                      .due = {row.get<uint64_t>(6), row.get<uint64_t>(7)},
                      .coins = row.get<uint32_t>(8),
                      .note = row.get<std::string>(9)});
  }
  return claims;
}

absl::StatusOr<std::array<uint64_t, 4>> count_stages(Transaction& tx) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT state, count(*) FROM recovery.claim GROUP BY state"));
  std::array<uint64_t, 4> counts{};
  for (const Row row : rows) {
    CAFE_ASSIGN_OR_RETURN(const Stage stage, stage_at(row, 0));
    counts[static_cast<size_t>(stage)] = row.get<uint64_t>(1);
  }
  return counts;
}

absl::StatusOr<protocol::Hotlist> read_hotlist(Transaction& tx, uint64_t after, uint64_t now_s) {
  constexpr size_t kMost = protocol::kMaxHotlistEntries;
  CAFE_ASSIGN_OR_RETURN(const Rows newest, tx.query("SELECT last FROM recovery.claim_counter"));
  protocol::Hotlist hotlist{.issuer_id = {},
                            .after = after,
                            .number = newest.front().get<uint64_t>(0),
                            .time_ms = 0,
                            .entries = {}};
  if (after > hotlist.number) {
    return protocol::refused("EDITION_AHEAD",
                             "There is no such edition of the hotlist: ask again from 0.");
  }
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT number, cafe.u64_at(coin_id, 0), slots, spend_until"
                                 " FROM recovery.claim_coin WHERE number > $1 AND spend_until > $2"
                                 " ORDER BY number, coin LIMIT $3",
                                 after, now_s, kMost + 1));
  uint64_t beyond = UINT64_MAX;  // the first claim that does not fit
  if (static_cast<size_t>(rows.size()) > kMost) {
    beyond = rows[rows.size() - 1].get<uint64_t>(0);
    hotlist.number = beyond - 1;
  }
  for (const Row row : rows) {
    if (row.get<uint64_t>(0) >= beyond) break;
    hotlist.entries.push_back({.short_id = static_cast<uint64_t>(row.get<int64_t>(1)),
                               .slots = static_cast<uint64_t>(row.get<int64_t>(2)),
                               .spend_until_s = row.get<uint64_t>(3)});
  }
  return hotlist;
}

}  // namespace store
}  // namespace cafe::recovery
