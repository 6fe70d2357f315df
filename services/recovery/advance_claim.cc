#include "services/recovery/advance_claim.h"

#include <algorithm>

#include "libs/platform/failpoint.h"
#include "libs/platform/log.h"
#include "libs/storage/ledger_accounts.h"
#include "services/recovery/account.h"
#include "services/recovery/file_claim.h"
#include "services/recovery/gather_spends.h"
#include "services/recovery/plan_step.h"
#include "services/recovery/postings.h"

namespace cafe::recovery {
namespace {

namespace account_kind = storage::account_kind;
using protocol::AccountId;
using storage::Posting;
using storage::Transaction;

// What a step's transaction did.
struct Done {
  bool changed = false;                      // false: the claim had gone on meanwhile
  std::vector<Deducted> added;               // deductions
  std::vector<protocol::ClaimTotal> totals;  // of the statement
  std::map<std::string, uint64_t> borne;     // of cheques, by currency
};

// One run of a step.
struct Run {
  const RecoveryParts& parts;
  const ClaimAtHand& claim;
  const AccountId& heir;
  Step step;
  bool overdrawn;  // the ledger said so before: cheques may have to be borne
  uint64_t now_ms;

  uint64_t number() const { return claim.stored.number; }
  bool is_credit() const { return step == Step::kCredit || step == Step::kSettle; }
  bool is_final() const { return step == Step::kSettle || step == Step::kFinish; }
};

absl::Status post_all(const Run& run, Transaction& tx, std::span<const Posting> postings) {
  for (const Posting& posting : postings) {
    CAFE_RETURN_IF_ERROR(run.parts.ledger.post(tx, posting).status());
  }
  return absl::OkStatus();
}

// Takes a charge from the heir's account, as far as that goes.
absl::Status charge(const Run& run, Transaction& tx, Deducted& deducted) {
  const protocol::Deduction& deduction = deducted.deduction;
  CAFE_ASSIGN_OR_RETURN(const int64_t balance,
                        run.parts.ledger.balance(tx, {.kind = std::string(account_kind::kCustomer),
                                                      .owner = protocol::to_bytes(run.heir),
                                                      .currency = deducted.currency}));
  const uint64_t held = static_cast<uint64_t>(std::max<int64_t>(balance, 0));
  const uint64_t collected = std::min(held, deduction.value);
  deducted.uncollected = deduction.value - collected;
  return run.parts.ledger
      .post(tx, charge_posting(run.number(), run.heir, run.parts.issuer_id,
                               {.key = {deduction.coin, deduction.slot},
                                .denomination = &run.claim.content.denomination(deduction.coin),
                                .value = deduction.value,
                                .collected = collected}))
      .status();
}

// Draws what is left from what was issued and loaded. What the loads do not hold, the issuer bears:
// some guardian is broken, and nothing tells whose.
absl::Status draw(const Run& run, Transaction& tx, const std::map<std::string, Left>& left,
                  Done& done) {
  std::map<std::string, FinalDraw> draws;
  for (const auto& [currency, in_currency] : left) {
    FinalDraw& drawn = draws[currency];
    drawn.left = in_currency;
    if (!run.overdrawn || in_currency.cheques == 0) continue;
    CAFE_ASSIGN_OR_RETURN(
        const int64_t loaded,
        run.parts.ledger.balance(tx, storage::cheques_account(run.parts.issuer_id, currency)));
    const auto held = static_cast<uint64_t>(std::max<int64_t>(loaded, 0));
    if (held >= in_currency.cheques) continue;
    drawn.borne = in_currency.cheques - held;
    done.borne[currency] = drawn.borne;
    CAFE_RETURN_IF_ERROR(
        store::insert_cheque_alarm(tx, run.number(), currency, drawn.borne, run.now_ms));
  }
  return post_all(run, tx, final_postings(run.number(), run.parts.issuer_id, draws));
}

absl::StatusOr<NewStatement> make_statement(const Run& run, std::span<const Deducted> all,
                                            std::span<const protocol::ClaimTotal> totals) {
  protocol::ClaimStatement statement{
      .issuer_id = run.parts.issuer_id,
      .account = run.claim.stored.account,
      .number = run.number(),
      .claim_digest = run.claim.stored.digest,
      .sequence = run.claim.stored.sequence + 1,
      .time_ms = run.now_ms,
      .state = run.is_final() ? protocol::ClaimState::kFinal : protocol::ClaimState::kCredited,
      .deductions = {},
      .totals = {totals.begin(), totals.end()}};
  for (const Deducted& each : all) statement.deductions.push_back(each.deduction);
  CAFE_ASSIGN_OR_RETURN(const protocol::SignedDocument document,
                        run.parts.sign(statement.encode(), run.now_ms));
  return NewStatement{.sequence = statement.sequence,
                      .stage = run.is_final() ? Stage::kFinal : Stage::kCredited,
                      .document = document.encode(),
                      .key_certificate = run.parts.key.certificate.encode(),
                      .credited_to = run.heir,
                      .at_ms = run.now_ms};
}

absl::StatusOr<Done> run_in(const Run& run, Transaction& tx) {
  Done done;
  CAFE_ASSIGN_OR_RETURN(done.changed, store::lock_unchanged(tx, run.claim.stored));
  if (!done.changed) return done;
  const ClaimContent& content = run.claim.content;
  for (const PaidSlot& paid : run.claim.spent) {
    std::optional<Deducted> deducted = deduct(content, paid, !run.is_credit());
    if (!deducted) continue;
    if (!run.is_credit()) CAFE_RETURN_IF_ERROR(charge(run, tx, *deducted));
    done.added.push_back(*std::move(deducted));
  }
  std::vector<Deducted> all = run.claim.before;
  all.insert(all.end(), done.added.begin(), done.added.end());
  std::ranges::sort(all, {}, [](const Deducted& each) {
    return SlotKey{each.deduction.coin, each.deduction.slot};
  });
  CAFE_ASSIGN_OR_RETURN(const auto left, left_of(content, all));
  if (run.is_credit()) {
    CAFE_RETURN_IF_ERROR(
        post_all(run, tx, credit_postings(run.number(), run.heir, run.parts.issuer_id, left)));
  }
  if (run.is_final()) CAFE_RETURN_IF_ERROR(draw(run, tx, left, done));
  CAFE_ASSIGN_OR_RETURN(done.totals, totals_of(content, all));
  CAFE_ASSIGN_OR_RETURN(const NewStatement statement, make_statement(run, all, done.totals));
  CAFE_RETURN_IF_ERROR(
      store::insert_statement(tx, run.number(), statement, done.added, run.claim.payments));
  CAFE_RETURN_IF_ERROR(
      store::move_on(tx, run.number(), statement,
                     next_look_ms(run.claim.stored.due, run.now_ms, run.parts.claim_interval_ms)));
  CAFE_RETURN_IF_ERROR(platform::failpoint("recovery/before-statement-commit"));
  return done;
}

// The ledger refuses what somebody took a moment before; seeing it, the next run takes less.
bool is_short(const absl::Status& status) {
  const std::string reason = protocol::reason_of(status);
  return reason == "OVERDRAWN" || reason == "INSUFFICIENT_FUNDS";
}

void tell(const Run& run, const Done& done) {
  RecoveryMetrics& metrics = run.parts.metrics;
  if (run.is_credit()) metrics.credited(done.totals);
  metrics.deducted(done.added);
  for (const auto& [currency, amount] : done.borne) {
    metrics.cheques_overdrawn(currency, amount);
    platform::log_error(
        "ALARM: more was claimed of cheques than guardians were loaded with; one of them is "
        "broken, and the issuer bears the difference",
        {{"number", run.number()}, {"currency", currency}, {"amount", amount}});
  }
  for (const Deducted& each : done.added) {
    if (each.deduction.code != protocol::Deduction::Code::kPaidAfter) continue;
    platform::log_warning(
        "a slot was paid with after it was claimed; the claim's file proves both",
        {{"number", run.number()}, {"coin", each.deduction.coin}, {"slot", each.deduction.slot}});
  }
  platform::log_info("claim went on",
                     {{"number", run.number()},
                      {"state", stage_name(run.is_final() ? Stage::kFinal : Stage::kCredited)},
                      {"deductions", run.claim.before.size() + done.added.size()}});
}

// Whose account a step credits or charges: the last successor's. What a convicted account claims is
// credited to itself, which is closed, so that it stays against its debts; a later charge takes it
// from there, but from the successor what she was credited with before the conviction.
absl::StatusOr<AccountId> find_heir(const RecoveryParts& parts, const StoredClaim& claim) {
  CAFE_ASSIGN_OR_RETURN(const AccountAnswer answer,
                        parts.withdrawal.account(claim.account, absl::InfiniteFuture()));
  CAFE_ASSIGN_OR_RETURN(const Account account,
                        open_account(answer, claim.account, parts.issuer_id, parts.anchors));
  if (account.standing != Standing::kConvicted) return account.heir();
  CAFE_ASSIGN_OR_RETURN(
      const std::optional<AccountId> credited,
      look(parts.database, [&](Transaction& tx) { return store::credited_to(tx, claim.number); }));
  const bool successor_has_it = credited && *credited != claim.account;
  return successor_has_it ? account.heir() : claim.account;
}

absl::Status put_off(const RecoveryParts& parts, uint64_t number, uint64_t next_ms) {
  return transact(parts.database,
                  [&](Transaction& tx) { return store::set_note(tx, number, "", next_ms); });
}

absl::Status do_step(const RecoveryParts& parts, const ClaimAtHand& claim, Step step,
                     uint64_t now_ms) {
  CAFE_ASSIGN_OR_RETURN(const AccountId heir, find_heir(parts, claim.stored));
  constexpr int kRounds = 4;
  for (int round = 0;; ++round) {
    const Run run{parts, claim, heir, step, /*overdrawn=*/round > 0, now_ms};
    const absl::StatusOr<Done> done =
        transact(parts.database, [&](Transaction& tx) { return run_in(run, tx); });
    if (!done.ok() && is_short(done.status()) && round + 1 < kRounds) continue;
    CAFE_RETURN_IF_ERROR(done.status());
    CAFE_RETURN_IF_ERROR(platform::failpoint("recovery/after-statement"));
    if (done->changed) tell(run, *done);
    return absl::OkStatus();
  }
}

}  // namespace

absl::Status advance_claim(const RecoveryParts& parts, uint64_t number) {
  CAFE_ASSIGN_OR_RETURN(StoredClaim stored, look(parts.database, [&](Transaction& tx) {
                          return store::load_claim(tx, number);
                        }));
  const DueTimes due = stored.due;
  const uint64_t now_ms = unix_ms(parts.clock);
  const Step step = plan_step(stored.stage, stored.kind, due, now_ms);
  switch (step) {
    case Step::kNothing:
      return absl::OkStatus();
    case Step::kWait:
      return put_off(parts, number, due.held_until_ms);
    case Step::kFile:
      return finish_filing(parts, number, absl::InfiniteFuture());
    default:
      break;
  }
  // Before the peers are asked: nothing can be stated now.
  CAFE_RETURN_IF_ERROR(parts.check_key(now_ms));
  CAFE_ASSIGN_OR_RETURN(const ClaimAtHand at_hand, gather_spends(parts, std::move(stored)));
  const bool any = std::ranges::any_of(at_hand.spent, [&](const PaidSlot& paid) {
    return deduct(at_hand.content, paid, true).has_value();
  });
  if (step == Step::kCharge && !any) {
    return put_off(parts, number, next_look_ms(due, now_ms, parts.claim_interval_ms));
  }
  return do_step(parts, at_hand, step, now_ms);
}

}  // namespace cafe::recovery
