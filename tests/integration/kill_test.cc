// Everything dies in the middle of a run, and in the end nothing is lost, nothing is paid twice,
// and the double-spenders are caught all the same.
#include <gtest/gtest.h>

#include "tests/support/cluster.h"

namespace cafe::testing {
namespace {

using std::chrono::minutes;

class KillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = Cluster::start();
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = std::move(*started);
  }

  std::unique_ptr<SimulatorRun> simulate(const std::string& seed, int wallets, int payments) {
    auto run = cluster_->simulate({"--wallets=" + std::to_string(wallets),
                                   "--payments=" + std::to_string(payments), "--double-spenders=3",
                                   "--deposit-batch=4", "--threads=6", "--seed=" + seed});
    if (!run.ok()) ADD_FAILURE() << run.status();
    return std::move(*run);
  }

  // Waits until the issuer has got that far while the devices are still at it.
  bool reached(SimulatorRun& run, const std::string& counted, int64_t least) {
    const bool there = eventually(minutes(2), [&] {
      return cluster_->number("SELECT count(*) FROM " + counted).value_or(0) >= least ||
             !run.process().running();
    });
    return there && run.process().running();
  }

  Json passes(SimulatorRun& run) {
    const auto report = run.report();
    if (!report.ok()) {
      ADD_FAILURE() << report.status();
      return Json::object();
    }
    EXPECT_EQ(report->at("result"), "pass") << report->at("wrong").dump(2);
    EXPECT_EQ(report->at("audit").at("result"), "pass") << report->at("audit").dump(2);
    EXPECT_EQ(report->at("double_spenders").at("planted"), 3);
    EXPECT_EQ(report->at("double_spenders").at("exactly"), true);
    return *report;
  }

  std::unique_ptr<Cluster> cluster_;
};

TEST_F(KillTest, AllServicesThreeTimes) {
  const auto run = simulate("services", 40, 800);
  for (const auto& [counted, least] :
       {std::pair{"withdrawal.completed_order", 5}, {"deposit.batch", 30}, {"deposit.batch", 90}}) {
    ASSERT_TRUE(reached(*run, counted, least)) << run->process().output();
    cluster_->kill_services();
    for (const char* name : kServices) ASSERT_FALSE(cluster_->running(name));
    const absl::Status started = cluster_->start_services();
    ASSERT_TRUE(started.ok()) << started;
    EXPECT_TRUE(run->process().running()) << "the kill came too late to be in the middle";
  }
  const Json report = passes(*run);
  EXPECT_GT(report["repeated_calls"], 0) << "no call ever met a dead service";
}

// The others live on, and find the one that came back.
TEST_F(KillTest, EachServiceByItself) {
  const auto run = simulate("one by one", 40, 800);
  int64_t batches = 0;
  for (const char* name : kServices) {
    ASSERT_TRUE(reached(*run, "deposit.batch", batches += 30)) << run->process().output();
    cluster_->kill(name);
    const absl::Status started = cluster_->start_service(name);
    ASSERT_TRUE(started.ok()) << started;
    EXPECT_TRUE(run->process().running()) << "the kill came too late to be in the middle";
  }
  passes(*run);
}

TEST_F(KillTest, RedisGoneForTheWholeRun) {
  cluster_->redis().kill();
  const auto run = simulate("redis", 12, 120);
  passes(*run);
}

TEST_F(KillTest, RedisDiesAndComesBackEmptyInTheMiddle) {
  const auto run = simulate("redis back", 20, 300);
  ASSERT_TRUE(reached(*run, "deposit.batch", 10)) << run->process().output();
  cluster_->redis().kill();
  ASSERT_TRUE(reached(*run, "deposit.batch", 30)) << run->process().output();
  ASSERT_TRUE(cluster_->redis().start_again().ok());
  passes(*run);
}

TEST_F(KillTest, PostgresOnceInTheMiddle) {
  const auto run = simulate("postgres", 30, 500);
  ASSERT_TRUE(reached(*run, "deposit.batch", 30)) << run->process().output();
  cluster_->postgres().kill();
  const absl::Status started = cluster_->postgres().start_again();
  ASSERT_TRUE(started.ok()) << started;
  EXPECT_TRUE(run->process().running()) << "the kill came too late to be in the middle";
  passes(*run);
  for (const char* name : kServices)
    EXPECT_TRUE(cluster_->running(name)) << name << " did not outlive its database";
}

// An order that was opened before the database was killed and is completed after it: it is dead,
// for ever, and the wallet has it voided and opens it anew.
TEST_F(KillTest, OrdersThatADatabaseRestartKillsAreVoidedAndOpenedAnew) {
  cluster_->kill("withdrawal");
  ASSERT_TRUE(
      cluster_->start_service("withdrawal", "withdrawal/complete-before-commit=crash@8").ok());
  const auto run = simulate("dead orders", 20, 100);
  // It dies with an order in its hands that nobody has seen completed.
  ASSERT_TRUE(eventually(minutes(1), [&] { return !cluster_->running("withdrawal"); }));
  cluster_->postgres().kill();
  ASSERT_TRUE(cluster_->postgres().start_again().ok());
  ASSERT_TRUE(cluster_->start_service("withdrawal").ok());
  const Json report = passes(*run);
  EXPECT_GE(report["withdrawal"]["voided_orders"], 1);
  EXPECT_GE(cluster_->number("SELECT count(*) FROM withdrawal.order_slot WHERE outcome = 'void'")
                .value_or(0),
            1);
}

}  // namespace
}  // namespace cafe::testing
