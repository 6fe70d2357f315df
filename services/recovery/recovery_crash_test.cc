// The program is killed at every boundary between two commits of what it does; then who asked asks
// again, or nobody does. Either way everything happens once, and a court sees the same.
#include <grpcpp/create_channel.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cafe/v1/recovery.grpc.pb.h"
#include "libs/protocol/backup.h"
#include "services/recovery/testing/peer_server.h"
#include "services/recovery/testing/recovery_fixture.h"

namespace cafe::recovery::testing {
namespace {

using cafe::testing::eventually;
using cafe::testing::Subprocess;
using protocol::SignedDocument;
using Total = protocol::ClaimTotal;

constexpr std::chrono::seconds kDeadline(30);

// The market's deposit deadlines are long past by the system's clock: a claim is credited and final
// as soon as the worker sees it.
class CrashTest : public RecoveryTest, public ::testing::WithParamInterface<const char*> {
 protected:
  CrashTest() {
    deposit(pay({{&split_, 1, 200}}));
    lose_and_replace();
    advance_to(static_cast<uint64_t>(absl::ToUnixMillis(absl::Now())));
    EXPECT_TRUE(storage::save_trust(folder_.path() / "trust.json", market_.anchors).ok());
    EXPECT_TRUE(storage::save_online_key(folder_.path() / "recovery.key", own_key()).ok());
    claim_ = claim(next_, ClaimKind::kCoins,
                   {claimed(plain_, plain_.order), claimed(split_, split_.order, 0b11011)});
    backup_ = seal_backup(protocol::BackupKey::draw(market_.rng), ClaimMarket::kIssuer,
                          next_.account.account, 1, next_.coin_seed, next_.identity.account_key,
                          market_.rng);
  }

  // The world's recovery key with a certificate that holds by the system's clock.
  storage::OnlineKey own_key() {
    const uint64_t now_s = now_ms() / 1000;
    const protocol::KeyCertificate certificate{.issuer_id = std::string(ClaimMarket::kIssuer),
                                               .purpose = std::string(protocol::kPurposeRecovery),
                                               .key = market_.recovery_key.public_key(),
                                               .valid_from = now_s - kDay_s,
                                               .valid_until = now_s + kDay_s};
    return {market_.recovery_key, SignedDocument::sign(certificate.encode(), market_.master_key),
            certificate};
  }

  void start(const std::string& failpoints) {
    program_.reset();
    const auto ports = folder_.path() / absl::StrCat("ports-", ++starts_, ".json");
    std::vector<std::string> command = {
        absl::StrCat(CAFE_BINARY_DIR, "/bin/cafe-recovery"),
        "--insecure",
        "--listen=127.0.0.1:0",
        "--metrics-listen=127.0.0.1:0",
        absl::StrCat("--port-file=", ports.string()),
        absl::StrCat("--database-url=", shared_postgres().url("cafe_recovery", database_name_)),
        absl::StrCat("--issuer-id=", std::string(ClaimMarket::kIssuer)),
        absl::StrCat("--trust=", (folder_.path() / "trust.json").string()),
        absl::StrCat("--signing-key=", (folder_.path() / "recovery.key").string()),
        absl::StrCat("--withdrawal=", peers_.address()),
        absl::StrCat("--doublespend=", peers_.address()),
        absl::StrCat("--deposit=", peers_.address()),
        "--claim-interval-ms=20"};
    if (!failpoints.empty()) command.push_back(absl::StrCat("--failpoints=", failpoints));
    auto started = Subprocess::start(
        {.command = std::move(command), .output = folder_.path() / "program.log"});
    ASSERT_TRUE(started.ok()) << started.status();
    program_ = *std::move(started);
    const auto written = program_->read_when_written(ports, kDeadline);
    ASSERT_TRUE(written.ok()) << written.status();
    const size_t at = written->find("\"grpc\":") + 7;
    int port = 0;
    ASSERT_TRUE(
        absl::SimpleAtoi(written->substr(at, written->find_first_of(",}", at) - at), &port));
    stub_ = v1::Recovery::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
  }

  bool keep_backup(std::string* kept) {
    v1::PutBackupRequest request;
    request.set_backup(protocol::to_string(backup_->encode()));
    v1::PutBackupResponse response;
    grpc::ClientContext context;
    if (!stub_->PutBackup(&context, request, &response).ok()) return false;
    *kept = response.SerializeAsString();
    return true;
  }
  bool file(std::string* receipt) {
    v1::FileClaimRequest request;
    request.set_claim(protocol::to_string(claim_->encode()));
    v1::FileClaimResponse response;
    grpc::ClientContext context;
    if (!stub_->FileClaim(&context, request, &response).ok()) return false;
    EXPECT_TRUE(response.has_receipt());
    *receipt = response.SerializeAsString();
    return true;
  }
  bool is_final() {
    return number("SELECT count(*) FROM recovery.claim WHERE state = 'final'") == 1;
  }
  // The program as it will be killed.
  void run_until_killed() {
    start(absl::StrCat(GetParam(), "=crash"));
    std::string ignored;
    if (program_->running()) keep_backup(&ignored);
    if (program_->running()) file(&ignored);
    const auto exit_code = program_->wait(kDeadline);
    ASSERT_TRUE(exit_code.ok()) << exit_code.status();
    EXPECT_EQ(*exit_code, 128 + 9);
  }
  void expect_exact() {
    EXPECT_TRUE(eventually(kDeadline, [&] { return is_final(); })) << program_->output();
    EXPECT_EQ(total(*claim_, next_), (Total{"EUR", 1300, 200, 1100, 0, 0}));
    EXPECT_EQ(file_of(*claim_, next_).statements.size(), 2u);
    EXPECT_EQ(customer(next_), 1100);
    EXPECT_EQ(advances(market_.coin), 0);
    EXPECT_EQ(advances(market_.split_coin), 0);
    EXPECT_EQ(outstanding(market_.coin), 0);
    EXPECT_EQ(outstanding(market_.split_coin), 900 - 200 - 600);
    EXPECT_EQ(number("SELECT count(*) FROM recovery.claim"), 1);
    EXPECT_EQ(number("SELECT last FROM recovery.claim_counter"), 1);
  }

  WithdrawnCoin plain_ = take(lost_, market_.coin);
  WithdrawnCoin split_ = take(lost_, market_.split_coin);
  cafe::testing::TemporaryFolder folder_;
  PeerServer peers_{withdrawal_, coin_store_, deposit_};
  std::optional<SignedDocument> claim_, backup_;
  int starts_ = 0;
  std::unique_ptr<Subprocess> program_;
  std::unique_ptr<v1::Recovery::Stub> stub_;
};

TEST_P(CrashTest, WhoAsksAgainGetsWhatAnUndisturbedRunGives) {
  run_until_killed();
  start("");
  std::string kept, again, receipt, same;
  ASSERT_TRUE(keep_backup(&kept));
  ASSERT_TRUE(keep_backup(&again));
  EXPECT_EQ(kept, again);
  EXPECT_EQ(number("SELECT count(*) FROM recovery.backup"), 1);
  ASSERT_TRUE(file(&receipt));
  expect_exact();
  ASSERT_TRUE(file(&same));
  EXPECT_EQ(same, receipt);
  expect_exact();
}

TEST_P(CrashTest, TheWorkerFinishesWhatNobodyAsksForAgain) {
  run_until_killed();
  if (number("SELECT count(*) FROM recovery.claim") == 0) return;  // nothing was promised
  start("");
  expect_exact();
}

INSTANTIATE_TEST_SUITE_P(AtEveryBoundary, CrashTest,
                         ::testing::Values("recovery/after-backup", "recovery/after-check",
                                           "recovery/after-file", "recovery/after-mark",
                                           "recovery/after-hold",
                                           "recovery/before-statement-commit",
                                           "recovery/after-statement"));

}  // namespace
}  // namespace cafe::recovery::testing
