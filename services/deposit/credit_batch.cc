#include "services/deposit/credit_batch.h"

#include "libs/platform/failpoint.h"
#include "services/deposit/cheque_spends.h"
#include "services/deposit/overdraft.h"
#include "services/deposit/postings.h"

namespace cafe::deposit {
namespace {

using protocol::Receipt;
using protocol::SignedDocument;
using storage::Transaction;

constexpr std::string_view kOverdrawn = "OVERDRAWN";

// One run of the transaction.
struct Attempt {
  BatchAnswer answer;
  std::optional<Receipt> receipt;  // where it was signed now, and not before
  std::vector<ChequeAlarm> alarms;
};

// Double slots with the batches that hold their first spends.
struct Doubles {
  std::vector<SlotKey> slots;
  std::vector<uint64_t> first_batches;
};

Doubles doubles_of(const CheckedBatch& batch, std::span<const RecordedSlot> recorded) {
  Doubles doubles;
  auto answer = recorded.begin();
  for (const CheckedPayment& payment : batch.payments) {
    for (const SpentSlot& slot : payment.slots) {
      if (answer == recorded.end()) return doubles;  // decide_batch says what is wrong
      if (answer->outcome == RecordedSlot::Outcome::kDouble) {
        doubles.slots.emplace_back(slot.coin_id, slot.slot);
        doubles.first_batches.push_back(answer->other_batch);
      }
      ++answer;
    }
  }
  return doubles;
}

absl::StatusOr<BatchFacts> read_facts(Transaction& tx, const CheckedBatch& batch,
                                      std::span<const RecordedSlot> recorded) {
  BatchFacts facts{.payee_id = batch.stored.payee_id,
                   .received_ms = batch.stored.received_ms,
                   .stopped = {},
                   .first_deposits = {},
                   .had = {},
                   .cover_currency = {}};
  CAFE_ASSIGN_OR_RETURN(facts.stopped, store::stopped_denominations(tx));
  // Without double spends the payee's batches do not wait for each other.
  const Doubles doubles = doubles_of(batch, recorded);
  if (!doubles.slots.empty()) {
    CAFE_RETURN_IF_ERROR(store::read_cover_facts(tx, doubles.slots, doubles.first_batches, facts));
  }
  return facts;
}

Receipt receipt_of(const DepositParts& parts, const StoredBatch& stored,
                   const BatchDecision& decision) {
  return {.acquirer_id = parts.issuer_id,
          .payee_id = stored.payee_id,
          .idempotency_key = stored.idempotency_key,
          .order_digest = stored.order_digest,
          .batch = stored.batch,
          .time_ms = stored.received_ms,
          .verdicts = decision.verdicts};
}

// `attempted` is left as what this run tried to move, also where the ledger refused it.
// `overdrawn`: that it refused it before, so that cheques may have to be borne.
absl::StatusOr<Attempt> credit_in(Transaction& tx, const DepositParts& parts,
                                  const CheckedBatch& batch, std::span<const RecordedSlot> recorded,
                                  bool overdrawn, std::map<std::string, Movement>& attempted) {
  const uint64_t number = batch.stored.batch;
  CAFE_ASSIGN_OR_RETURN(const LockedBatch locked, store::lock_batch(tx, number));
  if (locked.done) {
    CAFE_ASSIGN_OR_RETURN(BatchAnswer answer, store::load_answer(tx, number));
    return Attempt{std::move(answer), std::nullopt, {}};
  }
  CAFE_ASSIGN_OR_RETURN(const BatchFacts facts, read_facts(tx, batch, recorded));
  CAFE_ASSIGN_OR_RETURN(BatchDecision decision, decide_batch(batch.payments, recorded, facts));
  attempted = decision.movements;
  std::vector<ChequeAlarm> alarms;
  if (overdrawn) {
    CAFE_ASSIGN_OR_RETURN(
        alarms, bear_overdraft(decision.movements, [&](const storage::AccountRef& account) {
          return parts.ledger.balance(tx, account);
        }));
  }
  Receipt receipt = receipt_of(parts, batch.stored, decision);
  BatchAnswer answer{SignedDocument::sign(receipt.encode(), parts.key.key).encode(),
                     parts.key.certificate.encode(), encode_evidence(decision.evidence)};

  CAFE_RETURN_IF_ERROR(store::insert_spent_before(tx, number, facts, decision.spent_before));
  CAFE_RETURN_IF_ERROR(store::insert_cheque_spends(tx, number, decision.cheque_spends));
  CAFE_ASSIGN_OR_RETURN(
      const std::vector<storage::Posting> postings,
      postings_of(number, {batch.stored.payee_id, locked.holder}, decision.movements));
  for (const storage::Posting& posting : postings) {
    CAFE_RETURN_IF_ERROR(parts.ledger.post(tx, posting).status());
  }
  CAFE_RETURN_IF_ERROR(store::insert_cheque_alarms(tx, number, alarms, unix_ms(parts.clock)));
  CAFE_RETURN_IF_ERROR(store::finish_batch(tx, number, answer));
  CAFE_RETURN_IF_ERROR(platform::failpoint("deposit/before-credit-commit"));
  return Attempt{std::move(answer), std::move(receipt), std::move(alarms)};
}

}  // namespace

absl::StatusOr<BatchAnswer> credit_batch(const DepositParts& parts, const CheckedBatch& batch,
                                         std::span<const RecordedSlot> recorded,
                                         const std::function<void()>& on_stop) {
  // Each round but the last stops at least one more denomination, met a withdrawal or a load that
  // was still under way, or lost what cheques took to another batch.
  constexpr int kRounds = 8;
  absl::StatusOr<Attempt> attempt = absl::InternalError("the credit did not run");
  for (int round = 0; round < kRounds; ++round) {
    std::map<std::string, Movement> attempted;
    attempt = transact(parts.database, [&](Transaction& tx) {
      return credit_in(tx, parts, batch, recorded, round > 0, attempted);
    });
    if (protocol::reason_of(attempt.status()) != kOverdrawn) break;
    CAFE_ASSIGN_OR_RETURN(const int stopped, stop_overdrawn(parts, batch.stored.batch, attempted));
    if (stopped > 0) on_stop();
  }
  CAFE_RETURN_IF_ERROR(attempt.status());
  if (attempt->receipt) parts.metrics.settled(*attempt->receipt);
  raise(parts, batch.stored.batch, attempt->alarms);
  CAFE_RETURN_IF_ERROR(platform::failpoint("deposit/after-credit"));
  return std::move(attempt->answer);
}

}  // namespace cafe::deposit
