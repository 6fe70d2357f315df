// The cases against who spent a slot twice, in PostgreSQL (migrations/0006_coinstore.sql).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/storage/postgres.h"
#include "services/doublespend/classify.h"

namespace cafe::doublespend {

struct CaseSummary {
  uint64_t number = 0;
  std::string state;  // "open", "proved", "alarm"
  SlotKey key;
  std::optional<protocol::AccountId> account;  // once proved
  bool first_of_account = false;
  uint64_t opened_ms = 0;
  std::string note;
};

// A case that something is still to be done for.
struct DueCase {
  CaseSummary summary;
  Place first_place, second_place;
  // Empty once retention has dropped them, which it does for no open case.
  std::optional<Trace> first, second;
  protocol::Bytes signed_case;  // once proved
};

struct StoredCase {
  CaseSummary summary;
  protocol::Bytes signed_case;  // once proved
};

class CaseStore {
 public:
  // `database` must outlive the store.
  explicit CaseStore(storage::Database& database) : database_(database) {}

  // Cases whose time has come: open ones, and proved first ones whose account is not closed yet, in
  // the order of their numbers. Each is put off, longer with every attempt (1 s, doubled up to 5
  // min), so that several instances share the work and a crash only delays it.
  absl::StatusOr<std::vector<DueCase>> take_due(uint64_t now_ms, int limit);

  // Stores the evidence of an open case. Returns whether it is the account's first, which one case
  // of an account is, ever. A case that is proved already keeps what it has.
  absl::StatusOr<bool> store_proof(uint64_t number, const protocol::AccountId& account,
                                   protocol::ByteView signed_case);
  // Of an open case only.
  absl::Status raise_alarm(uint64_t number, std::string_view note);
  // What holds a case up.
  absl::Status set_note(uint64_t number, std::string_view note);
  absl::Status mark_closed(uint64_t number, uint64_t now_ms);

  // NOT_FOUND NO_SUCH_CASE.
  absl::StatusOr<StoredCase> get(uint64_t number);
  absl::StatusOr<std::vector<CaseSummary>> list(uint64_t after_number, uint32_t limit);
  absl::StatusOr<std::map<std::string, int64_t>> count_by_state();

 private:
  storage::Database& database_;
};

}  // namespace cafe::doublespend
