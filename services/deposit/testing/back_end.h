// A deposit service with its database, its peers and its key files, for integration tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "cafe/v1/deposit.grpc.pb.h"
#include "libs/platform/clock.h"
#include "libs/platform/server.h"
#include "libs/storage/ledger.h"
#include "libs/storage/postgres.h"
#include "services/deposit/testing/peers.h"
#include "services/deposit/testing/shop.h"
#include "services/deposit/wiring.h"
#include "tests/support/private_postgres.h"

namespace cafe::deposit::testing {

// Of all tests of a binary.
cafe::testing::PrivatePostgres& shared_postgres();

// How a payee sees the service.
class Payee {
 public:
  explicit Payee(int port);

  // `holder_credential`: of an account holder.
  absl::StatusOr<v1::DepositResponse> deposit(const protocol::Bytes& order,
                                              std::span<const protocol::Bytes> payments,
                                              const protocol::Bytes& holder_credential = {}) const;
  // A signed order over `payments` under `key`.
  absl::StatusOr<v1::DepositResponse> deposit(Shop& shop, const Till& till,
                                              const protocol::Bytes16& key,
                                              std::span<const protocol::Bytes> payments) const;
  absl::StatusOr<v1::AuthorizeResponse> authorize(
      const protocol::Bytes& payment, const std::string& request_id = "",
      absl::Time deadline = absl::InfiniteFuture()) const;
  absl::StatusOr<v1::GetPaymentResponse> get_payment(uint64_t batch, uint32_t payment) const;
  // As recovery asks for it.
  absl::Status void_terms(const protocol::Bytes& refusal, const protocol::Bytes& credential) const;
  absl::StatusOr<v1::LocateResponse> locate_cheques(
      std::span<const protocol::CoinId> cheques) const;

 private:
  std::unique_ptr<v1::Deposit::Stub> stub_;
};

// Everything around the service, with a database of its own. Peers live as long as it, so that a
// service may be killed and started again.
class BackEnd {
 public:
  // The shop's time is `now_s`.
  explicit BackEnd(uint64_t now_s);

  Shop shop;
  Peers peers;
  std::string database_name;
  std::unique_ptr<storage::Database> database;  // as superuser, for set-up and for looking on
  cafe::testing::TemporaryFolder folder;

  // The service's options: it sweeps and refreshes rarely unless a test says otherwise.
  platform::ServiceOptions service_options() const;
  DepositOptions options() const;

  // Enrols the till's payee with this cover, or the till alone where the payee is known.
  void enrol(const Till& till, uint64_t cover = 100'000, const std::string& currency = "EUR");
  // Books coins of a denomination as issued.
  void issue(const protocol::DenominationKey& denomination, uint64_t amount);
  // Books guardians as loaded.
  void load(uint64_t amount, const std::string& currency = "EUR");
  void run_sql(const std::string& sql);
  // The first column of the first row.
  int64_t number(const std::string& sql);
  int64_t balance(std::string_view kind, protocol::ByteView owner,
                  const std::string& currency = "EUR");
  int64_t outstanding(const protocol::DenominationKey& denomination);
  int64_t credited(const Till& till, const std::string& currency = "EUR");
  int64_t loss(const std::string& currency = "EUR");
  // What guardians were loaded with and no cheque has taken.
  int64_t loaded(const std::string& currency = "EUR");
  // The amounts of all alarms of cheques.
  int64_t alarmed();
  // The audit's findings, one a line; empty where the books are right.
  std::string audit();
  // All rows of schemas deposit and ledger, counted, with a digest of the batches' answers: equal
  // where nothing changed.
  std::string fingerprint();

  // The receipt in a response: signature and certificate are checked.
  protocol::Receipt receipt(const v1::DepositResponse& response);

 private:
  // Moves cash to an account that deposits take from.
  void fund(const storage::AccountRef& account, uint64_t amount);
  uint64_t issues_ = 0;
};

// The service within this process, under a clock of the test's.
class InProcess {
 public:
  InProcess(const BackEnd& back_end, const platform::Clock& clock, const DepositOptions& options);
  InProcess(const BackEnd& back_end, const platform::Clock& clock)
      : InProcess(back_end, clock, back_end.options()) {}
  Payee payee() const { return Payee(host_.grpc_port()); }
  std::string metrics() { return host_.metrics().expose(); }

 private:
  const platform::ServiceOptions service_;
  platform::ServiceHost host_;
};

// cafe-deposit as a process that can be killed.
class OwnProcess {
 public:
  // `failpoints` as --failpoints takes them.
  OwnProcess(const BackEnd& back_end, const DepositOptions& options,
             const std::string& failpoints = "");
  Payee payee() const { return Payee(port_); }
  cafe::testing::Subprocess& process() { return *process_; }

 private:
  std::unique_ptr<cafe::testing::Subprocess> process_;
  int port_ = 0;
};

}  // namespace cafe::deposit::testing
