// For the integration tests of this folder: a whole issuer (a PostgreSQL and a Redis of its own,
// the service in this process or as a child process) and wallets that play their side of the
// protocol.
#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "absl/functional/function_ref.h"
#include "cafe/v1/withdrawal.grpc.pb.h"
#include "libs/platform/clock.h"
#include "libs/platform/server.h"
#include "libs/protocol/load_order.h"
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
  void fund(const protocol::AccountId& account, uint64_t amount);
  int64_t balance(const protocol::AccountId& account);
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
  Stub& stub() { return *stub_; }
  // Waits for its end by SIGKILL.
  void expect_crash();
  void terminate();

 private:
  std::unique_ptr<testing::Subprocess> process_;
  std::unique_ptr<v1::Withdrawal::Stub> stub_;
};

// One coin that is being withdrawn.
struct CoinInOrder {
  protocol::CoinPlace place;
  std::vector<protocol::GuardianSlot> slots;
  protocol::BlindedCoin blinded;
};
struct PreparedOrder {
  protocol::Order order;
  protocol::SignedDocument document;
  std::vector<CoinInOrder> coins;
};

// A wallet with its guardian that talks to a service.
class Wallet {
 public:
  explicit Wallet(TestIssuer& issuer)
      : issuer_(issuer), world(issuer.market.make_wallet()), coin_seed(world.coin_seed) {}

  const protocol::AccountId& account() const { return world.account.account; }
  const protocol::SigningKey& key() const { return world.identity.account_key; }

  // A registration under the service's nonce; kept in world.registration.
  absl::Status prepare_registration(Stub& stub);
  absl::StatusOr<std::string> send_registration(Stub& stub);
  // Registers and pays in.
  void join(Stub& stub, uint64_t funds = 100'000);

  protocol::OpenRequest open_request(std::vector<protocol::OrderLine> lines) const;
  absl::StatusOr<protocol::OpenAnswer> open(Stub& stub, const protocol::OpenRequest& request) const;
  absl::StatusOr<protocol::OpenAnswer> open(Stub& stub,
                                            std::vector<protocol::OrderLine> lines) const;

  // Blinds all coins of an answer. `seed` may differ from the wallet's own, for other challenges.
  PreparedOrder prepare(const protocol::OpenAnswer& opened, const protocol::Seed& seed) const;
  PreparedOrder prepare(const protocol::OpenAnswer& opened) const {
    return prepare(opened, coin_seed);
  }
  absl::StatusOr<std::string> complete(Stub& stub, const PreparedOrder& prepared) const;
  // Checks a completion as a wallet does and unblinds its coins; each is checked to be valid.
  absl::StatusOr<std::vector<testing::WithdrawnCoin>> unblind(const PreparedOrder& prepared,
                                                              const std::string& completion) const;
  // Open, Complete, unblind; moves the chain on.
  absl::StatusOr<std::vector<testing::WithdrawnCoin>> withdraw(
      Stub& stub, std::vector<protocol::OrderLine> lines);

  // A load of the guardian's counter, in euros.
  protocol::LoadOrder load_order(uint64_t amount, uint64_t sequence) const;
  absl::StatusOr<std::string> load(Stub& stub, const protocol::LoadOrder& order) const;
  absl::StatusOr<std::string> find_load(Stub& stub, uint64_t sequence) const;

  absl::StatusOr<v1::VoidOrderResponse> ask_void(Stub& stub, uint64_t order,
                                                 uint64_t time_slot) const;
  // Whether it is the issuer's statement that this order is void.
  bool is_void_statement(const std::string& statement, uint64_t order, uint64_t time_slot) const;

 private:
  TestIssuer& issuer_;

 public:
  testing::WorldWallet world;
  protocol::Seed coin_seed;
  uint64_t next_order = 1;
};

// Calls of the wire, as statuses with their reasons. Without a deadline: that is wall-clock time,
// and the service's clock is the test's.
absl::Status call(absl::FunctionRef<grpc::Status(grpc::ClientContext*)> rpc);
absl::StatusOr<std::string> call_load(Stub& stub, const protocol::SignedDocument& order);
absl::StatusOr<std::string> call_open(Stub& stub, const std::string& document);
absl::StatusOr<std::string> call_open(Stub& stub, const protocol::SignedDocument& document);
absl::StatusOr<std::string> call_complete(Stub& stub, const std::string& document);
absl::StatusOr<v1::GetDenominationsResponse> call_denominations(Stub& stub, uint32_t number = 0);

}  // namespace cafe::withdrawal
