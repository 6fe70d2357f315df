// What must not get out of a service by its logs, its metrics or its corpse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/integration/leaks.h"
#include "tests/integration/lost_holder.h"

namespace cafe::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(LeaksTest, EveryFormIsFound) {
  const protocol::Bytes bytes = protocol::from_hex(
                                    "ab0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e"
                                    "ff")
                                    .value();
  const std::vector<Secret> secrets = {{"the key", bytes}};
  const std::string hex = protocol::to_hex(bytes);
  std::string upper = hex;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const std::string& form : {hex, upper, protocol::to_string(bytes),
                                  std::string("qwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8=")}) {
    EXPECT_THAT(leaks_in("the log", "key=" + form + ", more", secrets),
                ElementsAre("the log holds the key"));
  }
  EXPECT_THAT(leaks_in("the log", "key=" + hex.substr(2) + "ab", secrets), IsEmpty());
}

class SecretsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::vector<std::string> talkative = {"--log-level=debug", "--log-format=json"};
    auto started = Cluster::start({.arguments = {{"withdrawal", talkative},
                                                 {"deposit", talkative},
                                                 {"doublespend", talkative},
                                                 {"recovery", talkative}}});
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = std::move(*started);
  }

  void simulate(const std::string& seed) {
    const auto run = cluster_->simulate({"--wallets=8", "--payments=40", "--double-spenders=2",
                                         "--deposit-batch=5", "--seed=" + seed});
    ASSERT_TRUE(run.ok()) << run.status();
    const auto report = (*run)->report();
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->at("result"), "pass") << report->at("wrong").dump(2);
  }

  std::string file_of(const std::string& service, const std::string& name) {
    std::ifstream in("/proc/" + std::to_string(cluster_->process(service).pid()) + "/" + name);
    std::stringstream content;
    content << in.rdbuf();
    return content.str();
  }

  std::unique_ptr<Cluster> cluster_;
};

TEST_F(SecretsTest, LogsAndMetricsHoldNoneEvenWhenServicesTalkMost) {
  simulate("talk");
  const auto recovered = lose_and_recover(*cluster_);
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_THAT(leaks_of(*cluster_), IsEmpty());
  // Also where things go wrong: the database dies under them.
  cluster_->postgres().kill();
  ASSERT_TRUE(cluster_->postgres().start_again().ok());
  simulate("talk after a crash");
  EXPECT_THAT(leaks_of(*cluster_), IsEmpty());
  for (const std::string name : kServices)
    EXPECT_THAT(cluster_->log(name), HasSubstr("\"debug\"")) << name << " was not talkative";
}

TEST_F(SecretsTest, ALogThatToldOneWouldBeSeen) {
  simulate("told");
  const auto secrets = secrets_of(*cluster_);
  ASSERT_TRUE(secrets.ok()) << secrets.status();
  std::ofstream(cluster_->file("log/deposit"), std::ios::app)
      << "key=" << protocol::to_hex(secrets->front().bytes) << "\n";
  EXPECT_THAT(leaks_of(*cluster_), ElementsAre(HasSubstr("the log of deposit holds")));
}

// A core dump would hold every key that the process holds.
TEST_F(SecretsTest, ServicesLeaveNoCore) {
  for (const std::string name : kServices) {
    std::istringstream limits(file_of(name, "limits"));
    std::string line;
    while (std::getline(limits, line) && !line.starts_with("Max core file size")) {
    }
    std::istringstream words(line);
    std::string max, core, file, size, soft, hard;
    words >> max >> core >> file >> size >> soft >> hard;
    EXPECT_EQ(soft, "0") << name << ": " << line;
    EXPECT_EQ(hard, "0") << name << ": " << line;
  }
}

TEST_F(SecretsTest, KeysStandInNoCommandLineAndNoEnvironment) {
  const auto secrets = secrets_of(*cluster_);
  EXPECT_FALSE(secrets.ok()) << "no coin was spent yet";
  simulate("command line");
  for (const std::string name : kServices) {
    EXPECT_THAT(leaks_in(name, file_of(name, "cmdline"), secrets_of(*cluster_).value()), IsEmpty());
    EXPECT_THAT(file_of(name, "cmdline"), HasSubstr("--signing-key"));
  }
}

TEST_F(SecretsTest, SecretFilesAreTheirOwnersAlone) {
  namespace fs = std::filesystem;
  for (const std::string name :
       {"issuer/master.key", "issuer/denominations.secret", "issuer/deposit.key",
        "issuer/withdrawal.key", "issuer/coinstore.key", "issuer/enrolment.key",
        "issuer/recovery.key", "issuer/load.key", "manufacturer.key", "tls/ca.key",
        "tls/deposit.key", "tls/recovery.key", "shops/0.json"}) {
    EXPECT_EQ(fs::status(cluster_->file(name)).permissions() & fs::perms::all,
              fs::perms::owner_read | fs::perms::owner_write)
        << name;
  }
  // And a service refuses one that others can read.
  cluster_->kill("deposit");
  fs::permissions(cluster_->file("issuer/deposit.key"), fs::perms::others_read,
                  fs::perm_options::add);
  const absl::Status started = cluster_->start_service("deposit");
  EXPECT_THAT(std::string(started.message()), HasSubstr("KEY_FILE_EXPOSED"));
}

}  // namespace
}  // namespace cafe::testing
