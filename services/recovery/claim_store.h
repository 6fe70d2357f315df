// Claims in PostgreSQL: everything that this service reads and writes of them. Errors are those of
// libs/storage/postgres.h.
#pragma once

#include "libs/protocol/hotlist.h"
#include "libs/storage/postgres.h"
#include "services/recovery/claim_fault.h"
#include "services/recovery/due.h"
#include "services/recovery/peers.h"
#include "services/recovery/settle.h"

namespace cafe::recovery {

// Where a claim stands; it only ever goes on.
enum class Stage {
  kFiled,     // stored; its slots may not be marked in the coin store yet
  kHeld,      // they are; the claimant has her receipt
  kCredited,  // what was left is credited; later payments are charged
  kFinal,
};
std::string_view stage_name(Stage stage);
std::string_view kind_name(protocol::ClaimKind kind);

// What its filing is answered with.
struct ClaimAnswer {
  uint64_t number;
  Stage stage;
  protocol::Bytes receipt;          // signed document
  protocol::Bytes key_certificate;  // signed document
};

struct NewClaim {
  uint64_t number;  // of next_number, in the same transaction
  protocol::Bytes32 digest;
  const ClaimContent& content;
  DueTimes due;
  uint64_t filed_ms;
  protocol::Bytes file;  // encoded ClaimFile, without statements and payments
  protocol::Bytes receipt;
  protocol::Bytes key_certificate;
};

struct StoredClaim {
  uint64_t number;
  protocol::Bytes32 digest;
  protocol::AccountId account;
  protocol::AccountId claimant;
  protocol::ClaimKind kind;
  Stage stage;
  uint32_t sequence;  // of its last statement
  DueTimes due;
  protocol::Bytes file;
};

struct NewStatement {
  uint32_t sequence;
  Stage stage;
  protocol::Bytes document;
  protocol::Bytes key_certificate;
  protocol::AccountId credited_to;
  uint64_t at_ms;
};

// What GetClaim shows beside the file.
struct ClaimHistory {
  struct Statement {
    protocol::Bytes document;
    protocol::Bytes key_certificate;
  };
  struct Payment {  // that deductions stand on
    protocol::Bytes payment;
    protocol::Bytes credential;
    uint32_t spend;  // of the first
  };
  std::vector<Statement> statements;  // by sequence
  std::vector<Payment> payments;      // each once, as the deductions first name it
};

// A slot of a claim of all cheques that a claim of payments has.
struct SlotElsewhere {
  SlotKey key;      // in the claim of cheques
  uint64_t number;  // the other claim
  SlotKey other;    // in it
};

struct ClaimRow {
  uint64_t number;
  protocol::AccountId account;
  protocol::AccountId claimant;
  std::string kind;
  std::string state;
  uint64_t filed_ms;
  DueTimes due;
  uint32_t coins;
  std::string note;
};

// Each function runs one statement or two within the caller's transaction.
namespace store {

using storage::Transaction;

absl::StatusOr<std::optional<ClaimAnswer>> find_claim(Transaction& tx,
                                                      const protocol::Bytes32& digest);
// The next claim's number. Until the transaction ends nobody else files: what find_claimed says
// holds until then, and claims commit in the order of their numbers.
absl::StatusOr<uint64_t> next_number(Transaction& tx);
// CLAIMED_BEFORE of the first coin that another claim stands against: a claimed slot, another coin
// of its session, or another session of the coin; of the whole claim where all cheques of the
// account are claimed.
absl::StatusOr<std::optional<ClaimFault>> find_claimed(Transaction& tx,
                                                       const ClaimContent& content);
absl::Status insert_claim(Transaction& tx, const NewClaim& claim);

// Those of its slots that no earlier claim has. Their spends are kept until the claim is final, and
// a month longer, for a worker that was down then. Cheques that are claimed all together are left
// out where their deposit deadline had passed when the claim was filed: nobody takes them any more,
// the coin store may have dropped their month, and it is not asked what they spent.
absl::StatusOr<std::vector<MarkedCoin>> coins_to_mark(Transaction& tx, uint64_t number);
// From filed to held; nothing where it went on already.
absl::Status hold(Transaction& tx, uint64_t number);

// NOT_FOUND UNKNOWN_CLAIM.
absl::StatusOr<StoredClaim> load_claim(Transaction& tx, uint64_t number);
absl::StatusOr<StoredClaim> load_claim(Transaction& tx, const protocol::Bytes32& digest);
// By coin and slot.
absl::StatusOr<std::vector<Deducted>> load_deductions(Transaction& tx, uint64_t number);
absl::StatusOr<ClaimHistory> load_history(Transaction& tx, uint64_t number);
// Whose account its first statement credited; nothing where there is none yet.
absl::StatusOr<std::optional<protocol::AccountId>> credited_to(Transaction& tx, uint64_t number);
absl::StatusOr<std::vector<SlotElsewhere>> slots_elsewhere(Transaction& tx, uint64_t number);

// Locks the claim until the transaction ends. Whether it still stands where `claim` says.
absl::StatusOr<bool> lock_unchanged(Transaction& tx, const StoredClaim& claim);
// `payments`: those that `deducted` stand on; each may be there already.
absl::Status insert_statement(Transaction& tx, uint64_t number, const NewStatement& statement,
                              std::span<const Deducted> deducted,
                              std::span<const ArchivedPayment> payments);
absl::Status insert_cheque_alarm(Transaction& tx, uint64_t number, std::string_view currency,
                                 uint64_t amount, uint64_t now_ms);
// After its statement.
absl::Status move_on(Transaction& tx, uint64_t number, const NewStatement& statement,
                     uint64_t next_look_ms);

// Claims whose next look is due, put off to `put_off_ms` so that nobody else takes them too.
absl::StatusOr<std::vector<uint64_t>> take_due(Transaction& tx, uint64_t now_ms,
                                               uint64_t put_off_ms, int limit);
// What holds a claim up ("" for nothing), and when to look at it next.
absl::Status set_note(Transaction& tx, uint64_t number, std::string_view note,
                      uint64_t next_look_ms);

// What was claimed after edition `after`, of coins that may still be spent at `now_s`: as many
// whole claims as kMaxHotlistEntries allows. Needs a snapshot (repeatable read).
// FAILED_PRECONDITION EDITION_AHEAD where there is no such edition yet.
absl::StatusOr<protocol::Hotlist> read_hotlist(Transaction& tx, uint64_t after, uint64_t now_s);

absl::StatusOr<std::vector<ClaimRow>> list_claims(Transaction& tx, uint64_t after, uint32_t limit);
// How many claims stand at each stage, in the order of Stage.
absl::StatusOr<std::array<uint64_t, 4>> count_stages(Transaction& tx);

}  // namespace store
}  // namespace cafe::recovery
