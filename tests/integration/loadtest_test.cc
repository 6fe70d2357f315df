// Every scenario of cafe-loadtest for a few seconds, at a low rate, against a whole issuer: all
// requests succeed, what was planted is found, and the audit passes.
#include <gmock/gmock.h>

#include <fstream>

#include "libs/protocol/bytes.h"
#include "tests/support/cluster.h"

namespace cafe::loadtest {
namespace {

using cafe::testing::Cluster;
using cafe::testing::Json;

class LoadtestTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto started = Cluster::start(
        {.shops = 3,
         .cover = 1'000,
         .loadtest = true,
         .arguments = {{"withdrawal", {"--registrations-per-minute=0", "--orders-per-minute=0"}},
                       {"doublespend", {"--lookups-per-minute=0"}}}});
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = std::move(*started).release();
    // Rows of load tests come before anything else of their month.
    const auto id = denomination("XTS");
    const auto preloaded = cafe::testing::run_command(
        {.command = {cafe::testing::program("cafectl"), "--database-url",
                     cluster_->postgres().url(), "loadtest", "preload", "--denomination", id,
                     "--rows", std::to_string(kPreloaded)}},
        std::chrono::minutes(1));
    ASSERT_TRUE(preloaded.ok()) << preloaded.status();
    const auto issued =
        cluster_->cafectl({"loadtest", "issue", "--denomination", "all", "--amount", "1000000000"});
    ASSERT_TRUE(issued.ok()) << issued.status();
  }
  static void TearDownTestSuite() {
    delete cluster_;
    cluster_ = nullptr;
  }

  static std::string denomination(const std::string& currency) {
    const auto list = cluster_->cafectl_json({"denominations", "list"});
    EXPECT_TRUE(list.ok()) << list.status();
    for (const Json& row : *list) {
      if (row["currency"] == currency) return row["denomination"];
    }
    return "";
  }

  // What cafe-loadtest prints; an error where its exit code says that the load test failed.
  static absl::StatusOr<std::string> start(const std::string& scenario,
                                           const std::vector<std::string>& options,
                                           uint32_t terminals = 3) {
    const std::string database = "'" + cafe::testing::program("cafectl") + "' --database-url '" +
                                 cluster_->postgres().url("cafe_operator") + "' ";
    std::vector<std::string> command = {
        cafe::testing::program("cafe-loadtest"),
        scenario,
        "--withdrawal=" + cluster_->address("withdrawal"),
        "--deposit=" + cluster_->address("deposit"),
        "--doublespend=" + cluster_->address("doublespend"),
        "--tls-ca=" + cluster_->file("tls/ca.pem").string(),
        "--tls-cert=" + cluster_->file("tls/deposit.pem").string(),
        "--tls-key=" + cluster_->file("tls/deposit.key").string(),
        "--issuer-id=" + std::string(cafe::testing::kClusterIssuer),
        "--trust=" + cluster_->trust(),
        "--manufacturer-key=" + cluster_->file("manufacturer.key").string(),
        "--fund-command=" + database + "account fund --batch -",
        "--audit-command=" + database + "--json audit --trust '" + cluster_->trust() + "'",
        "--json=" + result_file().string(),
        "--warm-up=0.5",
        "--preloaded=" + std::to_string(kPreloaded)};
    for (uint32_t shop = 0; shop < terminals; ++shop) {
      command.push_back("--terminal=" + cluster_->terminal_file(shop));
    }
    command.insert(command.end(), options.begin(), options.end());
    return cafe::testing::run_command({.command = std::move(command)}, std::chrono::minutes(1));
  }
  static std::filesystem::path result_file() { return cluster_->file("result.json"); }

  // The results of a load test that passes; nothing where it does not.
  static Json run(const std::string& scenario, const std::vector<std::string>& options) {
    std::filesystem::remove(result_file());
    const auto output = start(scenario, options);
    EXPECT_TRUE(output.ok()) << output.status();
    std::ifstream in(result_file());
    return Json::parse(in, nullptr, false);
  }
  // What postings of one kind moved on XTS accounts of a kind.
  static int64_t sum_of(const std::string& posting, const std::string& account) {
    return cluster_
        ->number(
            "SELECT coalesce(sum(e.amount), 0)::bigint FROM ledger.entry e "
            "JOIN ledger.posting p ON p.id = e.posting_id "
            "JOIN ledger.account a ON a.id = e.account_id WHERE a.currency = 'XTS' "
            "AND p.kind = '" +
            posting + "' AND a.kind = '" + account + "'")
        .value();
  }
  static void expect_pass(const Json& result) {
    ASSERT_TRUE(result.is_object());
    EXPECT_EQ(result["result"], "pass") << result.dump(2).substr(0, 3000);
  }

  static constexpr uint64_t kPreloaded = 20'000;
  static inline Cluster* cluster_ = nullptr;
};

TEST_F(LoadtestTest, DepositFindsWhatIsPlanted) {
  expect_pass(run("deposit", {"--rate=400", "--duration=4", "--batch-size=20", "--repeats=0.1",
                              "--double-spends=0.05", "--invalid=0.05"}));
  EXPECT_GT(cluster_->number("SELECT count(*) FROM coinstore.double_spend").value(), 0);
  // Spenders are registered, so their double spends end as proofs and not as alarms.
  EXPECT_TRUE(cafe::testing::eventually(std::chrono::seconds(30), [] {
    return cluster_->number("SELECT count(*) FROM coinstore.cases WHERE state = 'open'").value() ==
           0;
  }));
  EXPECT_EQ(cluster_->number("SELECT count(*) FROM coinstore.cases WHERE state = 'alarm'").value(),
            0);
  EXPECT_GT(cluster_->number("SELECT count(*) FROM coinstore.cases WHERE state = 'proved'").value(),
            0);
}

// Every kind of money, planted ones included: what was taken from the cheques' loads is what the
// audit finds in the receipts, to the unit.
TEST_F(LoadtestTest, DepositsEveryKindOfMoney) {
  const Json result =
      run("deposit", {"--mix=coins=30,split=20,cheques=30,calls=20", "--rate=400", "--duration=5",
                      "--batch-size=20", "--repeats=0.1", "--double-spends=0.05", "--invalid=0.1"});
  expect_pass(result);
  EXPECT_EQ(result["mix"], "coins=30,split=20,cheques=30,calls=20");
  const int64_t cheques = sum_of("deposit", "cheques");
  EXPECT_LT(cheques, 0);
  EXPECT_GT(cluster_->number("SELECT count(*) FROM coinstore.tick").value(), 50);
  const Json& audited = result["audit"]["cheques"];
  const auto totals = std::find_if(audited.begin(), audited.end(),
                                   [](const Json& row) { return row["currency"] == "XTS"; });
  ASSERT_NE(totals, audited.end()) << audited;
  EXPECT_EQ((*totals)["loaded"], 0);
  EXPECT_EQ((*totals)["loadtest"], sum_of("loadtest_load", "cheques"));
  EXPECT_EQ((*totals)["deposited"], -cheques);
  EXPECT_EQ((*totals)["outstanding"], sum_of("loadtest_load", "cheques") + cheques);
  EXPECT_EQ(result["audit"]["loadtest"].size(), 3U);
  EXPECT_EQ(result["audit"]["alarms"].size(), 0U);
  // A cheque that was spent twice convicts as a coin does.
  EXPECT_TRUE(cafe::testing::eventually(std::chrono::seconds(30), [] {
    return cluster_->number("SELECT count(*) FROM coinstore.cases WHERE state <> 'proved'")
               .value() == 0;
  }));
}

TEST_F(LoadtestTest, RequestsAreKeptAndReplayed) {
  const std::string kept = cluster_->file("requests");
  const std::vector<std::string> load = {"--rate=100", "--duration=1", "--batch-size=10"};
  std::vector<std::string> save = load, replay = load;
  save.push_back("--save=" + kept);
  save.emplace_back("--mix=coins=2,calls=1");
  replay.push_back("--replay=" + kept);
  expect_pass(run("deposit", save));
  const std::string count = "SELECT count(*) FROM deposit.batch";
  const int64_t batches = cluster_->number(count).value();
  // The same orders under the same idempotency keys: the receipts come back as they were given.
  const Json replayed = run("deposit", replay);
  expect_pass(replayed);
  EXPECT_EQ(replayed["mix"], "coins=2,calls=1") << "the file knows what it holds";
  EXPECT_EQ(cluster_->number(count).value(), batches);
  const auto elsewhere = start("deposit", replay, 2);
  EXPECT_THAT(std::string(elsewhere.status().message()), ::testing::HasSubstr("REPLAY_MISMATCH"));
}

TEST_F(LoadtestTest, Authorize) {
  expect_pass(
      run("authorize", {"--rate=50", "--duration=2", "--mix=coins=1,split=1,cheques=1,calls=1"}));
}

TEST_F(LoadtestTest, AMixIsChecked) {
  const auto mixed = start("deposit", {"--rate=100", "--mix=coins=1,notes=1"});
  EXPECT_THAT(std::string(mixed.status().message()), ::testing::HasSubstr("A mix is a list"));
  const auto missing =
      start("deposit", {"--rate=100", "--mix=cheques=1", "--denomination=" + denomination("XTS")});
  EXPECT_THAT(std::string(missing.status().message()), ::testing::HasSubstr("NO_DENOMINATION"));
}

TEST_F(LoadtestTest, WithdrawIsCheckedAsAWalletDoes) {
  expect_pass(
      run("withdraw", {"--rate=30", "--duration=2", "--accounts=40", "--checked-share=0.2"}));
  EXPECT_GT(cluster_->number("SELECT count(*) FROM withdrawal.completed_order").value(), 30);
}

TEST_F(LoadtestTest, CoinstoreRecordsAndLooksUp) {
  expect_pass(run("coinstore", {"--rate=4000", "--duration=2", "--record-rows=200",
                                "--lookup-share=0.3", "--repeats=0.1"}));
}

TEST_F(LoadtestTest, MixedWithDevices) {
  expect_pass(run("mixed", {"--rate=30", "--duration=3", "--batch-size=20", "--accounts=40",
                            "--wallets=2", "--mix=coins=50,split=20,cheques=20,calls=10"}));
  EXPECT_GT(cluster_->number("SELECT count(*) FROM deposit.batch").value(), 0);
}

// What is posted for load tests stays apart from money.
TEST_F(LoadtestTest, ValueIsIssuedToLoadtestDenominationsOnly) {
  const auto real = cluster_->cafectl(
      {"loadtest", "issue", "--denomination", denomination("EUR"), "--amount", "5"});
  EXPECT_THAT(std::string(real.status().message()), ::testing::HasSubstr("NOT_LOADTEST"));
  const auto issue = [](const std::string& amount) {
    return cluster_->cafectl_json({"loadtest", "issue", "--denomination", denomination("XTS"),
                                   "--amount", amount, "--reference", "once"});
  };
  EXPECT_EQ((*issue("5"))[0]["new"], true);
  EXPECT_EQ((*issue("5"))[0]["new"], false);
  EXPECT_THAT(std::string(issue("6").status().message()), ::testing::HasSubstr("POSTING_CONFLICT"));
  // Whoever gets past cafectl is seen by the audit. Nothing takes it back, so this is the last
  // test.
  const auto database = storage::Database::open({.url = cluster_->postgres().url()});
  ASSERT_TRUE(database.ok()) << database.status();
  const auto id = protocol::from_hex(denomination("EUR")).value();
  const absl::Status posted =
      (*database)->transaction({}, [&](storage::Transaction& tx) -> absl::Status {
        return tx.query("SELECT ledger.issue_loadtest($1, 'past cafectl'::bytea, 5)", id).status();
      });
  ASSERT_TRUE(posted.ok()) << posted;
  const auto audit = cluster_->cafectl({"--json", "audit"});
  EXPECT_THAT(std::string(audit.status().message()), ::testing::HasSubstr("real coins"));
  const absl::Status loaded =
      (*database)->transaction({}, [&](storage::Transaction& tx) -> absl::Status {
        return tx.query("SELECT ledger.load_loadtest('nobody', 'past cafectl'::bytea, 5)").status();
      });
  ASSERT_TRUE(loaded.ok()) << loaded;
  const auto again = cluster_->cafectl({"--json", "audit"});
  EXPECT_THAT(std::string(again.status().message()), ::testing::HasSubstr("real cheques"));
}

}  // namespace
}  // namespace cafe::loadtest
