// A person with cafe-wallet against a real issuer: she registers, withdraws, pays with coins and
// cheques, talks by the tick, pays back; and her program may be killed at any moment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>

#include "tests/support/cluster.h"

namespace cafe::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class WalletProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = Cluster::start({.shops = 2});
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = std::move(*started);
  }

  std::vector<std::string> command(const std::vector<std::string>& lines) {
    std::vector<std::string> command = {
        program("cafe-wallet"),
        "--dir=" + cluster_->file("wallet").string(),
        "--withdrawal=" + cluster_->address("withdrawal"),
        "--deposit=" + cluster_->address("deposit"),
        "--tls-ca=" + cluster_->file("tls/ca.pem").string(),
        "--issuer-id=" + std::string(kClusterIssuer),
        "--trust=" + cluster_->trust(),
        "--line-cut=0",
        "--manufacturer-key=" + cluster_->file("manufacturer.key").string(),
        "--terminal=" + cluster_->terminal_file(0),
        "--terminal=" + cluster_->terminal_file(1),
        "--fund-command='" + program("cafectl") + "' --database-url '" +
            cluster_->postgres().url("cafe_operator") + "' account fund --batch -"};
    command.push_back("digits 2580");  // what the owner types where she is asked for a PIN
    command.insert(command.end(), lines.begin(), lines.end());
    return command;
  }
  // What a session prints, to its end.
  absl::StatusOr<std::string> session(const std::vector<std::string>& lines) {
    return run_command({.command = command(lines)});
  }
  std::string transcript(const std::vector<std::string>& lines) {
    const auto output = session(lines);
    EXPECT_TRUE(output.ok()) << output.status();
    return output.value_or("");
  }

  // Minor units of euros in all accounts of this kind.
  int64_t ledger(const std::string& kind) {
    const auto rows = cluster_->cafectl_json({"account", "list", "--kind", kind});
    EXPECT_TRUE(rows.ok()) << rows.status();
    int64_t sum = 0;
    if (!rows.ok()) return 0;
    for (const Json& row : *rows) {
      if (row["balance"].get<std::string>().ends_with("EUR")) {
        sum += row["minor units"].get<int64_t>();
      }
    }
    return sum;
  }
  // What the wallet says that it holds, in its last balance: what can be paid, and what waits for
  // blank cheques.
  static int64_t balance_in(const std::string& output) {
    static const std::regex kSum(R"(\| (EUR|Loaded) +(\d+)\.(\d\d)( EUR)? \|)");
    int64_t cents = -1;
    for (auto it = std::sregex_iterator(output.begin(), output.end(), kSum);
         it != std::sregex_iterator(); ++it) {
      const int64_t sum = 100 * std::stoll((*it)[2]) + std::stoll((*it)[3]);
      cents = (*it)[1] == "EUR" ? sum : cents + sum;
    }
    return cents;
  }
  void expect_exact_books() {
    const auto audit = cluster_->cafectl_json({"audit", "--trust", cluster_->trust()});
    ASSERT_TRUE(audit.ok()) << audit.status();
    EXPECT_EQ(audit->at("result"), "pass") << audit->dump(2);
  }

  std::unique_ptr<Cluster> cluster_;
};

TEST_F(WalletProgramTest, APersonLivesADay) {
  const std::string day =
      transcript({"register", "fund 300", "withdraw 100", "balance", "pay 12.34", "ok", "pay 7",
                  "cancel", "call 3 2", "back 5", "payments", "balance", "quit"});
  EXPECT_THAT(day, HasSubstr("| Welcome. You have an |\n| account now.         |\n"));
  EXPECT_THAT(day, HasSubstr("| Load for cheques     |\n"));
  EXPECT_THAT(day, HasSubstr("| You can pay any sum  |\n| up to 100.00 EUR     |\n"));
  EXPECT_THAT(day, HasSubstr("| Pay                  |\n"
                             "| Shop 0               |\n"
                             "|            12.34 EUR |\n"
                             "| Cancel            OK |\n"));
  EXPECT_THAT(day, HasSubstr("| Paid                 |\n"
                             "| Shop 0               |\n"
                             "|            12.34 EUR |\n"));
  EXPECT_THAT(day, HasSubstr("| You cancelled.       |\n"));
  EXPECT_THAT(day, HasSubstr("| Call: Shop 1         |\n"
                             "| 0.10 EUR / 10 s      |\n"));
  EXPECT_THAT(day, HasSubstr("| Call ended           |\n"
                             "| 3 x 10 s             |\n"
                             "|             0.30 EUR |\n"));
  EXPECT_THAT(day, HasSubstr("| Paid back            |\n"
                             "|             5.00 EUR |\n"));
  EXPECT_THAT(day, HasSubstr("| Your own account     |\n"
                             "| 5.00 EUR        back |\n"));
  EXPECT_THAT(day, HasSubstr("| Call: Shop 1         |\n"
                             "| 0.30 EUR     3 ticks |\n"));
  // The cancelled bill of 7.00 left no trace.
  EXPECT_THAT(day, Not(HasSubstr("7.00 EUR credited")));
  EXPECT_EQ(ledger("payee"), 1234 + 30);
  // What is issued and not spent is what the wallet says that it holds.
  EXPECT_EQ(ledger("coins") + ledger("cheques"), balance_in(day));
  EXPECT_EQ(ledger("customer"), 30'000 - 1234 - 30 - balance_in(day));
  expect_exact_books();
}

TEST_F(WalletProgramTest, SaysWhatItCannotDoAndLosesNothing) {
  transcript({"register", "fund 50", "withdraw 40 100"});
  const auto expect_error = [&](const std::string& line, const std::string& reason) {
    const auto output = session({line});
    ASSERT_FALSE(output.ok()) << line;
    EXPECT_THAT(std::string(output.status().message()), HasSubstr(reason)) << line;
  };
  expect_error("pay 45", "AMOUNT_NOT_PAYABLE");
  expect_error("withdraw 400", "INSUFFICIENT_FUNDS");
  expect_error("load 1000", "INSUFFICIENT_FUNDS");
  expect_error("pay 1.234", "BAD_AMOUNT");
  expect_error("pay 1 9", "UNKNOWN_COMMAND");
  expect_error("dance", "UNKNOWN_COMMAND");
  // The wallet is as good as before.
  EXPECT_THAT(transcript({"pay 40"}), HasSubstr("handed it in: 40.00 EUR credited"));
  EXPECT_EQ(ledger("payee"), 4000);
  expect_exact_books();
}

// Whoever finds the wallet pays small sums until the limit is used up, and nothing else.
TEST_F(WalletProgramTest, AThiefSpendsNoMoreThanTheOwnerAllowed) {
  const std::string owner =
      transcript({"register", "fund 100", "withdraw 60", "pin payment", "digits 2580",
                  "digits 137913791379", "pin limit 10", "pay 25", "pay 8", "pin"});
  EXPECT_THAT(owner, HasSubstr("| To pay:              |\n| Payment PIN?         |\n"));
  EXPECT_THAT(owner, HasSubstr("| Without PIN, EUR:    |\n"
                               "|                 2.00 |\n"
                               "| of             10.00 |\n"));
  EXPECT_THAT(owner, Not(HasSubstr("137913791379")));
  EXPECT_EQ(ledger("payee"), 3300);
  const auto thief = [&](const std::string& line) {
    const auto output = session({"digits 0000", line});
    return output.ok() ? std::string() : std::string(output.status().message());
  };
  EXPECT_THAT(thief("pay 2.01"), HasSubstr("PIN_BLOCKED"));
  EXPECT_THAT(thief("withdraw 100"), HasSubstr("PIN_BLOCKED"));
  EXPECT_THAT(thief("back 1"), HasSubstr("PIN_BLOCKED"));
  EXPECT_THAT(thief("pin off"), HasSubstr("PIN_BLOCKED"));
  EXPECT_EQ(thief("pay 2"), "");
  EXPECT_THAT(thief("pay 0.01"), HasSubstr("PIN_BLOCKED"));
  EXPECT_EQ(ledger("payee"), 3500);
  expect_exact_books();
}

TEST_F(WalletProgramTest, PaysWhileTheIssuerIsAway) {
  transcript({"register", "fund 50", "withdraw 20"});
  cluster_->kill_services();
  const std::string offline = transcript({"pay 3.33"});
  EXPECT_THAT(offline, HasSubstr("| Paid                 |\n"));
  EXPECT_THAT(offline, HasSubstr("Shop 0 will hand it in later."));
  EXPECT_EQ(ledger("payee"), 0);
  ASSERT_TRUE(cluster_->start_services().ok());
  EXPECT_THAT(transcript({"balance"}), HasSubstr("Shop 0 handed it in: 3.33 EUR credited."));
  EXPECT_EQ(ledger("payee"), 333);
}

// A program that is killed in the middle of anything goes on from there; no cent is lost or made.
TEST_F(WalletProgramTest, MayBeKilledAtAnyMoment) {
  transcript({"register", "fund 500"});
  std::vector<std::string> lines;
  for (int i = 0; i < 60; ++i) {
    if (i % 3 == 0) lines.push_back("withdraw 60");
    lines.push_back("pay " + std::to_string(1 + i % 7) + (i % 2 == 0 ? ".37" : ".50"));
    if (i % 4 == 0) lines.push_back("call 4");
    if (i % 9 == 0) lines.push_back("back 2.10");
  }
  for (int kill = 0; kill < 6; ++kill) {
    const std::filesystem::path output = cluster_->file("killed-" + std::to_string(kill));
    auto killed = Subprocess::start({.command = command(lines), .output = output});
    ASSERT_TRUE(killed.ok()) << killed.status();
    // Somewhere in the middle: after so much output, which is another place each time.
    const size_t enough = 1500 + 2311 * static_cast<size_t>(kill);
    ASSERT_TRUE(eventually(std::chrono::seconds(60), [&] {
      return (*killed)->output().size() >= enough || !(*killed)->running();
    }));
    (*killed)->kill();
  }
  // What was begun is finished at the start; the balance is of what is left.
  const std::string after = transcript({"balance"});
  const int64_t held = balance_in(after);
  ASSERT_GE(held, 0) << after;
  EXPECT_GT(ledger("payee"), 0);
  const int64_t outstanding = ledger("coins") + ledger("cheques");
  EXPECT_EQ(ledger("customer") + ledger("payee") + outstanding, 50'000);
  // A tick that was in doubt when the program was killed counts as paid in the wallet's books:
  // 0.10.
  EXPECT_GE(outstanding, held) << after;
  EXPECT_LE(outstanding, held + 6 * 10) << after;
  EXPECT_EQ((outstanding - held) % 10, 0) << after;
  expect_exact_books();
}

}  // namespace
}  // namespace cafe::testing
