// An issuer from its first key to a proved double-spender: devices withdraw, pay, deposit and cheat
// against the real services, and the operator looks at what came of it.
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "tests/support/cluster.h"

namespace cafe::testing {
namespace {

const std::vector<std::string> kLoad = {"--wallets=12",        "--payments=60",
                                        "--double-spenders=2", "--deposit-batch=10",
                                        "--seed=lifecycle",    "--threads=4"};

class LifecycleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = Cluster::start();
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = std::move(*started);
  }

  // The report of a run that passes.
  Json simulate(Cluster& cluster, const std::vector<std::string>& options = kLoad) {
    const auto run = cluster.simulate(options);
    if (!run.ok()) ADD_FAILURE() << run.status();
    const auto report = (*run)->report();
    if (!report.ok()) ADD_FAILURE() << report.status();
    EXPECT_EQ(report->at("result"), "pass") << report->at("wrong").dump(2);
    EXPECT_EQ(report->at("audit").at("result"), "pass") << report->at("audit").dump(2);
    return *report;
  }

  Json operate(std::vector<std::string> arguments) {
    const auto json = cluster_->cafectl_json(arguments);
    EXPECT_TRUE(json.ok()) << arguments[0] << ": " << json.status();
    return json.value_or(Json());
  }

  std::set<std::string> accounts_of(const Json& rows) {
    std::set<std::string> accounts;
    for (const Json& row : rows) accounts.insert(row.at("account"));
    return accounts;
  }

  std::unique_ptr<Cluster> cluster_;
};

TEST_F(LifecycleTest, ConvictsExactlyThePlantedWithEvidenceThatVerifies) {
  const Json report = simulate(*cluster_);
  EXPECT_EQ(report["run"]["errands"], 60);
  EXPECT_EQ(report["deposit"]["payments"], report["payment"]["payments"]);
  EXPECT_EQ(report["double_spenders"]["planted"], 2);
  EXPECT_EQ(report["double_spenders"]["exactly"], true);

  const Json cases = operate({"case", "list"});
  ASSERT_GE(cases.size(), 2u);
  std::set<std::string> planted = report["double_spenders"]["accounts"];
  EXPECT_EQ(accounts_of(cases), planted);
  for (const Json& row : cases) {
    EXPECT_EQ(row["state"], "proved");
    const std::string number = row["case"].dump();
    const std::string evidence = cluster_->file("case-" + number + ".json");
    operate({"case", "export", number, "--out", evidence});
    const Json verdict = operate({"evidence", "verify", evidence, "--trust", cluster_->trust()});
    EXPECT_EQ(verdict["account"], row["account"]);
    EXPECT_EQ(verdict["coin"], row["coin"]);
    EXPECT_EQ(verdict["slot"], row["slot"]);
  }
  // Each has one case that proves anything, and its account is closed for it.
  const auto closed = cluster_->texts(
      "SELECT encode(account_id, 'hex') FROM withdrawal.account WHERE closed_at IS NOT NULL");
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_EQ(std::set(closed->begin(), closed->end()), planted);
  EXPECT_EQ(std::count_if(cases.begin(), cases.end(),
                          [](const Json& row) { return row["first of account"] == true; }),
            2);
}

// Coins of one slot and of several, cheques, ticks, money that goes back, payments above both
// limits; and guardians that are broken in either way.
TEST_F(LifecycleTest, EveryKindOfMoneyIsPaidAndEveryFraudIsFound) {
  const Json report =
      simulate(*cluster_, {"--wallets=40", "--payments=200", "--double-spenders=4",
                           "--overdrawers=4", "--large=3", "--identified=1", "--deposit-batch=20",
                           "--seed=every kind", "--mix=bills=70,calls=20,back=10"});
  for (const auto& [kind, sums] : report["money"].items()) EXPECT_GT(sums["slots"], 0) << kind;
  EXPECT_GE(report["payment"]["authorized"], 4);
  EXPECT_EQ(report["payment"]["identified"], 1);
  EXPECT_GT(report["calls"]["ticks"], report["calls"]["calls"]);
  EXPECT_GT(report["paid_back"]["value"], 0);
  EXPECT_EQ(report["double_spenders"]["planted"], 4);
  EXPECT_EQ(report["double_spenders"]["exactly"], true);
  EXPECT_EQ(report["overdrawn"]["guardians"], 4);
  EXPECT_GE(report["overdrawn"]["alarms"], 4);

  // Everybody has paid back what was left: no counter holds anything any more.
  const Json& cheques = report["audit"]["cheques"];
  ASSERT_EQ(cheques.size(), 1u);
  EXPECT_EQ(cheques[0]["outstanding"], 0);
  EXPECT_EQ(cheques[0]["overdrawn"], report["overdrawn"]["alarmed"]);
  // Both kinds were spent twice, and both are evidence.
  for (const Json& row : operate({"case", "list"})) {
    const std::string evidence = cluster_->file("case-" + row["case"].dump() + ".json");
    operate({"case", "export", row["case"].dump(), "--out", evidence});
    operate({"evidence", "verify", evidence, "--trust", cluster_->trust()});
  }
}

TEST_F(LifecycleTest, EvidenceCountsUnderTheIssuersOwnKeysOnly) {
  simulate(*cluster_, {"--wallets=2", "--payments=2", "--double-spenders=1", "--seed=evidence"});
  const std::string evidence = cluster_->file("case.json");
  operate({"case", "export", "1", "--out", evidence});
  // Somebody else's issuer of the same name.
  const std::string other = cluster_->file("other");
  operate({"issuer", "init", "--config", cluster_->file("issuer.json"), "--dir", other});
  const auto verdict =
      cluster_->cafectl({"evidence", "verify", evidence, "--trust", other + "/trust.json"});
  EXPECT_FALSE(verdict.ok());
  EXPECT_NE(verdict.status().message().find("BAD_SIGNATURE"), std::string::npos)
      << verdict.status();
}

// The seed fixes everything but times: two issuers with other keys see the same people do the same.
TEST_F(LifecycleTest, TheSameSeedDoesTheSame) {
  const Json first = simulate(*cluster_);
  auto second_cluster = Cluster::start();
  ASSERT_TRUE(second_cluster.ok()) << second_cluster.status();
  const Json second = simulate(**second_cluster);
  for (const auto& [group, key] : {std::pair{"withdrawal", "registered"},
                                   {"withdrawal", "orders"},
                                   {"withdrawal", "coins"},
                                   {"payment", "payments"},
                                   {"payment", "value"},
                                   {"payment", "slots"},
                                   {"payment", "contacts"},
                                   {"calls", "ticks"},
                                   {"paid_back", "value"},
                                   {"deposit", "payments"},
                                   {"double_spenders", "planted"},
                                   {"double_spenders", "cases"},
                                   {"double_spenders", "accounts"}}) {
    EXPECT_EQ(first[group][key], second[group][key]) << group << " " << key;
  }
  std::vector<std::string> other_seed = kLoad;
  other_seed[4] = "--seed=another";
  const Json third = simulate(**second_cluster, other_seed);
  EXPECT_NE(first["payment"]["value"], third["payment"]["value"]);
}

TEST_F(LifecycleTest, EveryJsonOfTheOperatorParsesAndSaysTheSameAsTheDevices) {
  const Json report = simulate(*cluster_);
  const std::string issuer = cluster_->file("issuer");

  uint64_t credited = 0;
  for (const Json& row : operate({"account", "list", "--kind", "payee"}))
    credited += row.at("minor units").get<uint64_t>();
  EXPECT_EQ(credited, report["deposit"]["credited"]);
  EXPECT_EQ(operate({"account", "list", "--kind", "customer"}).size(), 12u);
  EXPECT_GT(operate({"account", "list", "--kind", ""}).size(), 12u + 3u);

  const Json payees = operate({"payee", "list"});
  ASSERT_EQ(payees.size(), 3u);
  EXPECT_EQ(payees[0].at("terminals"), 1);
  EXPECT_EQ(operate({"denominations", "list"}).size(), 13u);
  EXPECT_TRUE(operate({"issuer", "list", "--dir", issuer}).is_structured());
  EXPECT_TRUE(operate({"issuer", "trust", "--dir", issuer}).is_structured());
  EXPECT_EQ(operate({"audit"}).at("result"), "pass");

  // An error is JSON too, and says what to do.
  const auto wrong = cluster_->cafectl({"--json", "case", "export", "99"});
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.status().message().find(R"("reason":"NO_PROOF")"), std::string::npos);
  // People get tables.
  const auto table = cluster_->cafectl({"payee", "list"});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_TRUE(table->starts_with("payee ")) << *table;
}

TEST_F(LifecycleTest, RestartingEverythingKeepsEverything) {
  simulate(*cluster_);
  const Json cases = operate({"case", "list"});
  const auto before = cluster_->fingerprint();
  ASSERT_TRUE(before.ok()) << before.status();

  ASSERT_TRUE(cluster_->stop_services().ok());
  ASSERT_TRUE(cluster_->postgres().restart().ok());
  ASSERT_TRUE(cluster_->redis().start_again().ok());
  const absl::Status started = cluster_->start_services();
  ASSERT_TRUE(started.ok()) << started;

  const auto after = cluster_->fingerprint();
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(*before, *after);
  EXPECT_EQ(operate({"case", "list"}), cases);
  // And it goes on, with new people.
  const Json second = simulate(*cluster_, {"--wallets=6", "--payments=24", "--double-spenders=1",
                                           "--seed=after the restart"});
  EXPECT_EQ(second["double_spenders"]["caught"], 1) << "earlier cases are not counted again";
  EXPECT_EQ(operate({"audit", "--trust", cluster_->trust()}).at("result"), "pass");
}

TEST_F(LifecycleTest, ServicesDoUseTheirRedis) {
  simulate(*cluster_, {"--wallets=2", "--payments=2", "--double-spenders=0"});
  const auto keys =
      run_command({.command = {"redis-cli", "-s", cluster_->redis().address(), "dbsize"}});
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_GT(std::stoi(*keys), 0) << "nobody ever reached it";
}

}  // namespace
}  // namespace cafe::testing
