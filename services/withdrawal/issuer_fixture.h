// For the integration tests of this folder: a whole issuer, with a PostgreSQL and a Redis of its
// own, and the service in this process or as a child process.
#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "cafe/v1/withdrawal.grpc.pb.h"
#include "libs/platform/clock.h"
#include "libs/platform/server.h"
#include "libs/protocol/testing/market.h"
#include "libs/storage/postgres.h"
#include "services/withdrawal/setup.h"
#include "tests/support/private_postgres.h"
#include "tests/support/private_redis.h"
#include "tests/support/process.h"

namespace cafe::withdrawal {

using Stub = v1::Withdrawal::StubInterface;

// Aborts the test program where setting up fails.
template <typename T>
T must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "set-up failed: %s\n", result.status().ToString().c_str());
    std::abort();
  }
  return *std::move(result);
}
void must(const absl::Status& status);

// The parties, with all dates moved so that they hold at `now_s`.
class TestIssuer {
 public:
  explicit TestIssuer(uint64_t now_s = testing::kWorldNow_s,
                      testing::PrivatePostgresOptions options = {});

  testing::Market market;
  protocol::DenominationKey coin;        // 5.00 EUR
  protocol::DenominationKey split_coin;  // 4+2+1+1+1 EUR
  protocol::DenominationKey cheque;
  protocol::DenominationList list;  // the newest published
  protocol::SignedDocument signed_list;

  std::unique_ptr<testing::PrivatePostgres> postgres;
  std::unique_ptr<testing::PrivateRedis> redis;
  WithdrawalOptions options;  // names the key files

  // As the operator: signs and publishes `list`, which the caller has changed and numbered.
  void publish();
  absl::Status try_publish(uint32_t number, const protocol::SignedDocument& document);
  // Credits a customer's account.
  void fund(const protocol::AccountId& account, uint64_t amount,
            const std::string& currency = "EUR");
  int64_t balance(const protocol::AccountId& account, const std::string& currency = "EUR");
  // Starts a new lineage of the running database.
  void renew_lineage();

  // A digest of every row of the service and the ledger.
  std::string rows();
  int64_t count(const std::string& from_where);
  // Every discrepancy of the books, and every row that contradicts another; empty when all is well.
  std::string audit();

  storage::Database& admin() { return *admin_; }
  const std::filesystem::path& folder() const { return folder_.path(); }
  uint64_t start_s() const { return now_s_; }

 private:
  void write_key_files();
  void connect();

  const uint64_t now_s_;
  testing::TemporaryFolder folder_;
  std::unique_ptr<storage::Database> admin_;
  std::unique_ptr<storage::Database> operator_;
};

// The service in this process, at a clock of the test's.
class InProcess {
 public:
  InProcess(TestIssuer& issuer, const platform::Clock& clock,
            std::optional<WithdrawalOptions> options = {},
            const platform::TlsOptions& tls = {.insecure = true});
  Stub& stub() { return *stub_; }
  // A stub of its own for a caller with these certificates.
  std::unique_ptr<v1::Withdrawal::Stub> connect(const platform::TlsOptions& tls) const;
  platform::Metrics& metrics() { return host_->metrics(); }

 private:
  platform::ServiceOptions common_;
  std::unique_ptr<platform::ServiceHost> host_;
  std::unique_ptr<v1::Withdrawal::Stub> stub_;
};

// The service's program as a child process, at the system's clock.
class ChildProcess {
 public:
  explicit ChildProcess(TestIssuer& issuer, const std::string& failpoints = {});
  // Nothing where it died while it started.
  static std::unique_ptr<ChildProcess> try_start(TestIssuer& issuer, const std::string& failpoints);
  Stub& stub() { return *stub_; }
  // Waits for its end by SIGKILL.
  void expect_crash();
  void terminate();

 private:
  ChildProcess() = default;
  absl::Status start(TestIssuer& issuer, const std::string& failpoints);
  std::unique_ptr<testing::Subprocess> process_;
  std::unique_ptr<v1::Withdrawal::Stub> stub_;
};

}  // namespace cafe::withdrawal
