#include "tools/cafectl/audit_loadtest.h"

#include <algorithm>

#include "libs/storage/ledger_accounts.h"

namespace cafe::cafectl {

namespace {

// The cheques that take from one account of loads.
struct Cheques {
  std::string issuer_id;
  std::string currency;
  bool real = false;  // a denomination of them is not for load tests
};

std::map<std::string, Cheques> cheques_by_account(const Published& published) {
  std::map<std::string, Cheques> out;
  for (const auto& [id, denomination] : published) {
    if (denomination.kind != protocol::Kind::kCheque) continue;
    const auto account = storage::cheques_account(denomination.issuer_id, denomination.currency);
    Cheques& cheques = out[account_name(account.owner, account.currency)];
    cheques.issuer_id = denomination.issuer_id;
    cheques.currency = denomination.currency;
    cheques.real = cheques.real || !denomination.loadtest;
  }
  return out;
}

}  // namespace

absl::StatusOr<LoadtestAudit> check_loadtest(storage::Transaction& tx, const Published& published,
                                             uint64_t loadtest_rows) {
  LoadtestAudit audit;
  AuditCheck& check = audit.check;
  CAFE_ASSIGN_OR_RETURN(audit.coins, ledger_sums(tx, storage::account_kind::kCoins, "loadtest"));
  CAFE_ASSIGN_OR_RETURN(audit.cheques,
                        ledger_sums(tx, storage::account_kind::kCheques, "loadtest_load"));
  check.examined = audit.coins.size() + audit.cheques.size() + loadtest_rows;
  for (const auto& [name, amount] : audit.coins) {
    const auto found = published.find(name.substr(0, name.find(' ')));
    if (found == published.end() || !found->second.loadtest) {
      check.violated("denomination " + name + ": " + std::to_string(amount) +
                     " was posted for load tests, but real coins are made of it");
    }
  }
  const auto cheques = cheques_by_account(published);
  for (const auto& [name, amount] : audit.cheques) {
    const auto found = cheques.find(name);
    if (found == cheques.end() || found->second.real) {
      check.violated("loads of " + name + ": " + std::to_string(amount) +
                     " was posted for load tests, but real cheques are paid from it");
    }
  }
  const bool has_any = std::any_of(published.begin(), published.end(),
                                   [](const auto& entry) { return entry.second.loadtest; });
  if (loadtest_rows > 0 && !has_any) {
    check.violated(std::to_string(loadtest_rows) +
                   " rows of no payment, without a denomination for load tests");
  }
  return audit;
}

void LoadtestAudit::add_to(const Published& published, Json& audit) const {
  Json given = Json::array();
  for (const auto& [name, amount] : coins) {
    const size_t space = name.find(' ');
    given.push_back({{"kind", "coins"},
                     {"of", name.substr(0, space)},
                     {"currency", name.substr(space + 1)},
                     {"given", amount}});
  }
  const auto known = cheques_by_account(published);
  for (const auto& [name, amount] : cheques) {
    const auto found = known.find(name);
    const size_t space = name.find(' ');
    given.push_back({{"kind", "cheques"},
                     {"of", found == known.end() ? name.substr(0, space) : found->second.issuer_id},
                     {"currency", name.substr(space + 1)},
                     {"given", amount}});
  }
  audit["loadtest"] = std::move(given);
}

}  // namespace cafe::cafectl
