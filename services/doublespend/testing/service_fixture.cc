#include "services/doublespend/testing/service_fixture.h"

#include <grpcpp/create_channel.h>

#include <atomic>

#include "libs/platform/grpc_status.h"

namespace cafe::doublespend::testing {
namespace {

using std::chrono::seconds;

uint64_t years_from_now(int years) {
  return static_cast<uint64_t>(absl::ToUnixSeconds(absl::Now() + absl::Hours(24 * 365 * years)));
}

std::string new_database() {
  static std::atomic<int> count = 0;
  const std::string name = "test" + std::to_string(++count);
  auto& postgres = shared_postgres();
  EXPECT_TRUE(postgres.create_database(name).ok());
  const absl::Status migrated = postgres.migrate(name);
  EXPECT_TRUE(migrated.ok()) << migrated;
  return name;
}

}  // namespace

cafe::testing::PrivatePostgres& shared_postgres() {
  static const auto postgres = [] {
    auto started = cafe::testing::PrivatePostgres::start(
        // Tests kill it; recovery need not open every file of every database.
        {.settings = {{"recovery_init_sync_method", "syncfs"}}});
    if (!started.ok()) {
      ADD_FAILURE() << started.status();
      std::abort();
    }
    return *std::move(started);
  }();
  return *postgres;
}

ServiceFixture::ServiceFixture()
    : database_(new_database()), rows_("fixture", years_from_now(2), years_from_now(3)) {
  superuser_ =
      storage::Database::open({.url = shared_postgres().url("postgres", database_)}).value();
  peers_.set_list(market_.signed_list);
  options_.issuer_id = std::string(cafe::testing::Market::kIssuer);

  const auto trust = folder_.path() / "trust.json";
  const auto key = folder_.path() / "coinstore.json";
  EXPECT_TRUE(storage::save_trust(trust, market_.anchors).ok());
  const absl::Status saved = storage::save_online_key(key, signing_key());
  EXPECT_TRUE(saved.ok()) << saved;

  options_.service = "doublespend";
  options_.listen = "127.0.0.1:0";
  options_.tls.insecure = true;
  options_.workers = 32;
  options_.database_url = shared_postgres().url("cafe_doublespend", database_);
  own_.trust = trust.string();
  own_.signing_key = key.string();
  own_.withdrawal = own_.deposit = peer_server_.address();
}

storage::OnlineKey ServiceFixture::signing_key() {
  const protocol::KeyCertificate certificate{.issuer_id = options_.issuer_id,
                                             .purpose = std::string(protocol::kPurposeCoinstore),
                                             .key = market_.coinstore_key.public_key(),
                                             .valid_from = cafe::testing::kWorldNow_s - kDay_s,
                                             .valid_until = years_from_now(10)};
  return {market_.coinstore_key,
          protocol::SignedDocument::sign(certificate.encode(), market_.master_key), certificate};
}

ServiceFixture::~ServiceFixture() { stop(); }

void ServiceFixture::start() {
  host_ = std::make_unique<platform::ServiceHost>(options_, clock_);
  const absl::Status set_up_status = set_up(*host_, own_);
  ASSERT_TRUE(set_up_status.ok()) << set_up_status;
  const absl::Status started = host_->start();
  ASSERT_TRUE(started.ok()) << started;
  host_->set_ready(true);
  channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(host_->grpc_port()),
                                 grpc::InsecureChannelCredentials());
  stub_ = v1::DoubleSpend::NewStub(channel_);
}

void ServiceFixture::stop() {
  if (host_ != nullptr) host_->drain(absl::Seconds(10));
  host_.reset();
  program_.reset();
}

void ServiceFixture::start_program(const std::string& failpoints) {
  ASSERT_TRUE(try_start_program(failpoints)) << program_->output();
}

bool ServiceFixture::try_start_program(const std::string& failpoints) {
  program_.reset();
  const auto port_file = folder_.path() / "ports.json";
  std::filesystem::remove(port_file);
  auto started = cafe::testing::Subprocess::start({.command = {CAFE_DOUBLESPEND_PROGRAM,
                                                               "--insecure",
                                                               "--listen",
                                                               "127.0.0.1:0",
                                                               "--metrics-listen",
                                                               "127.0.0.1:0",
                                                               "--port-file",
                                                               port_file.string(),
                                                               "--database-url",
                                                               options_.database_url,
                                                               "--trust",
                                                               own_.trust,
                                                               "--signing-key",
                                                               own_.signing_key,
                                                               "--withdrawal",
                                                               own_.withdrawal,
                                                               "--deposit",
                                                               own_.deposit,
                                                               "--failpoints",
                                                               failpoints},
                                                   .output = folder_.path() / "program.log"});
  EXPECT_TRUE(started.ok()) << started.status();
  program_ = *std::move(started);
  const auto ports = program_->read_when_written(port_file, seconds(60));
  if (!ports.ok()) return false;
  int port = 0;
  EXPECT_EQ(std::sscanf(ports->c_str(), "{\"grpc\":%d", &port), 1) << *ports;
  channel_ =
      grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials());
  stub_ = v1::DoubleSpend::NewStub(channel_);
  return true;
}

int ServiceFixture::wait_for_end() {
  const auto code = program_->wait(seconds(60));
  EXPECT_TRUE(code.ok()) << code.status() << program_->output();
  return code.value_or(-1);
}

std::string ServiceFixture::Called::reason() const { return protocol::reason_of(status); }

ServiceFixture::Called ServiceFixture::finish(const grpc::Status& status,
                                              const grpc::ClientContext& context) {
  return {platform::from_grpc(status, context)};
}

v1::RecordRequest to_request(const std::vector<SpendRow>& rows) {
  v1::RecordRequest request;
  for (const SpendRow& row : rows) append_packed(*request.mutable_rows(), row);
  return request;
}

ServiceFixture::Called ServiceFixture::try_record(const std::vector<SpendRow>& rows,
                                                  v1::RecordResponse& response) {
  return call(&v1::DoubleSpend::Stub::Record, to_request(rows), response);
}

std::vector<v1::RecordVerdict> ServiceFixture::record(const std::vector<SpendRow>& rows) {
  v1::RecordResponse response;
  const Called called = try_record(rows, response);
  EXPECT_TRUE(called.ok()) << called.status;
  EXPECT_EQ(response.rows(), rows.size());
  std::vector<v1::RecordVerdict> verdicts(rows.size());
  for (uint32_t i = 0; i < verdicts.size(); ++i) verdicts[i].set_row(i);
  for (const v1::RecordVerdict& verdict : response.verdicts()) {
    EXPECT_NE(verdict.outcome(), FRESH);
    verdicts.at(verdict.row()) = verdict;
  }
  return verdicts;
}

std::vector<v1::RecordVerdict::Outcome> ServiceFixture::outcomes(
    const std::vector<SpendRow>& rows) {
  std::vector<v1::RecordVerdict::Outcome> all;
  for (const auto& verdict : record(rows)) all.push_back(verdict.outcome());
  return all;
}

v1::GetCaseResponse ServiceFixture::get_case(uint64_t number) {
  v1::GetCaseRequest request;
  request.set_number(number);
  v1::GetCaseResponse response;
  const Called called = call(&v1::DoubleSpend::Stub::GetCase, request, response);
  EXPECT_TRUE(called.ok()) << called.status;
  return response;
}

bool ServiceFixture::reaches_state(uint64_t number, const std::string& state) {
  return cafe::testing::eventually(seconds(60), [&] {
    if (get_case(number).summary().state() == state) return true;
    clock_.advance(absl::Seconds(1));
    return false;
  });
}

int64_t ServiceFixture::count(const std::string& sql) {
  const auto rows =
      superuser_->transaction({}, [&](storage::Transaction& tx) -> absl::StatusOr<int64_t> {
        CAFE_ASSIGN_OR_RETURN(const storage::Rows rows, tx.query(sql));
        return rows.front().get<int64_t>(0);
      });
  EXPECT_TRUE(rows.ok()) << rows.status();
  return rows.value_or(-1);
}

}  // namespace cafe::doublespend::testing
