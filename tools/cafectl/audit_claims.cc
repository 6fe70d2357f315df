#include "tools/cafectl/audit_claims.h"

#include <algorithm>

#include "libs/storage/ledger.h"
#include "tools/cafectl/audit_claim_rows.h"
#include "tools/cafectl/audit_claim_sums.h"
#include "tools/cafectl/claim_json.h"
#include "tools/cafectl/claim_store.h"

namespace cafe::cafectl {

using protocol::Bytes;
using storage::Row;
using storage::Rows;
using storage::Transaction;

namespace kind = storage::account_kind;

namespace {

constexpr uint32_t kClaimsAtOnce = 100;

// Credited slots of coins whose deposit is done and that no statement deducts yet: the next look at
// the claim charges them. By account name of their denomination, in minor units.
absl::StatusOr<Sums> pending_of(Transaction& tx, const StoredClaim& row, const OpenedClaim& claim) {
  Sums pending;
  if (row.state != "credited") return pending;
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT c.coin, x.slot FROM recovery.claim_coin c "
               "JOIN coinstore.spent x ON x.coin_id = c.coin_id "
               "JOIN deposit.batch b ON b.batch = coinstore.batch_of(x.place) AND b.state = 'done' "
               "WHERE c.number = $1 AND (c.slots >> x.slot) & 1 = 1 AND NOT EXISTS "
               "(SELECT FROM recovery.deduction d WHERE d.number = c.number AND d.coin = c.coin "
               "AND d.slot = x.slot)",
               row.number));
  for (const Row spent : rows) {
    const protocol::Deduction where{.coin = spent.get<uint32_t>(0),
                                    .slot = spent.get<uint32_t>(1),
                                    .code = protocol::Deduction::Code::kPaidBefore,
                                    .charged = true,
                                    .value = 0,
                                    .payment_digest = {}};
    const protocol::ClaimedSlot* slot = claim.find(where);
    if (slot == nullptr || slot->denomination->kind != protocol::Kind::kCoin) continue;
    pending[account_name(claim.owner_of(*slot), slot->denomination->currency)] +=
        static_cast<int64_t>(slot->value);
  }
  return pending;
}

void add_totals(const OpenedClaim& claim, ClaimAudit& audit) {
  for (const protocol::CurrencyAmount& sum : claim.receipt.claimed) {
    audit.totals[sum.currency].claimed += static_cast<int64_t>(sum.amount);
  }
  if (claim.last() == nullptr) return;
  for (const protocol::ClaimTotal& total : claim.last()->totals) {
    ClaimedTotals& all = audit.totals[total.currency];
    all.credited += static_cast<int64_t>(total.credited);
    all.charged += static_cast<int64_t>(total.charged);
    all.uncollected += static_cast<int64_t>(total.uncollected);
  }
}

struct Progress {
  ClaimSums sums;
  Sums pending;
};

// One claim; an error says what is wrong with its documents.
absl::Status check_claim(Transaction& tx, const StoredClaim& row,
                         const std::optional<protocol::TrustAnchors>& anchors,
                         const Successors& successors, Progress& progress, ClaimAudit& audit) {
  CAFE_ASSIGN_OR_RETURN(const protocol::ClaimFile file, load_claim_file(tx, row.number));
  if (anchors) CAFE_RETURN_IF_ERROR(protocol::verify_claim_file(file, *anchors).status());
  CAFE_ASSIGN_OR_RETURN(const OpenedClaim claim, open_claim(file));
  CAFE_ASSIGN_OR_RETURN(const ClaimBooks books, check_claim_rows(tx, row, file, claim, successors));
  progress.sums.add(claim, books);
  for (const auto& [currency, amount] : books.borne) {
    audit.alarms.push_back({row.number, currency, amount});
  }
  CAFE_ASSIGN_OR_RETURN(const Sums pending, pending_of(tx, row, claim));
  for (const auto& [owner, amount] : pending) {
    progress.pending[owner] += amount;
    audit.totals[owner.substr(owner.size() - 3)].pending += amount;
  }
  add_totals(claim, audit);
  return absl::OkStatus();
}

absl::Status compare_sums(Transaction& tx, const ClaimSums& sums, AuditCheck& check) {
  struct Side {
    const Sums* expected;
    std::string_view account;
    std::string_view posting;
    const char* subject;
  };
  const Side sides[] = {
      {&sums.claim_claims, kind::kClaims, "claim", "credited claims on"},
      {&sums.claim_customers, kind::kCustomer, "claim", "claimant"},
      {&sums.charge_claims, kind::kClaims, "claim_charge", "charged claims on"},
      {&sums.charge_customers, kind::kCustomer, "claim_charge", "charged claimant"},
      {&sums.charge_losses, kind::kLoss, "claim_charge", "uncollected charges"},
      {&sums.final_claims, kind::kClaims, "recovery", "final claims on"},
      {&sums.final_coins, kind::kCoins, "recovery", "recovered coins of"},
      {&sums.final_cheques, kind::kCheques, "recovery", "recovered cheques of"},
      {&sums.final_losses, kind::kLoss, "recovery", "recovered beyond what was loaded"},
  };
  for (const Side& side : sides) {
    CAFE_RETURN_IF_ERROR(
        compare_with_ledger(tx, check, *side.expected, side.account, side.posting, side.subject));
  }
  CAFE_ASSIGN_OR_RETURN(
      const Rows others,
      tx.query("SELECT DISTINCT p.kind FROM ledger.account a JOIN ledger.entry e "
               "ON e.account_id = a.id JOIN ledger.posting p ON p.id = e.posting_id "
               "WHERE a.kind = 'claims' AND p.kind NOT IN ('claim', 'claim_charge', 'recovery')"));
  for (const Row other : others) {
    check.violated("postings of kind " + other.get<std::string>(0) + " moved advances of claims");
  }
  return absl::OkStatus();
}

// For each denomination of coins: what is outstanding covers the advances that it will have to
// cover, each slot counted once.
absl::Status check_cover(Transaction& tx, const Progress& progress, const Published& published,
                         AuditCheck& check) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT encode(a.owner, 'hex') || ' ' || a.currency, sum(b.amount)::bigint "
               "FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id "
               "WHERE a.kind = 'coins' GROUP BY 1"));
  Sums outstanding;
  for (const Row row : rows) outstanding[row.get<std::string>(0)] = row.get<int64_t>(1);
  for (const auto& [owner, advance] : progress.sums.outstanding()) {
    const auto denomination = published.find(owner.substr(0, owner.size() - 4));
    if (denomination == published.end()) continue;  // an account of cheques
    const auto pending = progress.pending.find(owner);
    const int64_t left =
        outstanding[owner] + advance + (pending == progress.pending.end() ? 0 : pending->second);
    if (left < 0) {
      check.violated("denomination " + owner + ": deposits and claims come to " +
                     std::to_string(-left) + " more than was issued");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ClaimAudit> check_claims(Transaction& tx,
                                        const std::optional<protocol::TrustAnchors>& anchors,
                                        const Published& published) {
  ClaimAudit audit;
  for (const char* state : {"filed", "held", "credited", "final"}) audit.states[state] = 0;
  CAFE_ASSIGN_OR_RETURN(const Successors successors, load_successors(tx));
  Progress progress;
  uint64_t after = 0;
  for (;;) {
    CAFE_ASSIGN_OR_RETURN(const auto rows, list_claims(tx, after, kClaimsAtOnce));
    if (rows.empty()) break;
    for (const StoredClaim& row : rows) {
      if (row.number != after + 1) audit.claims.violated("claims are missing in the numbers");
      after = row.number;
      ++audit.claims.examined;
      ++audit.states[row.state];
      const absl::Status status = check_claim(tx, row, anchors, successors, progress, audit);
      if (status.ok()) continue;
      // A statement to the database that fails is the audit's own failure; documents that do not
      // hold are what it looks for.
      if (!is_of_documents(status)) return status;
      audit.claims.violated("claim " + std::to_string(row.number) + ": " +
                            std::string(status.message()));
    }
  }
  CAFE_RETURN_IF_ERROR(check_marks(tx, audit.claims));
  CAFE_RETURN_IF_ERROR(compare_sums(tx, progress.sums, audit.claims));
  CAFE_RETURN_IF_ERROR(check_cover(tx, progress, published, audit.claims));
  audit.cheques = progress.sums.final_cheques;
  return audit;
}

uint64_t ClaimAudit::in_progress() const { return states.at("filed"); }

void ClaimAudit::add_to(Json& audit) const {
  Json rows = Json::array();
  for (const auto& [currency, total] : totals) {
    rows.push_back({{"currency", currency},
                    {"claimed", total.claimed},
                    {"credited", total.credited},
                    {"charged", total.charged},
                    {"uncollected", total.uncollected},
                    {"recovered", total.recovered()},
                    {"pending", total.pending}});
  }
  audit["claims"] = std::move(rows);
  Json by_state = Json::object();
  for (const char* state : {"filed", "held", "credited", "final"}) {
    by_state[state] = states.at(state);
  }
  audit["claims_by_state"] = std::move(by_state);
  Json raised = Json::array();
  for (const ClaimAlarm& alarm : alarms) {
    raised.push_back(
        {{"claim", alarm.number}, {"currency", alarm.currency}, {"overdrawn", alarm.amount}});
  }
  audit["claim_alarms"] = std::move(raised);
}

}  // namespace cafe::cafectl
