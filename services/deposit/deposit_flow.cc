#include "services/deposit/deposit_flow.h"

#include <set>

#include "libs/platform/failpoint.h"
#include "libs/platform/log.h"
#include "services/deposit/callers.h"
#include "services/deposit/parallel.h"

namespace cafe::deposit {
namespace {

using platform::failpoint;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::make_error;
using protocol::PayeeId;
using protocol::reason_of;
using protocol::TerminalId;
using storage::Transaction;

// The least number of payments that is worth another thread. Checks of many at once are cheaper
// each, so halving a small batch gains nothing.
constexpr size_t kLeastToRead = 64;
constexpr size_t kLeastToCheck = 250;

// Times one step.
class Step {
 public:
  Step(DepositMetrics& metrics, std::string_view name)
      : metrics_(metrics), name_(name), began_(std::chrono::steady_clock::now()) {}
  ~Step() { metrics_.took(name_, absl::FromChrono(std::chrono::steady_clock::now() - began_)); }

 private:
  DepositMetrics& metrics_;
  const std::string_view name_;
  const std::chrono::steady_clock::time_point began_;
};

absl::Status key_reused() {
  return make_error(absl::StatusCode::kAlreadyExists, "IDEMPOTENCY_KEY_REUSED",
                    "Another order was deposited under this idempotency key: take a new one.");
}

// Her account is credited, or nobody's.
absl::Status not_the_holder() {
  return make_error(absl::StatusCode::kAlreadyExists, "PAYEE_EXISTS",
                    "A payee that holds no account is enrolled under the holder's id: the operator "
                    "has to look at it.");
}

absl::Status as_denied(const absl::Status& status) {
  return make_error(absl::StatusCode::kPermissionDenied, reason_of(status),
                    std::string(status.message()));
}

// Step 3 failed: the client's request was right, whatever the coin store says.
absl::Status not_recorded(const absl::Status& status) {
  platform::log_warning("the coin store did not record a batch", {{"status", status}});
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
      return make_error(absl::StatusCode::kUnavailable, "COIN_STORE_UNAVAILABLE",
                        "The batch is stored and will be settled: send the same order again for "
                        "its receipt.");
    default:
      return absl::InternalError(std::string("the coin store: ") + std::string(status.message()));
  }
}

// Those that the payee's payments name and that are not known yet.
std::vector<TerminalId> missing_terminals(std::span<const ReadPayment> payments,
                                          const PayeeId& payee_id, const Terminals& known) {
  std::set<TerminalId> ids;
  for (const ReadPayment& payment : payments) {
    if (payment.terms && payment.terms->payee_id == payee_id &&
        !known.contains(payment.terms->terminal_id)) {
      ids.insert(payment.terms->terminal_id);
    }
  }
  return {ids.begin(), ids.end()};
}

// One whose credential does not hold is logged and left out.
void open_into(TerminalOpener& opener, const EnrolledTerminal& row, Terminals& terminals) {
  absl::StatusOr<Terminal> terminal = opener.open(row);
  if (terminal.ok()) {
    terminals.emplace(row.terminal_id, *std::move(terminal));
  } else {
    platform::log_error("a terminal cannot be used",
                        {{"terminal", row.terminal_id.hex()}, {"status", terminal.status()}});
  }
}

// Counts a batch as computing while it lives.
class Computing {
 public:
  explicit Computing(std::atomic<size_t>& count) : count_(count), at_once_(++count) {}
  ~Computing() { --count_; }
  // How many threads may help: none where other batches use the cores already.
  size_t helpers(size_t threads) const { return at_once_ > 1 ? 0 : threads; }

 private:
  std::atomic<size_t>& count_;
  const size_t at_once_;
};

bool has_unknown_denomination(std::span<const ReadPayment> payments,
                              const protocol::DenominationTable& table) {
  for (const ReadPayment& payment : payments) {
    if (!payment.payment) continue;
    for (const protocol::Coin& coin : payment.payment->coins) {
      if (table.find(coin.denom_id) == nullptr) return true;
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<AdmissionFacts> DepositFlow::read_admission(const ReadOrder& order) const {
  return parts_.database.transaction({.read_only = true, .idempotent = true}, [&](Transaction& tx) {
    return store::read_admission(tx, order.order);
  });
}

// Step 0.
absl::StatusOr<DepositFlow::Admitted> DepositFlow::admit(const ReadOrder& order,
                                                         const std::optional<Holder>& holder,
                                                         uint64_t now_ms) const {
  const Step step(parts_.metrics, "admit");
  absl::StatusOr<AdmissionFacts> read = read_admission(order);
  if (holder && reason_of(read.status()) == "UNKNOWN_PAYEE") {
    CAFE_RETURN_IF_ERROR(transact(parts_.database, [&](Transaction& tx) {
      return store::enrol_holder(tx, holder->account, holder->key, holder->credential);
    }));
    read = read_admission(order);
  }
  CAFE_RETURN_IF_ERROR(read.status());
  AdmissionFacts facts = *std::move(read);
  Admitted admitted{.known = {}, .terminals = {}, .stopped = std::move(facts.stopped)};
  if (facts.terminal) open_into(parts_.terminals, *facts.terminal, admitted.terminals);
  const auto terminal = admitted.terminals.find(order.order.terminal_id);
  if (terminal == admitted.terminals.end()) return unknown_terminal();
  if (holder && !terminal->second.is_holder) return not_the_holder();
  CAFE_RETURN_IF_ERROR(order.document.check(terminal->second.certificate.key));

  if (facts.known) {
    if (facts.known->order_digest != order.digest) return key_reused();
    admitted.known = std::move(facts.known);
    return admitted;
  }
  if (facts.payee_closed) return payee_closed();
  if (const absl::Status usable = check_terminal_at(terminal->second, now_ms); !usable.ok()) {
    return as_denied(usable);
  }
  return admitted;
}

absl::Status DepositFlow::add_terminals(const PayeeId& payee_id,
                                        std::span<const ReadPayment> payments,
                                        Terminals& terminals) const {
  const std::vector<TerminalId> missing = missing_terminals(payments, payee_id, terminals);
  if (missing.empty()) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(
      const std::vector<EnrolledTerminal> enrolled,
      parts_.database.transaction({.read_only = true, .idempotent = true}, [&](Transaction& tx) {
        return store::find_terminals(tx, payee_id, missing);
      }));
  for (const EnrolledTerminal& row : enrolled) open_into(parts_.terminals, row, terminals);
  return absl::OkStatus();
}

absl::StatusOr<absl::flat_hash_set<VoidedTerms>> DepositFlow::find_voided(
    std::span<const ReadPayment> payments) const {
  std::vector<Bytes32> digests;
  for (const ReadPayment& payment : payments) {
    if (payment.payment) digests.push_back(payment.payment->terms.digest());
  }
  if (digests.empty()) return absl::flat_hash_set<VoidedTerms>();
  return parts_.database.transaction(
      {.read_only = true, .idempotent = true, .single_statement = true},
      [&](Transaction& tx) { return store::find_voided(tx, digests); });
}

std::vector<ReadPayment> DepositFlow::read_all(std::span<const Bytes> payments) const {
  const Computing computing(computing_);
  std::vector<ReadPayment> read(payments.size());
  parallel_for(parts_.check_pool, computing.helpers(parts_.check_threads), payments.size(),
               kLeastToRead, [&](size_t begin, size_t end) {
                 for (size_t i = begin; i < end; ++i) read[i] = read_payment(payments[i]);
               });
  return read;
}

std::vector<CheckedPayment> DepositFlow::check_all(std::span<const Candidate> candidates,
                                                   const CheckContext& context) const {
  const Computing computing(computing_);
  std::vector<CheckedPayment> checked(candidates.size());
  parallel_for(parts_.check_pool, computing.helpers(parts_.check_threads), candidates.size(),
               kLeastToCheck, [&](size_t begin, size_t end) {
                 std::vector<CheckedPayment> part =
                     check_payments(candidates.subspan(begin, end - begin), context);
                 std::move(part.begin(), part.end(),
                           checked.begin() + static_cast<ptrdiff_t>(begin));
               });
  return checked;
}

// Checks again, without the limit, what is above it and was authorized on line. Only such payments
// are worth a look at the authorizations.
absl::Status DepositFlow::check_authorized(std::span<const Bytes> payments,
                                           std::span<Candidate> candidates,
                                           const CheckContext& context,
                                           std::vector<CheckedPayment>& checked) const {
  std::vector<size_t> above;
  std::vector<Bytes32> digests;
  for (size_t i = 0; i < checked.size(); ++i) {
    if (checked[i].refusal != kAuthorizationNeeded) continue;
    above.push_back(i);
    digests.push_back(opening_digest(payments[i], *candidates[i].payment->payment));
  }
  if (above.empty()) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(
      const absl::flat_hash_set<Bytes32> authorized,
      parts_.database.transaction({.read_only = true, .idempotent = true}, [&](Transaction& tx) {
        return store::find_authorized(tx, digests);
      }));
  std::vector<Candidate> again;
  for (size_t n = 0; n < above.size(); ++n) {
    if (!authorized.contains(digests[n])) continue;
    again.push_back(candidates[above[n]]);
    again.back().authorized = true;
  }
  std::vector<CheckedPayment> rechecked = check_all(again, context);
  for (size_t n = 0; n < again.size(); ++n) checked[again[n].index] = std::move(rechecked[n]);
  return absl::OkStatus();
}

// Step 1.
absl::StatusOr<std::vector<CheckedPayment>> DepositFlow::check(const ReadOrder& order,
                                                               Admitted& admitted,
                                                               std::span<const Bytes> payments,
                                                               uint64_t received_ms) const {
  const PayeeId& payee_id = order.order.payee_id;
  const std::vector<ReadPayment> read = read_all(payments);
  CAFE_ASSIGN_OR_RETURN(auto table, parts_.denominations.table());
  if (has_unknown_denomination(read, *table)) {
    parts_.denominations.refresh_for_unknown();
    CAFE_ASSIGN_OR_RETURN(table, parts_.denominations.table());
  }
  CAFE_RETURN_IF_ERROR(add_terminals(payee_id, read, admitted.terminals));
  CAFE_ASSIGN_OR_RETURN(auto voided, find_voided(read));

  const CheckContext context{.denominations = *table,
                             .stopped = admitted.stopped,
                             .acquirer_id = parts_.issuer_id,
                             .received_ms = received_ms,
                             .anchors = parts_.anchors,
                             .voided = std::move(voided)};
  std::vector<Candidate> candidates;
  candidates.reserve(read.size());
  for (const ReadPayment& payment : read) {
    candidates.push_back(candidate_of(payment, static_cast<uint32_t>(candidates.size()), payee_id,
                                      admitted.terminals));
  }
  std::vector<CheckedPayment> checked = check_all(candidates, context);
  CAFE_RETURN_IF_ERROR(check_authorized(payments, candidates, context, checked));
  CAFE_RETURN_IF_ERROR(check_total(checked));
  return checked;
}

// Steps 1 and 2.
absl::StatusOr<CheckedBatch> DepositFlow::check_and_store(const ReadOrder& order,
                                                          Admitted& admitted,
                                                          std::span<const Bytes> payments,
                                                          uint64_t received_ms) {
  std::vector<CheckedPayment> checked;
  {
    const Step step(parts_.metrics, "check");
    CAFE_ASSIGN_OR_RETURN(checked, check(order, admitted, payments, received_ms));
  }
  CAFE_RETURN_IF_ERROR(failpoint("deposit/after-check"));

  const Step step(parts_.metrics, "store");
  std::vector<std::string> refusals;
  for (const CheckedPayment& payment : checked) refusals.push_back(payment.refusal);
  const NewBatch fresh{.order = order.order,
                       .order_digest = order.digest,
                       .signed_order = order.document.encode(),
                       .payments = order.payments,
                       .refusals = encode_list(refusals),
                       .payment_count = static_cast<uint32_t>(payments.size()),
                       .received_ms = received_ms};
  struct Stored {
    uint64_t batch;
    bool by_us;
  };
  // Who loses the race for the key goes on with what the winner stored. So does who stored it in a
  // commit that was in doubt.
  CAFE_ASSIGN_OR_RETURN(
      const Stored stored,
      transact(parts_.database, [&](Transaction& tx) -> absl::StatusOr<Stored> {
        CAFE_ASSIGN_OR_RETURN(const std::optional<uint64_t> number, store::insert_batch(tx, fresh));
        if (number) return Stored{*number, true};
        CAFE_ASSIGN_OR_RETURN(
            const std::optional<StoredBatch> known,
            store::find_batch(tx, fresh.order.payee_id, fresh.order.idempotency_key));
        if (!known || known->order_digest != fresh.order_digest) return key_reused();
        return Stored{known->batch, false};
      }));
  if (!stored.by_us) return load(stored.batch);
  return CheckedBatch{{.batch = stored.batch,
                       .payee_id = fresh.order.payee_id,
                       .idempotency_key = fresh.order.idempotency_key,
                       .order_digest = fresh.order_digest,
                       .received_ms = fresh.received_ms,
                       .payment_count = fresh.payment_count,
                       .payments = {},
                       .refusals = {}},
                      std::move(checked)};
}

// A batch that is stored, as step 2 left it.
absl::StatusOr<CheckedBatch> DepositFlow::load(uint64_t batch) const {
  CAFE_ASSIGN_OR_RETURN(
      StoredBatch stored,
      parts_.database.transaction({.read_only = true, .idempotent = true},
                                  [&](Transaction& tx) { return store::load_batch(tx, batch); }));
  CAFE_ASSIGN_OR_RETURN(const std::vector<Bytes> payments,
                        decode_list(stored.payments, stored.payment_count));
  CAFE_ASSIGN_OR_RETURN(const std::vector<std::string> refusals,
                        decode_texts(stored.refusals, stored.payment_count));
  CAFE_ASSIGN_OR_RETURN(const auto table, parts_.denominations.table());
  CAFE_ASSIGN_OR_RETURN(std::vector<CheckedPayment> checked,
                        restore_payments(read_all(payments), refusals, *table));
  return CheckedBatch{std::move(stored), std::move(checked)};
}

absl::StatusOr<BatchAnswer> DepositFlow::answer_of(uint64_t batch) const {
  return parts_.database.transaction({.read_only = true, .idempotent = true}, [&](Transaction& tx) {
    return store::load_answer(tx, batch);
  });
}

// Steps 3 and 4.
absl::StatusOr<BatchAnswer> DepositFlow::settle(const CheckedBatch& batch,
                                                absl::Time no_later_than) {
  std::vector<SpentSlot> slots;
  for (const CheckedPayment& payment : batch.payments) {
    slots.insert(slots.end(), payment.slots.begin(), payment.slots.end());
  }
  std::vector<RecordedSlot> recorded;
  if (!slots.empty()) {
    const Step step(parts_.metrics, "record");
    absl::StatusOr<std::vector<RecordedSlot>> answers =
        parts_.coin_store.record(batch.stored.batch, slots, no_later_than);
    if (!answers.ok()) return not_recorded(answers.status());
    recorded = *std::move(answers);
  }
  CAFE_RETURN_IF_ERROR(failpoint("deposit/after-record"));
  const Step step(parts_.metrics, "credit");
  return credit_batch(parts_, batch, recorded, on_stop_);
}

absl::StatusOr<BatchAnswer> DepositFlow::deposit(protocol::ByteView order_bytes,
                                                 std::span<const Bytes> payments,
                                                 protocol::ByteView holder_credential,
                                                 absl::Time no_later_than) {
  const uint64_t now_ms = unix_ms(parts_.clock);
  CAFE_ASSIGN_OR_RETURN(const ReadOrder order,
                        read_order(order_bytes, payments, parts_.issuer_id, max_batch_));
  std::optional<Holder> holder;
  if (!holder_credential.empty()) {
    CAFE_ASSIGN_OR_RETURN(holder,
                          read_holder(holder_credential, order, parts_.anchors, parts_.issuer_id));
  }
  CAFE_ASSIGN_OR_RETURN(Admitted admitted, admit(order, holder, now_ms));
  if (const auto& known = admitted.known) {
    return known->done ? answer_of(known->batch) : finish(known->batch, no_later_than);
  }
  CAFE_ASSIGN_OR_RETURN(const CheckedBatch batch,
                        check_and_store(order, admitted, payments, now_ms));
  CAFE_RETURN_IF_ERROR(failpoint("deposit/after-store"));
  if (batch.stored.done) return answer_of(batch.stored.batch);
  return settle(batch, no_later_than);
}

absl::StatusOr<BatchAnswer> DepositFlow::finish(uint64_t batch, absl::Time no_later_than) {
  CAFE_ASSIGN_OR_RETURN(const CheckedBatch loaded, load(batch));
  if (loaded.stored.done) return answer_of(batch);
  return settle(loaded, no_later_than);
}

}  // namespace cafe::deposit
