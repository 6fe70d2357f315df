#include "tools/cafectl/audit_cheques.h"

#include <algorithm>
#include <cstdint>

#include "libs/protocol/load_order.h"
#include "libs/storage/array_param.h"
#include "libs/storage/ledger_accounts.h"

namespace cafe::cafectl {

using protocol::Bytes;
using storage::Row;
using storage::Rows;
using storage::Transaction;

namespace {

constexpr int64_t kLoadsAtOnce = 1000;

struct LoadRow {
  Bytes account;
  int64_t sequence;
  Bytes order_digest;
  std::string currency;
  int64_t amount;
  Bytes signed_order;
  Bytes loaded;
  Bytes key_certificate;
  Bytes serial;  // of the account's guardian
  Bytes K;       // the account's key
};

absl::Status mismatch(const char* what) { return protocol::invalid("LOAD_MISMATCH", what); }

// The order is the account holder's, and says what the row says.
absl::StatusOr<protocol::LoadOrder> check_order(const LoadRow& row) {
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(row.signed_order));
  CAFE_ASSIGN_OR_RETURN(auto order, protocol::LoadOrder::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(const auto K, protocol::Point::decode(row.K));
  CAFE_RETURN_IF_ERROR(document.check(K));
  if (protocol::to_bytes(document.digest()) != row.order_digest ||
      protocol::to_bytes(order.account) != row.account ||
      order.sequence != static_cast<uint64_t>(row.sequence) || order.currency != row.currency ||
      order.amount != static_cast<uint64_t>(row.amount)) {
    return mismatch("the order that was signed says something else");
  }
  return order;
}

// The public keys that loads are checked with.
struct LoadTrust {
  const protocol::TrustAnchors* anchors;
  std::vector<protocol::LoadKeyCertificate> keys;
};

absl::StatusOr<LoadTrust> open_load_trust(const storage::TrustFile& file) {
  LoadTrust trust{&file.anchors, {}};
  for (const protocol::SignedDocument& document : file.load_keys) {
    CAFE_ASSIGN_OR_RETURN(auto key, protocol::open_load_key(document, file.anchors));
    trust.keys.push_back(std::move(key));
  }
  return trust;
}

// The answer loads the account's guardian with what was ordered.
absl::Status check_answer(const LoadRow& row, const protocol::LoadOrder& order,
                          const std::optional<LoadTrust>& trust) {
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(row.loaded));
  CAFE_ASSIGN_OR_RETURN(const auto loaded, protocol::Loaded::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(const auto load, protocol::Load::decode(loaded.load));
  if (protocol::to_bytes(loaded.order_digest) != row.order_digest ||
      loaded.account != order.account || loaded.issuer_id != order.issuer_id ||
      load.issuer_id != order.issuer_id || protocol::to_bytes(load.serial) != row.serial ||
      load.currency != order.currency || load.amount != order.amount ||
      load.sequence != order.sequence) {
    return mismatch("the load is of something else than what was ordered");
  }
  if (!trust.has_value()) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(const auto certificate,
                        protocol::SignedDocument::decode(row.key_certificate));
  CAFE_ASSIGN_OR_RETURN(const auto signer,
                        protocol::open_key_certificate(certificate, *trust->anchors,
                                                       protocol::kPurposeWithdrawal, std::nullopt));
  CAFE_RETURN_IF_ERROR(document.check(signer.key));
  for (const protocol::LoadKeyCertificate& key : trust->keys) {
    if (key.issuer_id == order.issuer_id &&
        protocol::check_load(loaded.load, loaded.load_signature, key.public_key_der).ok()) {
      return absl::OkStatus();
    }
  }
  return mismatch("no load key of trust.json signed the load");
}

// The sums of all loads, by customer (negative) and by account of loads.
struct LoadSums {
  Sums customers;
  Sums cheques;
};

absl::StatusOr<LoadSums> check_rows(Transaction& tx, const std::optional<storage::TrustFile>& file,
                                    AuditCheck& check) {
  std::optional<LoadTrust> trust;
  if (file.has_value()) {
    CAFE_ASSIGN_OR_RETURN(trust, open_load_trust(*file));
  }
  LoadSums sums;
  Bytes after_account;
  int64_t after_sequence = 0;
  for (;;) {
    CAFE_ASSIGN_OR_RETURN(
        const Rows rows,
        tx.query("SELECT l.account_id, l.sequence, l.order_digest, l.currency, l.amount, "
                 "l.signed_order, l.loaded, l.key_certificate, a.serial, a.k "
                 "FROM withdrawal.load l JOIN withdrawal.account a USING (account_id) "
                 "WHERE (l.account_id, l.sequence) > ($1, $2) "
                 "ORDER BY l.account_id, l.sequence LIMIT $3",
                 after_account, after_sequence, kLoadsAtOnce));
    if (rows.empty()) return sums;
    for (const Row row : rows) {
      const LoadRow load{row.get<Bytes>(0),       row.get<int64_t>(1), row.get<Bytes>(2),
                         row.get<std::string>(3), row.get<int64_t>(4), row.get<Bytes>(5),
                         row.get<Bytes>(6),       row.get<Bytes>(7),   row.get<Bytes>(8),
                         row.get<Bytes>(9)};
      after_account = load.account;
      after_sequence = load.sequence;
      ++check.examined;
      const auto order = check_order(load);
      const absl::Status status = order.ok() ? check_answer(load, *order, trust) : order.status();
      if (!status.ok()) {
        check.violated("load " + std::to_string(load.sequence) + " of account " +
                       protocol::to_hex(load.account) + ": " + std::string(status.message()));
      }
      if (!order.ok()) continue;
      sums.customers[account_name(load.account, load.currency)] -= load.amount;
      const auto account = storage::cheques_account(order->issuer_id, load.currency);
      sums.cheques[account_name(account.owner, load.currency)] += load.amount;
    }
  }
}

absl::Status check_sequences(Transaction& tx, AuditCheck& check) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows gaps,
      tx.query("SELECT encode(a.account_id, 'hex') FROM withdrawal.account a "
               "LEFT JOIN withdrawal.load l USING (account_id) GROUP BY a.account_id "
               "HAVING a.last_load <> count(l.sequence) "
               "OR a.last_load <> coalesce(max(l.sequence), 0)"));
  for (const Row row : gaps) {
    check.violated("account " + row.get<std::string>(0) + ": the sequence of loads has a gap");
  }
  return absl::OkStatus();
}

// The lists' denominations as columns, to judge lines by.
struct ListColumns {
  explicit ListColumns(const Published& published)
      : ids(published.size(), protocol::DenomId::kSize),
        cheques(published.size()),
        values(published.size()),
        currencies(published.size(), 3),
        deadlines(published.size()) {
    for (const auto& [hex, denomination] : published) {
      ids.add(protocol::from_hex(hex).value());
      cheques.add(denomination.kind == protocol::Kind::kCheque ? 1 : 0);
      values.add(static_cast<int64_t>(denomination.value));
      currencies.add(denomination.currency);
      deadlines.add(
          static_cast<int64_t>(std::min<uint64_t>(denomination.deposit_until, INT64_MAX)));
    }
  }
  storage::ByteaArray ids;
  storage::SmallintArray cheques;
  storage::BigintArray values;
  storage::TextArray currencies;
  storage::BigintArray deadlines;
};

// Every line of cheques is free, and counted at what it is worth until its deadline. Every line of
// coins costs what its denomination says, and is not counted.
absl::Status check_lines(Transaction& tx, const Published& published, ChequeAudit& audit) {
  const ListColumns lists(published);
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query(
          "SELECT encode(i.denom_id, 'hex'), sum(i.count)::bigint, count(*), count(*) FILTER "
          "(WHERE NOT coalesce(CASE d.cheque WHEN 1 THEN i.value = 0 "
          "AND b.worth = i.count * d.value AND b.currency = d.currency "
          "AND b.deposit_until = d.deposit_until "
          "ELSE i.value = i.count * d.value AND b.n IS NULL END, false)) "
          "FROM withdrawal.issued i "
          "LEFT JOIN withdrawal.blank_cheque b USING (account_id, n, denom_id) "
          "LEFT JOIN (SELECT unnest($1::bytea[]) AS denom_id, unnest($2::smallint[]) AS cheque, "
          "unnest($3::bigint[]) AS value, unnest($4::text[]) AS currency, "
          "unnest($5::bigint[]) AS deposit_until) d ON d.denom_id = i.denom_id "
          "GROUP BY 1 ORDER BY 1",
          lists.ids.bytes(), lists.cheques.bytes(), lists.values.bytes(), lists.currencies.bytes(),
          lists.deadlines.bytes()));
  for (const Row row : rows) {
    const auto id = row.get<std::string>(0);
    audit.cheques.examined += row.get<uint64_t>(2);
    if (const auto wrong = row.get<uint64_t>(3); wrong > 0) {
      audit.cheques.violated("denomination " + id + ": " + std::to_string(wrong) +
                             " lines cost, or count as blank cheques, something else than the "
                             "signed list says");
    }
    const auto found = published.find(id);
    if (found == published.end() || found->second.kind != protocol::Kind::kCheque) continue;
    audit.blanks.push_back({id, found->second.currency, found->second.value, row.get<uint64_t>(1)});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ChequeAlarm>> read_alarms(Transaction& tx) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT batch, issuer_id, currency, amount, raised_ms "
                                 "FROM deposit.cheque_alarm ORDER BY batch, currency, issuer_id"));
  std::vector<ChequeAlarm> alarms;
  for (const Row row : rows) {
    alarms.push_back({row.get<int64_t>(0), row.get<std::string>(1), row.get<std::string>(2),
                      row.get<int64_t>(3), row.get<uint64_t>(4)});
  }
  return alarms;
}

// Of every issuer and currency that was loaded, or whose cheques were deposited.
std::vector<ChequeTotals> totals_of(const Published& published, const Sums& loaded,
                                    const Sums& loadtest, const Sums& deposited,
                                    const Sums& recovered, const std::vector<ChequeAlarm>& alarms) {
  std::map<std::string, ChequeTotals> totals;  // by account of loads
  const auto of = [](const Sums& sums, const std::string& account) {
    const auto found = sums.find(account);
    return found == sums.end() ? 0 : found->second;
  };
  for (const auto& [unused, denomination] : published) {
    const auto account = storage::cheques_account(denomination.issuer_id, denomination.currency);
    const std::string name = account_name(account.owner, account.currency);
    if (!loaded.contains(name) && !deposited.contains(name) && !loadtest.contains(name)) continue;
    totals.try_emplace(name, ChequeTotals{.issuer_id = denomination.issuer_id,
                                          .currency = denomination.currency,
                                          .loaded = of(loaded, name),
                                          .deposited = -of(deposited, name),
                                          .loadtest = of(loadtest, name),
                                          .recovered = -of(recovered, name)});
  }
  std::vector<ChequeTotals> out;
  for (auto& [unused, total] : totals) {
    for (const ChequeAlarm& alarm : alarms) {
      if (alarm.issuer_id == total.issuer_id && alarm.currency == total.currency) {
        total.overdrawn += alarm.amount;
      }
    }
    out.push_back(std::move(total));
  }
  return out;
}

}  // namespace

absl::StatusOr<ChequeAudit> check_cheques(Transaction& tx,
                                          const std::optional<storage::TrustFile>& trust,
                                          const ReceiptChecks& receipts, const Sums& loadtest,
                                          const Sums& recovered) {
  ChequeAudit audit;
  CAFE_RETURN_IF_ERROR(check_sequences(tx, audit.loads));
  CAFE_ASSIGN_OR_RETURN(const LoadSums loads, check_rows(tx, trust, audit.loads));
  CAFE_RETURN_IF_ERROR(compare_with_ledger(tx, audit.loads, loads.customers,
                                           storage::account_kind::kCustomer, "load", "customer"));
  CAFE_RETURN_IF_ERROR(compare_with_ledger(tx, audit.loads, loads.cheques,
                                           storage::account_kind::kCheques, "load", "loads of"));

  CAFE_RETURN_IF_ERROR(check_lines(tx, receipts.published, audit));
  CAFE_ASSIGN_OR_RETURN(audit.alarms, read_alarms(tx));
  Sums taken = receipts.cheques;
  Sums losses = receipts.losses;
  for (const ChequeAlarm& alarm : audit.alarms) {
    const auto account = storage::cheques_account(alarm.issuer_id, alarm.currency);
    taken[account_name(account.owner, alarm.currency)] += alarm.amount;
    losses[account_name({}, alarm.currency)] -= alarm.amount;
  }
  CAFE_RETURN_IF_ERROR(compare_with_ledger(
      tx, audit.cheques, taken, storage::account_kind::kCheques, "deposit", "cheques of"));
  CAFE_RETURN_IF_ERROR(compare_with_ledger(tx, audit.cheques, losses, storage::account_kind::kLoss,
                                           "deposit", "losses"));
  audit.totals = totals_of(receipts.published, loads.cheques, loadtest, receipts.cheques, recovered,
                           audit.alarms);
  for (const ChequeTotals& total : audit.totals) {
    if (total.outstanding() < 0) {
      audit.cheques.violated("cheques of " + total.issuer_id + " in " + total.currency +
                             " took more than was loaded, without an alarm");
    }
  }
  return audit;
}

void ChequeAudit::add_to(Json& audit) const {
  Json sums = Json::array(), issued = Json::array(), raised = Json::array();
  for (const ChequeTotals& total : totals) {
    sums.push_back({{"issuer", total.issuer_id},
                    {"currency", total.currency},
                    {"loaded", total.loaded},
                    {"deposited", total.deposited},
                    {"overdrawn", total.overdrawn},
                    {"loadtest", total.loadtest},
                    {"recovered", total.recovered},
                    {"outstanding", total.outstanding()}});
  }
  for (const BlankTotals& blank : blanks) {
    issued.push_back({{"denomination", blank.denomination},
                      {"currency", blank.currency},
                      {"up_to", blank.up_to},
                      {"issued", blank.issued}});
  }
  for (const ChequeAlarm& alarm : alarms) {
    raised.push_back({{"batch", alarm.batch},
                      {"issuer", alarm.issuer_id},
                      {"currency", alarm.currency},
                      {"overdrawn", alarm.amount},
                      {"raised", format_time(alarm.raised_ms / 1000)}});
  }
  audit["cheques"] = std::move(sums);
  audit["blank_cheques"] = std::move(issued);
  audit["alarms"] = std::move(raised);
}

}  // namespace cafe::cafectl
