// The commands against a service that answers as this test wants; the real one is asked in
// tests/integration.
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "cafe/v1/withdrawal.grpc.pb.h"
#include "libs/platform/grpc_status.h"
#include "libs/protocol/loss.h"
#include "libs/storage/key_files.h"
#include "tests/support/process.h"
#include "tools/cafectl/account_commands.h"

namespace cafe::cafectl {
namespace {

using protocol::AccountId;
using protocol::reason_of;

AccountId account(uint8_t first) {
  AccountId id{};
  id.bytes[0] = first;
  return id;
}

// Says what it is told to say, and remembers what it was asked.
class FakeWithdrawal final : public v1::Withdrawal::Service {
 public:
  grpc::Status ReportLoss(grpc::ServerContext* context, const v1::ReportLossRequest* request,
                          v1::ReportLossResponse* response) override {
    reported = *request;
    response->set_recorded(statement);
    return platform::finish_status(status, "id", *context);
  }
  grpc::Status ReplaceAccount(grpc::ServerContext* context,
                              const v1::ReplaceAccountRequest* request,
                              v1::ReplaceAccountResponse* response) override {
    replaced = *request;
    response->set_replaced(statement);
    return platform::finish_status(status, "id", *context);
  }

  absl::Status status;
  std::string statement;
  v1::ReportLossRequest reported;
  v1::ReplaceAccountRequest replaced;
};

class LostAccountCommands : public ::testing::Test {
 protected:
  LostAccountCommands() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~LostAccountCommands() override { server_->Shutdown(); }

  // As if typed after "cafectl account".
  absl::StatusOr<Json> run(std::vector<std::string> words) {
    CLI::App app("test");
    Context context;
    register_lost_accounts(app, context);
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    try {
      app.parse(words);
    } catch (const CLI::ParseError& e) {
      return protocol::invalid("WRONG_OPTIONS", e.what());
    }
    return context.run();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string sign(protocol::Bytes frame) const {
    return protocol::to_string(protocol::SignedDocument::sign(std::move(frame), key_).encode());
  }
  std::string recorded(const AccountId& of) const {
    return sign(protocol::LossRecorded{"issuer-a.example", of, protocol::Authority::kOperator,
                                       protocol::Bytes32{}, 1'765'000'000'123, 12, 3}
                    .encode());
  }
  std::string replaced(const AccountId& lost, const AccountId& by) const {
    protocol::Bytes32 digest{};
    digest[5] = 1;
    return sign(protocol::Replaced{"issuer-a.example", lost, by, protocol::Authority::kAccountKey,
                                   digest, 1'765'000'000'123}
                    .encode());
  }

  FakeWithdrawal service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  const protocol::SigningKey key_ =
      protocol::SigningKey::create(protocol::Scalar::from_u64(7)).value();
  testing::TemporaryFolder folder_{"cafe-lost"};
};

TEST_F(LostAccountCommands, LostAsksWithTheIdentificationAndTellsWhatWasRecorded) {
  service_.statement = recorded(account(1));
  const std::string out = (folder_.path() / "statement").string();
  const auto told = run({"lost", account(1).hex(), "--identified-by", "passport, clerk 7",
                         "--withdrawal", address(), "--insecure", "--out", out});
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(service_.reported.act().account_id(), protocol::to_string(account(1)));
  EXPECT_EQ(service_.reported.act().identified_by(), "passport, clerk 7");
  EXPECT_EQ((*told)["account"], account(1).hex());
  EXPECT_EQ((*told)["lost"], format_time(1'765'000'000));
  EXPECT_EQ((*told)["on the word of"], "the operator");
  EXPECT_EQ((*told)["last order"], 12);
  EXPECT_EQ((*told)["last load"], 3);
  const std::string hex = protocol::to_hex(protocol::view_of(service_.statement));
  EXPECT_EQ((*told)["statement"], hex);
  EXPECT_EQ(storage::read_file(out).value_or(""), hex + "\n") << "for the holder";
}

TEST_F(LostAccountCommands, ReplaceNamesBothAccounts) {
  service_.statement = replaced(account(1), account(2));
  const auto told = run({"replace", account(1).hex(), account(2).hex(), "--identified-by", "p",
                         "--withdrawal", address(), "--insecure"});
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(service_.replaced.act().account_id(), protocol::to_string(account(1)));
  EXPECT_EQ(service_.replaced.successor_id(), protocol::to_string(account(2)));
  EXPECT_EQ((*told)["successor"], account(2).hex());
  EXPECT_EQ((*told)["on the word of"], "its key") << "it was replaced before, by her own request";
}

TEST_F(LostAccountCommands, RefusalIsToldAndAStatementAboutOthersIsNotBelieved) {
  const std::vector<std::string> replace = {
      "replace", account(1).hex(), account(2).hex(), "--identified-by",
      "p",       "--withdrawal",   address(),        "--insecure"};
  service_.status = protocol::refused("REPLACED_BEFORE", "It has a successor.");
  EXPECT_EQ(reason_of(run(replace).status()), "REPLACED_BEFORE");
  service_.status = absl::OkStatus();
  for (const std::string& statement :
       {replaced(account(1), account(3)), replaced(account(3), account(2)), recorded(account(1)),
        std::string("no document")}) {
    service_.statement = statement;
    EXPECT_FALSE(run(replace).ok());
  }
  service_.statement = recorded(account(2));
  EXPECT_FALSE(run({"lost", account(1).hex(), "--identified-by", "p", "--withdrawal", address(),
                    "--insecure"})
                   .ok());
}

TEST_F(LostAccountCommands, OptionsThatAreMissingAreNamed) {
  const std::string id = account(1).hex();
  EXPECT_EQ(reason_of(run({"lost", id, "--withdrawal", address(), "--insecure"}).status()),
            "WRONG_OPTIONS")
      << "nobody was identified";
  EXPECT_EQ(reason_of(run({"lost", id, "--identified-by", "p", "--insecure"}).status()),
            "NO_SERVICE");
  EXPECT_EQ(
      reason_of(run({"lost", id, "--identified-by", "p", "--withdrawal", address()}).status()),
      "NO_CERTIFICATE");
  EXPECT_EQ(reason_of(run({"lost", "12ab", "--identified-by", "p", "--withdrawal", address(),
                           "--insecure"})
                          .status()),
            "BAD_OPTION");
}

}  // namespace
}  // namespace cafe::cafectl
