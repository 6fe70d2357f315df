#include "services/withdrawal/cheque_cap.h"

#include <algorithm>
#include <cstdint>

#include "libs/protocol/amount.h"
#include "libs/storage/array_param.h"

namespace cafe::withdrawal {

absl::StatusOr<std::vector<BlankCheques>> blank_cheques_of(
    const protocol::AccountId& account, uint64_t n,
    std::span<const DenominationBook::Entry* const> entries,
    std::span<const protocol::OrderLine> lines) {
  std::vector<BlankCheques> cheques;
  for (size_t i = 0; i < lines.size(); ++i) {
    const protocol::Denomination& d = entries[i]->denomination;
    if (d.kind != protocol::Kind::kCheque) continue;
    CAFE_ASSIGN_OR_RETURN(const uint64_t worth,
                          protocol::checked_multiply(d.value(), lines[i].count));
    cheques.push_back({account, n, lines[i].denom_id, d.currency, worth, d.deposit_until});
  }
  return cheques;
}

void HeldCheques::add(const protocol::AccountId& account, const std::string& currency,
                      uint64_t worth) {
  worth_[{account, currency}] += worth;
}

uint64_t HeldCheques::worth(const protocol::AccountId& account, const std::string& currency) const {
  const auto found = worth_.find({account, currency});
  return found == worth_.end() ? 0 : found->second;
}

absl::Status check_cheque_cap(const HeldCheques& held, std::span<const BlankCheques> ordered,
                              uint64_t cap) {
  // All lines of an order are of one account.
  absl::flat_hash_map<std::string, uint64_t> sums;
  for (const BlankCheques& cheques : ordered) {
    const auto [sum, first] = sums.try_emplace(cheques.currency, 0);
    if (first) sum->second = held.worth(cheques.account, cheques.currency);
    CAFE_ASSIGN_OR_RETURN(sum->second, protocol::checked_add(sum->second, cheques.worth));
    if (sum->second > cap) {
      return protocol::refused(
          "CHEQUE_CAP", "With this order the account would hold blank cheques of more than " +
                            std::to_string(cap) + " minor units of " + cheques.currency +
                            ": order fewer, or wait until the deposit deadline of earlier "
                            "ones is over.");
    }
  }
  return absl::OkStatus();
}

bool names_cheques(const DenominationBook& book, std::span<const protocol::OrderLine> lines) {
  return std::any_of(lines.begin(), lines.end(), [&](const protocol::OrderLine& line) {
    const DenominationBook::Entry* entry = book.find(line.denom_id);
    return entry != nullptr && entry->denomination.kind == protocol::Kind::kCheque;
  });
}

absl::StatusOr<HeldCheques> held_cheques(storage::Transaction& tx,
                                         std::span<const protocol::AccountId> accounts,
                                         uint64_t now_s) {
  HeldCheques held;
  if (accounts.empty()) return held;
  storage::ByteaArray wanted(accounts.size(), protocol::AccountId::kSize);
  for (const protocol::AccountId& account : accounts) wanted.add(account);
  CAFE_ASSIGN_OR_RETURN(
      const storage::Rows rows,
      tx.query("SELECT account_id, currency, sum(worth)::bigint FROM withdrawal.blank_cheque "
               "WHERE account_id = ANY ($1::bytea[]) AND deposit_until > $2 GROUP BY 1, 2",
               wanted.bytes(), now_s));
  for (const storage::Row row : rows) {
    held.add(protocol::AccountId{row.get<protocol::Bytes32>(0)}, row.get<std::string>(1),
             row.get<uint64_t>(2));
  }
  return held;
}

absl::Status insert_blank_cheques(storage::Transaction& tx, std::span<const BlankCheques> cheques) {
  if (cheques.empty()) return absl::OkStatus();
  storage::ByteaArray accounts(cheques.size(), protocol::AccountId::kSize);
  storage::BigintArray ns(cheques.size());
  storage::ByteaArray denom_ids(cheques.size(), protocol::DenomId::kSize);
  storage::TextArray currencies(cheques.size(), 3);
  storage::BigintArray worths(cheques.size());
  storage::BigintArray deadlines(cheques.size());
  for (const BlankCheques& one : cheques) {
    accounts.add(one.account);
    ns.add(static_cast<int64_t>(one.n));
    denom_ids.add(one.denom_id);
    currencies.add(one.currency);
    worths.add(static_cast<int64_t>(one.worth));
    // A list's times are checked to be ordered, not to be small.
    deadlines.add(static_cast<int64_t>(std::min<uint64_t>(one.deposit_until, INT64_MAX)));
  }
  return tx
      .query(
          "INSERT INTO withdrawal.blank_cheque (account_id, n, denom_id, currency, worth, "
          "deposit_until) SELECT unnest($1::bytea[]), unnest($2::bigint[]), unnest($3::bytea[]), "
          "unnest($4::text[]), unnest($5::bigint[]), unnest($6::bigint[])",
          accounts.bytes(), ns.bytes(), denom_ids.bytes(), currencies.bytes(), worths.bytes(),
          deadlines.bytes())
      .status();
}

}  // namespace cafe::withdrawal
