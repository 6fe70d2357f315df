// The ledger in memory, for unit tests of services. It keeps the same rules and gives the same
// reasons as migrations/0002_ledger.sql, but nothing is rolled back: post last, as services do.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "libs/storage/ledger.h"

namespace cafe::storage {

/// Stands where a transaction is wanted and no statement is run; every statement fails,
/// UNIMPLEMENTED.
class FakeTransaction : public Transaction {
 public:
  absl::StatusOr<Rows> execute(std::string_view sql, std::span<const Param> params) override;
  absl::Status run_script(std::string_view sql) override;
};

class FakeLedger : public Ledger {
 public:
  absl::StatusOr<int64_t> post(Transaction& tx, const Posting& posting) override;
  /// One by one: what stands before a posting that fails remains.
  absl::Status post_all(Transaction& tx, std::span<const Posting> postings) override;
  absl::StatusOr<int64_t> balance(Transaction& tx, const AccountRef& account) override;
  /// Everything posted, in order.
  const std::vector<Posting>& postings() const { return postings_; }

 private:
  std::map<AccountRef, int64_t> balances_;
  std::map<std::pair<std::string, std::vector<uint8_t>>, int64_t> ids_;
  std::vector<Posting> postings_;
};

}  // namespace cafe::storage
