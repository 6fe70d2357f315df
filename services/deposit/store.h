// Schema deposit: everything this service reads and writes in PostgreSQL. Errors are those of
// libs/storage/postgres.h.
#pragma once

#include "libs/protocol/deposit.h"
#include "libs/storage/ledger.h"
#include "libs/storage/postgres.h"
#include "services/deposit/check_payments.h"
#include "services/deposit/decide_batch.h"
#include "services/deposit/overdraft.h"
#include "services/deposit/terminals.h"

namespace cafe::deposit {

// A batch as it is stored. `payments` and `refusals` are empty where only its state was asked for.
struct StoredBatch {
  uint64_t batch = 0;
  protocol::PayeeId payee_id;
  protocol::Bytes16 idempotency_key{};
  protocol::Bytes32 order_digest{};
  uint64_t received_ms = 0;
  uint32_t payment_count = 0;
  protocol::Bytes payments;  // encode_list of the encoded payments
  protocol::Bytes refusals;  // encode_list of the reasons
  bool done = false;
};

// What a payee is given for a batch that is done.
struct BatchAnswer {
  protocol::Bytes receipt;          // signed document
  protocol::Bytes key_certificate;  // signed document
  protocol::Bytes evidence;         // encode_evidence
  bool operator==(const BatchAnswer&) const = default;
};

struct NewBatch {
  protocol::DepositOrder order;
  protocol::Bytes32 order_digest;
  protocol::Bytes signed_order;
  protocol::ByteView payments;  // encode_list
  protocol::Bytes refusals;
  uint32_t payment_count;
  uint64_t received_ms;
};

// What is known of a batch once nobody else may settle it.
struct LockedBatch {
  bool done;
  std::optional<protocol::AccountId>
      holder;  // whose account is credited, where its payee holds one
};

struct StoppedDenomination {
  protocol::DenomId denom_id;
  std::string reason;
};

// What there is to know before a deposit is taken, as of one moment.
struct AdmissionFacts {
  bool payee_closed = false;
  std::optional<EnrolledTerminal> terminal;  // that signed the order
  std::optional<StoredBatch> known;          // under the order's idempotency key, without payments
  absl::flat_hash_set<protocol::DenomId> stopped;
};

// A terminal that asks for an authorization.
struct Asker {
  protocol::PayeeId payee_id;
  protocol::TerminalId terminal_id;
  bool operator==(const Asker&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const Asker& asker) {
    return H::combine(std::move(h), asker.payee_id, asker.terminal_id);
  }
};
struct AskerFacts {
  bool payee_closed = false;
  std::optional<EnrolledTerminal> terminal;
};
// What there is to know before questions are answered, as of one moment.
struct QuestionFacts {
  absl::flat_hash_map<Asker, AskerFacts> askers;  // those whose payee is enrolled
  absl::flat_hash_set<protocol::DenomId> stopped;
  absl::flat_hash_set<VoidedTerms> voided;
};

// A terminal's signed refusal, verified.
struct Refused {
  VoidedTerms terms;
  protocol::ByteView refusal;     // signed document
  protocol::ByteView credential;  // protocol::PayeeCredential of the key that signed it
};

// Each function runs one statement or two within the caller's transaction.
namespace store {

using storage::Transaction;

// UNAUTHENTICATED UNKNOWN_PAYEE.
absl::StatusOr<AdmissionFacts> read_admission(Transaction& tx, const protocol::DepositOrder& order);

// `askers`: each once, at least one. `terms_digests`: of all questions' terms. One statement.
absl::StatusOr<QuestionFacts> read_questions(Transaction& tx, std::span<const Asker> askers,
                                             std::span<const protocol::Bytes32> terms_digests);

// Those of the payee's terminals that are among `ids`.
absl::StatusOr<std::vector<EnrolledTerminal>> find_terminals(
    Transaction& tx, const protocol::PayeeId& payee_id, std::span<const protocol::TerminalId> ids);

// The batch under a payee's idempotency key, without its payments.
absl::StatusOr<std::optional<StoredBatch>> find_batch(Transaction& tx,
                                                      const protocol::PayeeId& payee_id,
                                                      const protocol::Bytes16& idempotency_key);
// NOT_FOUND UNKNOWN_BATCH.
absl::StatusOr<StoredBatch> load_batch(Transaction& tx, uint64_t batch);
// The answer of a batch that is done.
absl::StatusOr<BatchAnswer> load_answer(Transaction& tx, uint64_t batch);
// Its number, or nothing where the payee's idempotency key is taken.
absl::StatusOr<std::optional<uint64_t>> insert_batch(Transaction& tx, const NewBatch& batch);
// Locks the batch until the transaction ends.
absl::StatusOr<LockedBatch> lock_batch(Transaction& tx, uint64_t batch);
absl::Status finish_batch(Transaction& tx, uint64_t batch, const BatchAnswer& answer);
// Up to `limit` numbers, ascending, above `after`, of batches that were received before and are not
// done.
absl::StatusOr<std::vector<uint64_t>> list_unfinished(Transaction& tx, uint64_t after,
                                                      uint64_t received_before_ms, int limit);

// The facts of section 9 for these slots (those that another payment held), under the lock of the
// payee's cover; `stopped` is left to stopped_denominations.
absl::Status read_cover_facts(Transaction& tx, std::span<const SlotKey> slots,
                              std::span<const uint64_t> first_batches, BatchFacts& facts);
absl::Status insert_spent_before(Transaction& tx, uint64_t batch, const BatchFacts& facts,
                                 std::span<const SpentBefore> rows);

// What is void of terms with these digests. One statement.
absl::StatusOr<absl::flat_hash_set<VoidedTerms>> find_voided(
    Transaction& tx, std::span<const protocol::Bytes32> terms_digests);
// The first refusal of terms stays.
absl::Status insert_voided(Transaction& tx, const Refused& refused, uint64_t now_ms);

absl::Status insert_cheque_alarms(Transaction& tx, uint64_t batch,
                                  std::span<const ChequeAlarm> alarms, uint64_t now_ms);

// Enrols the holder of an account as a payee: her key K, and the credential that certifies it. The
// same again changes nothing. ALREADY_EXISTS: PAYEE_EXISTS, TERMINAL_EXISTS (others under her ids).
absl::Status enrol_holder(Transaction& tx, const protocol::AccountId& account,
                          const protocol::Point& key, protocol::ByteView credential);

absl::StatusOr<absl::flat_hash_set<protocol::Bytes32>> find_authorized(
    Transaction& tx, std::span<const protocol::Bytes32> payment_digests);
// Each payment once. Granting one again prolongs it. One statement.
absl::Status insert_authorizations(Transaction& tx,
                                   std::span<const protocol::Authorization* const> granted,
                                   uint64_t now_ms);

absl::StatusOr<absl::flat_hash_set<protocol::DenomId>> stopped_denominations(Transaction& tx);
// Whether it is newly stopped.
absl::StatusOr<bool> stop_denomination(Transaction& tx, const protocol::DenomId& denom_id,
                                       std::string_view issuer_id, uint64_t batch,
                                       std::string_view reason, uint64_t now_ms);
absl::StatusOr<std::vector<StoppedDenomination>> list_unacknowledged_stops(Transaction& tx);
absl::Status acknowledge_stop(Transaction& tx, const protocol::DenomId& denom_id, uint64_t now_ms);

// The issuer's signed lists, in ascending order of their numbers.
absl::StatusOr<std::vector<protocol::Bytes>> load_lists(Transaction& tx,
                                                        std::string_view issuer_id);
// Does nothing where a list of this number is stored.
absl::Status insert_list(Transaction& tx, std::string_view issuer_id, uint32_t number,
                         protocol::ByteView document, uint64_t now_ms);

}  // namespace store
}  // namespace cafe::deposit
