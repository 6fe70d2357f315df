#include "tools/cafectl/audit_receipts.h"

#include "libs/protocol/deposit.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/loadtest_key.h"
#include "libs/protocol/spend_rows.h"
#include "libs/storage/ledger_accounts.h"

namespace cafe::cafectl {

using protocol::Bytes;
using protocol::ByteView;
using storage::Row;
using storage::Rows;
using storage::Transaction;

std::string account_name(ByteView owner, const std::string& currency) {
  return protocol::to_hex(owner) + " " + currency;
}

absl::StatusOr<Published> published_denominations(Transaction& tx) {
  CAFE_ASSIGN_OR_RETURN(const Rows dropped,
                        tx.query("SELECT range_from, range_until FROM coinstore.partition "
                                 "WHERE dropped_at IS NOT NULL"));
  const auto is_retained = [&](uint64_t deposit_until) {
    for (const Row row : dropped) {
      if (row.get<uint64_t>(0) <= deposit_until && deposit_until < row.get<uint64_t>(1))
        return false;
    }
    return true;
  };
  CAFE_ASSIGN_OR_RETURN(const Rows lists,
                        tx.query("SELECT document FROM withdrawal.denomination_list"));
  Published published;
  for (const Row row : lists) {
    CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(row.get<Bytes>(0)));
    CAFE_ASSIGN_OR_RETURN(const auto list, protocol::DenominationList::decode(document.frame));
    for (const auto& denomination : list.denominations) {
      published[denomination.id().hex()] = {.issuer_id = denomination.issuer_id,
                                            .currency = denomination.currency,
                                            .kind = denomination.kind,
                                            .value = denomination.value(),
                                            .deposit_until = denomination.deposit_until,
                                            .retained = is_retained(denomination.deposit_until),
                                            .loadtest = protocol::is_loadtest(denomination)};
    }
  }
  return published;
}

absl::StatusOr<Sums> ledger_sums(Transaction& tx, std::string_view account_kind,
                                 std::string_view posting_kind) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT encode(a.owner, 'hex') || ' ' || a.currency, sum(e.amount)::bigint FROM "
               "ledger.entry e "
               "JOIN ledger.account a ON a.id = e.account_id JOIN ledger.posting p ON p.id = "
               "e.posting_id "
               "WHERE a.kind = $1 AND p.kind = $2 GROUP BY 1",
               account_kind, posting_kind));
  Sums sums;
  for (const Row row : rows) sums[row.get<std::string>(0)] = row.get<int64_t>(1);
  return sums;
}

absl::Status compare_with_ledger(Transaction& tx, AuditCheck& check, const Sums& expected,
                                 std::string_view account_kind, std::string_view posting_kind,
                                 const std::string& subject) {
  CAFE_ASSIGN_OR_RETURN(const Sums found, ledger_sums(tx, account_kind, posting_kind));
  for (const auto& [owner, amount] : expected) {
    ++check.examined;
    const auto it = found.find(owner);
    const int64_t other = it == found.end() ? 0 : it->second;
    if (other != amount) {
      check.violated(subject + " " + owner + ": documents say " + std::to_string(amount) +
                     ", the ledger " + std::to_string(other));
    }
  }
  for (const auto& [owner, amount] : found) {
    if (!expected.contains(owner) && amount != 0) {
      check.violated(subject + " " + owner + ": the ledger has " + std::to_string(amount) +
                     " without a document");
    }
  }
  return absl::OkStatus();
}

namespace {

constexpr int64_t kBatchesAtOnce = 50;

// The rows that one batch must have: packed (coin id ‖ u32 slot ‖ u32 position), of ticks also
// (‖ u32 ticks before ‖ u32 ticks), of cheques (‖ u32 ticks).
struct ExpectedRows {
  Bytes first;    // in coinstore.spent
  Bytes second;   // in coinstore.double_spend
  Bytes ticks;    // in coinstore.tick
  Bytes cheques;  // in deposit.cheque_spend
};
constexpr size_t kRowSize = 40;
constexpr size_t kTickRowSize = 48;
constexpr size_t kChequeRowSize = 44;

void append_row(Bytes& to, const protocol::CoinId& coin, uint32_t slot, size_t payment,
                size_t spend) {
  protocol::append(to, coin);
  protocol::append(to, protocol::encode_u32(slot));
  protocol::append(
      to, protocol::encode_u32(static_cast<uint32_t>(payment * protocol::kMaxSpends + spend)));
}

absl::StatusOr<std::vector<Bytes>> split_archive(ByteView archive) {
  std::vector<Bytes> out;
  for (auto in = protocol::FrameReader::open_list(archive); !in.at_end();) {
    CAFE_ASSIGN_OR_RETURN(out.emplace_back(), in.bytes());
  }
  return out;
}

// One slot that a receipt accepts: what it took, and the rows that it must have. False where it was
// credited something else than it is worth: a coin or a cheque all of it, ticks what they show more
// than was shown before.
bool take_accepted(const protocol::Payment& payment, size_t payment_index, size_t spend_index,
                   uint64_t credited, ReceiptChecks& checks, ExpectedRows& rows) {
  const protocol::Spend& spend = payment.spends[spend_index];
  const protocol::Coin& coin = payment.coins[spend.coin];
  const PublishedDenomination& denomination = checks.published[coin.denom_id.hex()];
  const protocol::CoinId coin_id = coin.id();
  const uint64_t worth = protocol::worth_of(spend);
  const bool is_rest =
      spend.tick_value > 0 && credited > 0 && credited < worth && credited % spend.tick_value == 0;
  if (credited != worth && !is_rest) return false;
  if (denomination.kind == protocol::Kind::kCheque) {
    const auto account = storage::cheques_account(denomination.issuer_id, denomination.currency);
    checks.cheques[account_name(account.owner, account.currency)] -= static_cast<int64_t>(credited);
    append_row(rows.cheques, coin_id, spend.slot, payment_index, spend_index);
    const uint64_t ticks = spend.tick_value > 0 ? worth / spend.tick_value : 0;
    protocol::append(rows.cheques, protocol::encode_u32(static_cast<uint32_t>(ticks)));
  } else {
    checks.denominations[account_name(coin.denom_id, denomination.currency)] -=
        static_cast<int64_t>(credited);
  }
  if (!denomination.retained) return true;
  if (spend.tick_value > 0) {
    append_row(rows.ticks, coin_id, spend.slot, payment_index, spend_index);
    for (const uint64_t ticks : {(worth - credited) / spend.tick_value, worth / spend.tick_value}) {
      protocol::append(rows.ticks, protocol::encode_u32(static_cast<uint32_t>(ticks)));
    }
    ++checks.shown_ticks;
  }
  // Whoever showed the first ticks of a slot has its row.
  if (!is_rest) {
    append_row(rows.first, coin_id, spend.slot, payment_index, spend_index);
    ++checks.first_spends;
  }
  return true;
}

// Adds one payment's verdicts to the sums and the rows that must be there; false where they do not
// fit the payment.
bool take_payment(const protocol::Payment& payment, const protocol::PaymentVerdict& verdict,
                  size_t index, ReceiptChecks& checks, ExpectedRows& rows) {
  if (verdict.slots.size() != payment.spends.size()) return false;
  uint64_t credited = 0;
  for (size_t j = 0; j < payment.spends.size(); ++j) {
    const protocol::SlotVerdict& slot = verdict.slots[j];
    const protocol::Coin& coin = payment.coins[payment.spends[j].coin];
    const PublishedDenomination& denomination = checks.published[coin.denom_id.hex()];
    credited += slot.credited;
    switch (slot.code) {
      case protocol::VerdictCode::kAccepted:
        if (!take_accepted(payment, index, j, slot.credited, checks, rows)) return false;
        break;
      case protocol::VerdictCode::kCreditedSpentBefore:
        if (slot.credited != protocol::worth_of(payment.spends[j])) return false;
        checks.losses[account_name({}, verdict.currency)] -= static_cast<int64_t>(slot.credited);
        [[fallthrough]];
      case protocol::VerdictCode::kSpentBefore:
        if (slot.case_number == 0 ||
            (slot.code == protocol::VerdictCode::kSpentBefore && slot.credited != 0))
          return false;
        if (denomination.retained) {
          append_row(rows.second, coin.id(), payment.spends[j].slot, index, j);
        }
        break;
      default:
        if (slot.credited != 0) return false;
    }
  }
  return credited == verdict.credited;
}

absl::Status check_rows(Transaction& tx, int64_t batch, std::string_view sql, const Bytes& rows,
                        size_t row_size, AuditCheck& check) {
  if (rows.empty()) return absl::OkStatus();
  check.examined += rows.size() / row_size;
  CAFE_ASSIGN_OR_RETURN(const Rows missing, tx.query(sql, rows, batch));
  if (const auto count = missing.front().get<int64_t>(0); count > 0) {
    check.violated("batch " + std::to_string(batch) + ": " + std::to_string(count) +
                   " slots have no row at their place");
  }
  return absl::OkStatus();
}

constexpr std::string_view kMissingSpent =
    "SELECT count(*) FROM generate_series(0, octet_length($1::bytea) / 40 - 1) AS i WHERE NOT "
    "EXISTS (SELECT FROM coinstore.spent s "
    "WHERE s.coin_id = substr($1::bytea, i * 40 + 1, 32) AND s.slot = cafe.u32_at($1::bytea, i * "
    "40 + 32) AND s.place = ($2::bigint << 17 | cafe.u32_at($1::bytea, i * 40 + 36)))";
constexpr std::string_view kMissingTicks =
    "SELECT count(*) FROM generate_series(0, octet_length($1::bytea) / 48 - 1) AS i WHERE NOT "
    "EXISTS (SELECT FROM coinstore.tick s "
    "WHERE s.coin_id = substr($1::bytea, i * 48 + 1, 32) AND s.slot = cafe.u32_at($1::bytea, i * "
    "48 + 32) AND s.place = ($2::bigint << 17 | cafe.u32_at($1::bytea, i * 48 + 36)) "
    "AND s.ticks_before = cafe.u32_at($1::bytea, i * 48 + 40) "
    "AND s.ticks = cafe.u32_at($1::bytea, i * 48 + 44))";
constexpr std::string_view kTicksAt =
    "SELECT count(*) FROM generate_series(0, octet_length($1::bytea) / 40 - 1) AS i WHERE "
    "EXISTS (SELECT FROM coinstore.tick s "
    "WHERE s.coin_id = substr($1::bytea, i * 40 + 1, 32) AND s.slot = cafe.u32_at($1::bytea, i * "
    "40 + 32) AND s.place = ($2::bigint << 17 | cafe.u32_at($1::bytea, i * 40 + 36)))";
constexpr std::string_view kMissingDouble =
    "SELECT count(*) FROM generate_series(0, octet_length($1::bytea) / 40 - 1) AS i WHERE NOT "
    "EXISTS (SELECT FROM coinstore.double_spend s "
    "WHERE s.coin_id = substr($1::bytea, i * 40 + 1, 32) AND s.slot = cafe.u32_at($1::bytea, i * "
    "40 + 32) AND s.batch = $2 "
    "AND s.position = cafe.u32_at($1::bytea, i * 40 + 36))";

constexpr std::string_view kMissingCheque =
    "SELECT count(*) FROM generate_series(0, octet_length($1::bytea) / 44 - 1) AS i WHERE NOT "
    "EXISTS (SELECT FROM deposit.cheque_spend s "
    "WHERE s.coin_id = substr($1::bytea, i * 44 + 1, 32) AND s.batch = $2 "
    "AND s.payment * 128 + s.spend = cafe.u32_at($1::bytea, i * 44 + 36) "
    "AND s.ticks = cafe.u32_at($1::bytea, i * 44 + 40))";

// A payment of a denomination that was stopped between its recording and its credit: its slots
// stand in the coin store although nothing was credited.
absl::Status count_stopped(Transaction& tx, int64_t batch, const Bytes& encoded, size_t index,
                           ReceiptChecks& checks) {
  CAFE_ASSIGN_OR_RETURN(const auto payment, protocol::Payment::decode(encoded));
  Bytes slots;
  for (size_t j = 0; j < payment.spends.size(); ++j) {
    const protocol::Spend& spend = payment.spends[j];
    append_row(slots, payment.coins[spend.coin].id(), spend.slot, index, j);
  }
  CAFE_ASSIGN_OR_RETURN(const Rows missing, tx.query(kMissingSpent, slots, batch));
  checks.first_spends += payment.spends.size() - missing.front().get<uint64_t>(0);
  CAFE_ASSIGN_OR_RETURN(const Rows ticks, tx.query(kTicksAt, slots, batch));
  checks.shown_ticks += ticks.front().get<uint64_t>(0);
  return absl::OkStatus();
}

struct BatchRow {
  int64_t batch;
  Bytes payee;
  std::optional<Bytes> holder;  // the account of a payee who is its holder
  Bytes signed_order;
  Bytes payments;
  Bytes receipt;
  Bytes key_certificate;
};

absl::Status verify_receipt(const BatchRow& row, const protocol::SignedDocument& document,
                            const std::optional<protocol::TrustAnchors>& anchors) {
  if (!anchors) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(const auto certificate_document,
                        protocol::SignedDocument::decode(row.key_certificate));
  CAFE_ASSIGN_OR_RETURN(const auto certificate,
                        protocol::open_key_certificate(certificate_document, *anchors,
                                                       protocol::kPurposeDeposit, std::nullopt));
  return document.check(certificate.key);
}

// One batch that is done; an error says what is wrong with its documents.
absl::Status check_batch(Transaction& tx, const BatchRow& row,
                         const std::optional<protocol::TrustAnchors>& anchors,
                         ReceiptChecks& checks) {
  ++checks.receipts.examined;
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(row.receipt));
  CAFE_RETURN_IF_ERROR(verify_receipt(row, document, anchors));
  CAFE_ASSIGN_OR_RETURN(const auto receipt, protocol::Receipt::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(const auto order_document,
                        protocol::SignedDocument::decode(row.signed_order));
  CAFE_ASSIGN_OR_RETURN(const auto order, protocol::DepositOrder::decode(order_document.frame));
  CAFE_ASSIGN_OR_RETURN(const auto payments, split_archive(row.payments));
  if (order.payments_digest != protocol::sha256(row.payments)) {
    return protocol::invalid("ARCHIVE_MISMATCH", "the payments are not those of the signed order");
  }
  if (receipt.order_digest != order_document.digest() ||
      receipt.batch != static_cast<uint64_t>(row.batch) ||
      receipt.verdicts.size() != payments.size() ||
      protocol::to_bytes(receipt.payee_id) != row.payee) {
    return protocol::invalid("RECEIPT_MISMATCH", "the receipt answers another order");
  }
  ExpectedRows rows;
  for (size_t i = 0; i < payments.size(); ++i) {
    const protocol::PaymentVerdict& verdict = receipt.verdicts[i];
    if (verdict.credited > 0) {
      Sums& sums = row.holder.has_value() ? checks.holders : checks.payees;
      sums[account_name(row.holder.value_or(row.payee), verdict.currency)] +=
          static_cast<int64_t>(verdict.credited);
    }
    if (verdict.code == protocol::VerdictCode::kRefused) {
      if (verdict.credited != 0) {
        return protocol::invalid("REFUSED_CREDITED", "a refused payment is credited");
      }
      if (verdict.reason == "DENOMINATION_STOPPED") {
        CAFE_RETURN_IF_ERROR(count_stopped(tx, row.batch, payments[i], i, checks));
      }
      continue;
    }
    CAFE_ASSIGN_OR_RETURN(const auto payment, protocol::Payment::decode(payments[i]));
    if (!take_payment(payment, verdict, i, checks, rows))
      return protocol::invalid("VERDICT_MISMATCH", "a verdict does not fit its payment");
  }
  CAFE_RETURN_IF_ERROR(
      check_rows(tx, row.batch, kMissingSpent, rows.first, kRowSize, checks.store));
  CAFE_RETURN_IF_ERROR(
      check_rows(tx, row.batch, kMissingTicks, rows.ticks, kTickRowSize, checks.store));
  CAFE_RETURN_IF_ERROR(check_rows(tx, row.batch, kMissingCheque, rows.cheques, kChequeRowSize,
                                  checks.cheque_spends));
  return check_rows(tx, row.batch, kMissingDouble, rows.second, kRowSize, checks.store);
}

}  // namespace

absl::StatusOr<ReceiptChecks> check_receipts(Transaction& tx,
                                             const std::optional<protocol::TrustAnchors>& anchors,
                                             uint64_t& in_progress) {
  ReceiptChecks checks;
  CAFE_ASSIGN_OR_RETURN(checks.published, published_denominations(tx));
  for (int64_t after = 0;;) {
    CAFE_ASSIGN_OR_RETURN(const Rows rows,
                          tx.query("SELECT b.batch, b.payee_id, p.account_id, b.signed_order, "
                                   "b.payments, b.receipt, b.key_certificate FROM deposit.batch b "
                                   "JOIN deposit.payee p USING (payee_id) "
                                   "WHERE batch > $1 AND state = 'done' ORDER BY batch LIMIT $2",
                                   after, kBatchesAtOnce));
    if (rows.empty()) break;
    for (const Row row : rows) {
      const BatchRow batch{row.get<int64_t>(0), row.get<Bytes>(1), row.get<std::optional<Bytes>>(2),
                           row.get<Bytes>(3),   row.get<Bytes>(4), row.get<Bytes>(5),
                           row.get<Bytes>(6)};
      after = batch.batch;
      if (const absl::Status status = check_batch(tx, batch, anchors, checks); !status.ok()) {
        // A broken statement is the audit's own failure; a broken document is what it looks for.
        if (status.code() != absl::StatusCode::kInvalidArgument &&
            status.code() != absl::StatusCode::kUnauthenticated)
          return status;
        checks.receipts.violated("batch " + std::to_string(batch.batch) + ": " +
                                 std::string(status.message()));
      }
    }
  }
  CAFE_ASSIGN_OR_RETURN(const Rows pending,
                        tx.query("SELECT count(*) FROM deposit.batch WHERE state = 'stored'"));
  in_progress = pending.front().get<uint64_t>(0);
  CAFE_ASSIGN_OR_RETURN(
      const Rows stored,
      tx.query("SELECT count(*) FILTER (WHERE s.place < $1 AND coinstore.batch_of(s.place) NOT IN "
               "(SELECT b.batch FROM deposit.batch b WHERE b.state = 'stored')), "
               "count(*) FILTER (WHERE s.place >= $1) FROM coinstore.spent s",
               protocol::kLoadtestBatch << 17));
  checks.loadtest_rows = stored.front().get<uint64_t>(1);
  if (const auto count = stored.front().get<uint64_t>(0); count != checks.first_spends) {
    checks.store.violated("the coin store holds " + std::to_string(count) +
                          " slots of finished batches, the receipts accept " +
                          std::to_string(checks.first_spends));
  }
  CAFE_ASSIGN_OR_RETURN(const Rows shown,
                        tx.query("SELECT count(*) FROM coinstore.tick t WHERE t.place < $1 "
                                 "AND coinstore.batch_of(t.place) NOT IN "
                                 "(SELECT b.batch FROM deposit.batch b WHERE b.state = 'stored')",
                                 protocol::kLoadtestBatch << 17));
  if (const auto count = shown.front().get<uint64_t>(0); count != checks.shown_ticks) {
    checks.store.violated("in finished batches the coin store was shown ticks " +
                          std::to_string(count) + " times, the receipts accept " +
                          std::to_string(checks.shown_ticks));
  }
  // No two rows of a slot begin at one tick, by their key: where each also begins at the end of
  // another, none counts a tick again.
  CAFE_ASSIGN_OR_RETURN(
      const Rows torn,
      tx.query("SELECT count(*) FROM coinstore.tick t WHERE t.ticks_before > 0 AND NOT EXISTS "
               "(SELECT FROM coinstore.tick o WHERE o.month = t.month AND o.coin_id = t.coin_id "
               "AND o.slot = t.slot AND o.ticks = t.ticks_before)"));
  if (const auto count = torn.front().get<uint64_t>(0); count > 0) {
    checks.store.violated(std::to_string(count) +
                          " rows of ticks go on from where no other one ends");
  }
  // Each that must be there is one, so where there are no more, there is no other.
  CAFE_ASSIGN_OR_RETURN(const Rows kept, tx.query("SELECT count(*) FROM deposit.cheque_spend"));
  if (const auto count = kept.front().get<uint64_t>(0); count != checks.cheque_spends.examined) {
    checks.cheque_spends.violated("deposit keeps " + std::to_string(count) +
                                  " spends of cheques, the receipts credit " +
                                  std::to_string(checks.cheque_spends.examined));
  }
  CAFE_RETURN_IF_ERROR(compare_with_ledger(tx, checks.credits, checks.holders,
                                           storage::account_kind::kCustomer, "deposit",
                                           "account holder"));
  CAFE_RETURN_IF_ERROR(compare_with_ledger(tx, checks.credits, checks.payees,
                                           storage::account_kind::kPayee, "deposit", "payee"));
  CAFE_RETURN_IF_ERROR(compare_with_ledger(tx, checks.credits, checks.denominations,
                                           storage::account_kind::kCoins, "deposit",
                                           "denomination"));
  return checks;
}

}  // namespace cafe::cafectl
