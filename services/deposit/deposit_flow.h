// A deposit from its order to its receipt, in steps that survive a crash anywhere:
//   (0) whose order is it, and is it known already?  (1) check all payments
//   (2) store the batch                              (3) record it in the coin store
//   (4) credit it and sign its receipt, in one transaction (credit_batch.h)
// A retry of the order, or the sweeper, goes on after the last step that was done. Steps 3 and 4
// may be run any number of times, by several at once.
#pragma once

#include <atomic>

#include "services/deposit/credit_batch.h"
#include "services/deposit/holder_order.h"
#include "services/deposit/order.h"

namespace cafe::deposit {

// Thread-safe.
class DepositFlow {
 public:
  // `on_stop` is called when a denomination was stopped.
  DepositFlow(const DepositParts& parts, size_t max_batch, std::function<void()> on_stop)
      : parts_(parts), max_batch_(max_batch), on_stop_(std::move(on_stop)) {}

  // The whole of it. The same order again gets the same answer. Errors, beside those of read_order,
  // the database and the peers: UNAUTHENTICATED (UNKNOWN_PAYEE, UNKNOWN_TERMINAL, BAD_SIGNATURE),
  // PERMISSION_DENIED (PAYEE_CLOSED, TERMINAL_REVOKED, KEY_EXPIRED), ALREADY_EXISTS
  // (IDEMPOTENCY_KEY_REUSED), UNAVAILABLE (DENOMINATIONS_UNKNOWN; COIN_STORE_UNAVAILABLE: the batch
  // is stored, send it again). Revocation and closing do not hide a receipt that is owed already.
  // `holder_credential`: of an account holder who pays money back, for her errors see read_holder
  // and store::enrol_holder; empty for terminals.
  absl::StatusOr<BatchAnswer> deposit(protocol::ByteView order,
                                      std::span<const protocol::Bytes> payments,
                                      protocol::ByteView holder_credential,
                                      absl::Time no_later_than);

  // Goes on with a batch that is stored.
  absl::StatusOr<BatchAnswer> finish(uint64_t batch, absl::Time no_later_than);

 private:
  // What the reads at the beginning find: the terminal that signed the order, and what is stopped.
  struct Admitted {
    std::optional<StoredBatch> known;  // a batch under the order's key already
    Terminals terminals;
    absl::flat_hash_set<protocol::DenomId> stopped;
  };
  absl::StatusOr<AdmissionFacts> read_admission(const ReadOrder& order) const;
  absl::StatusOr<Admitted> admit(const ReadOrder& order, const std::optional<Holder>& holder,
                                 uint64_t now_ms) const;
  absl::Status add_terminals(const protocol::PayeeId& payee_id,
                             std::span<const ReadPayment> payments, Terminals& terminals) const;
  absl::StatusOr<absl::flat_hash_set<VoidedTerms>> find_voided(
      std::span<const ReadPayment> payments) const;
  std::vector<ReadPayment> read_all(std::span<const protocol::Bytes> payments) const;
  std::vector<CheckedPayment> check_all(std::span<const Candidate> candidates,
                                        const CheckContext& context) const;
  absl::Status check_authorized(std::span<const protocol::Bytes> payments,
                                std::span<Candidate> candidates, const CheckContext& context,
                                std::vector<CheckedPayment>& checked) const;
  absl::StatusOr<std::vector<CheckedPayment>> check(const ReadOrder& order, Admitted& admitted,
                                                    std::span<const protocol::Bytes> payments,
                                                    uint64_t received_ms) const;
  absl::StatusOr<CheckedBatch> check_and_store(const ReadOrder& order, Admitted& admitted,
                                               std::span<const protocol::Bytes> payments,
                                               uint64_t received_ms);
  absl::StatusOr<CheckedBatch> load(uint64_t batch) const;
  absl::StatusOr<BatchAnswer> settle(const CheckedBatch& batch, absl::Time no_later_than);
  absl::StatusOr<BatchAnswer> answer_of(uint64_t batch) const;

  const DepositParts& parts_;
  const size_t max_batch_;
  const std::function<void()> on_stop_;
  mutable std::atomic<size_t> computing_ = 0;  // batches that are read or checked at the moment
};

}  // namespace cafe::deposit
