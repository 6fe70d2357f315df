// A double-spend service on a database of its own, with fake peers: in this process under a clock
// of the test's, or as the real program, which can be killed.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cafe/v1/doublespend.grpc.pb.h"
#include "libs/platform/server.h"
#include "libs/protocol/testing/market.h"
#include "libs/storage/key_files.h"
#include "libs/storage/postgres.h"
#include "services/doublespend/testing/fake_peers.h"
#include "services/doublespend/testing/rows.h"
#include "services/doublespend/wiring.h"
#include "tests/support/private_postgres.h"
#include "tests/support/process.h"

namespace cafe::doublespend::testing {

// One server for all tests of the program; each test has its own database in it.
cafe::testing::PrivatePostgres& shared_postgres();

class ServiceFixture : public ::testing::Test {
 protected:
  ServiceFixture();
  ~ServiceFixture() override;

  // Starts the service in this process; options_ and own_ may be changed before.
  void start();
  void stop();
  // Starts the real program, under the system's clock.
  void start_program(const std::string& failpoints = "");
  // False where it died while it started.
  bool try_start_program(const std::string& failpoints);
  // Waits for a killed program's end: 128 + 9.
  int wait_for_end();

  struct Called {
    absl::Status status;  // with the server's reason
    bool ok() const { return status.ok(); }
    std::string reason() const;
  };
  template <typename Request, typename Response>
  using Method = grpc::Status (v1::DoubleSpend::Stub::*)(grpc::ClientContext*, const Request&,
                                                         Response*);
  template <typename Request, typename Response>
  Called call(Method<Request, Response> method, const Request& request, Response& response) {
    grpc::ClientContext context;  // without a deadline: the server would judge it by its own clock
    return finish((stub_.get()->*method)(&context, request, &response), context);
  }

  // Records and expects success; a verdict for each row, FRESH where the answer names none.
  std::vector<v1::RecordVerdict> record(const std::vector<SpendRow>& rows);
  Called try_record(const std::vector<SpendRow>& rows, v1::RecordResponse& response);
  std::vector<v1::RecordVerdict::Outcome> outcomes(const std::vector<SpendRow>& rows);
  v1::GetCaseResponse get_case(uint64_t number);
  // Waits until the case is in `state`; moves an in-process clock on, so that what was put off
  // comes up again.
  bool reaches_state(uint64_t number, const std::string& state);

  // The number that a query of the superuser's gives.
  int64_t count(const std::string& sql);
  storage::Database& superuser() { return *superuser_; }

  static Called finish(const grpc::Status& status, const grpc::ClientContext& context);

  // The world's coinstore key with a certificate that also holds under the system's clock.
  storage::OnlineKey signing_key();

  cafe::testing::TemporaryFolder folder_;
  std::string database_;
  std::unique_ptr<storage::Database> superuser_;
  cafe::testing::Market market_{"doublespend"};
  PeerState peers_;
  FakePeerServer peer_server_{peers_};
  // Dates years after the system's time, so that the program finds nothing expired.
  RowMaker rows_;
  platform::ManualClock clock_{absl::FromUnixSeconds(cafe::testing::kWorldNow_s)};
  platform::ServiceOptions options_;
  Options own_;
  std::unique_ptr<platform::ServiceHost> host_;
  std::unique_ptr<cafe::testing::Subprocess> program_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::DoubleSpend::Stub> stub_;
};

v1::RecordRequest to_request(const std::vector<SpendRow>& rows);

// A row that no verdict names.
inline constexpr auto FRESH = v1::RecordVerdict::OUTCOME_UNSPECIFIED;

}  // namespace cafe::doublespend::testing
