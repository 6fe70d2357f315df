// The operator's audit of cheques: it explains every cent of a broken guardian's, and sees every
// row that somebody has altered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/integration/cheque_holder.h"

namespace cafe::testing {
namespace {

using ::testing::HasSubstr;

class AuditTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = Cluster::start({.shops = 1});
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = std::move(*started);
    auto joined = ChequeHolder::join(*cluster_, "audit");
    ASSERT_TRUE(joined.ok()) << joined.status();
    holder_ = std::move(*joined);
  }

  // The report of the audit with every signature, whether it passes or fails.
  Json audit() {
    const std::filesystem::path output = cluster_->file("audit-" + std::to_string(++audits_));
    auto run = Subprocess::start({.command = {program("cafectl"), "--json", "--database-url",
                                              cluster_->postgres().url("cafe_operator"), "audit",
                                              "--trust", cluster_->trust()},
                                  .output = output});
    EXPECT_TRUE(run.ok()) << run.status();
    EXPECT_TRUE((*run)->wait(std::chrono::minutes(1)).ok());
    return Json::parse((*run)->output(), nullptr, false);
  }
  void change(const std::string& sql) {
    const auto database = storage::Database::open({.url = cluster_->postgres().url()});
    ASSERT_TRUE(database.ok()) << database.status();
    const absl::Status changed =
        (*database)->transaction({}, [&](storage::Transaction& tx) { return tx.run_script(sql); });
    ASSERT_TRUE(changed.ok()) << sql << ": " << changed;
  }
  // The violations of one check.
  static std::string violations(const Json& report, const std::string& name) {
    for (const Json& check : report["checks"]) {
      if (check["check"] == name) return check.contains("first") ? check["first"].dump() : "";
    }
    return "no such check";
  }
  void credit(const absl::StatusOr<uint64_t>& credited, uint64_t expected) {
    ASSERT_TRUE(credited.ok()) << credited.status();
    EXPECT_EQ(*credited, expected);
  }

  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<ChequeHolder> holder_;
  int audits_ = 0;
};

TEST_F(AuditTest, ExplainsWhatChequesTookToTheCent) {
  for (const uint64_t amount : {2'000, 1'000}) ASSERT_TRUE(holder_->load(amount).ok());
  auto cheques = holder_->withdraw(4);
  ASSERT_TRUE(cheques.ok()) << cheques.status();
  credit(holder_->deposit(holder_->pay((*cheques)[0], 700)), 700);
  // A call of forty ticks of 10: five are deposited, then twelve.
  const TickCall call = holder_->call((*cheques)[1], 10, 40);
  credit(holder_->deposit(call.shown(5)), 50);
  credit(holder_->deposit(call.shown(12)), 70);
  Json report = audit();
  EXPECT_EQ(report["result"], "pass") << report.dump(2);
  EXPECT_EQ(report["cheques"], Json::parse(R"([{"issuer": "issuer-a.example", "currency": "EUR",
    "loaded": 3000, "loadtest": 0, "recovered": 0, "deposited": 820, "overdrawn": 0,
    "outstanding": 2180}])"));
  ASSERT_EQ(report["blank_cheques"].size(), 1u);
  EXPECT_EQ(report["blank_cheques"][0]["issued"], 4);
  EXPECT_EQ(report["blank_cheques"][0]["up_to"], 10'000);
  EXPECT_EQ(report["alarms"], Json::array());

  // The guardian is broken: it writes out more than it was loaded with.
  credit(holder_->deposit(holder_->pay((*cheques)[2], 5'000)), 5'000);
  report = audit();
  EXPECT_EQ(report["result"], "pass") << "the books are exact: " << report.dump(2);
  EXPECT_EQ(report["cheques"][0]["deposited"], 5'820);
  EXPECT_EQ(report["cheques"][0]["overdrawn"], 2'820);
  EXPECT_EQ(report["cheques"][0]["outstanding"], 0);
  ASSERT_EQ(report["alarms"].size(), 1u);
  EXPECT_EQ(report["alarms"][0]["overdrawn"], 2'820);
  EXPECT_EQ(report["alarms"][0]["currency"], "EUR");
  EXPECT_EQ(report["alarms"][0]["issuer"], "issuer-a.example");
  const auto text = cluster_->cafectl({"audit"});
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, HasSubstr("ALARM in batch"));
  EXPECT_THAT(*text, HasSubstr("28.20 EUR more than guardians were loaded with"));
}

TEST_F(AuditTest, SeesEveryAlteredRowOfLoadsAndCheques) {
  for (const uint64_t amount : {2'000, 1'000}) ASSERT_TRUE(holder_->load(amount).ok());
  auto cheques = holder_->withdraw(3);
  ASSERT_TRUE(cheques.ok()) << cheques.status();
  credit(holder_->deposit(holder_->pay((*cheques)[0], 4'000)), 4'000);  // 1,000 more than loaded
  const TickCall call = holder_->call((*cheques)[1], 10, 40);
  credit(holder_->deposit(call.shown(5)), 50);
  ASSERT_EQ(audit()["result"], "pass");

  struct Case {
    std::string alter;
    std::string mend;
    std::string check;
    std::string says;
  };
  const std::vector<Case> cases = {
      {"UPDATE withdrawal.load SET amount = amount + 1 WHERE sequence = 1",
       "UPDATE withdrawal.load SET amount = amount - 1 WHERE sequence = 1", "loads",
       "the order that was signed says something else"},
      {"UPDATE withdrawal.load SET currency = 'CHF' WHERE sequence = 1",
       "UPDATE withdrawal.load SET currency = 'EUR' WHERE sequence = 1", "loads",
       "the order that was signed says something else"},
      {"UPDATE withdrawal.load SET signed_order = set_byte(signed_order, "
       "octet_length(signed_order) - 1, get_byte(signed_order, octet_length(signed_order) - 1) # "
       "1)",
       "UPDATE withdrawal.load SET signed_order = set_byte(signed_order, "
       "octet_length(signed_order) - 1, get_byte(signed_order, octet_length(signed_order) - 1) # "
       "1)",
       "loads", "signature"},
      {"CREATE TABLE kept AS SELECT * FROM withdrawal.load; UPDATE withdrawal.load SET loaded = "
       "(SELECT k.loaded FROM kept k WHERE k.sequence <> load.sequence)",
       "UPDATE withdrawal.load SET loaded = (SELECT k.loaded FROM kept k WHERE k.sequence = "
       "load.sequence); DROP TABLE kept",
       "loads", "the load is of something else than what was ordered"},
      {"UPDATE withdrawal.account SET last_load = last_load + 1",
       "UPDATE withdrawal.account SET last_load = last_load - 1", "loads", "has a gap"},
      {"CREATE TABLE kept AS SELECT * FROM withdrawal.load WHERE sequence = 2; "
       "DELETE FROM withdrawal.load WHERE sequence = 2",
       "INSERT INTO withdrawal.load (account_id, sequence, order_digest, currency, amount, "
       "signed_order, loaded, key_certificate, loaded_at) SELECT account_id, sequence, "
       "order_digest, currency, amount, signed_order, loaded, key_certificate, loaded_at FROM "
       "kept; "
       "DROP TABLE kept",
       "loads", "documents say -2000, the ledger -3000"},
      {"UPDATE withdrawal.blank_cheque SET worth = worth - 1",
       "UPDATE withdrawal.blank_cheque SET worth = worth + 1", "cheques", "something else than"},
      {"UPDATE withdrawal.blank_cheque SET deposit_until = deposit_until - 1",
       "UPDATE withdrawal.blank_cheque SET deposit_until = deposit_until + 1", "cheques",
       "something else than"},
      {"UPDATE withdrawal.issued SET value = 1", "UPDATE withdrawal.issued SET value = 0",
       "cheques", "something else than"},
      {"UPDATE deposit.cheque_alarm SET amount = amount - 1",
       "UPDATE deposit.cheque_alarm SET amount = amount + 1", "cheques", "documents say"},
      {"CREATE TABLE kept AS SELECT * FROM coinstore.tick; DELETE FROM coinstore.tick",
       "INSERT INTO coinstore.tick SELECT * FROM kept; DROP TABLE kept", "coin store",
       "have no row at their place"},
      {"UPDATE coinstore.tick SET ticks = ticks - 1", "UPDATE coinstore.tick SET ticks = ticks + 1",
       "coin store", "have no row at their place"},
      {"CREATE TABLE kept AS SELECT * FROM deposit.cheque_spend WHERE ticks = 0; "
       "DELETE FROM deposit.cheque_spend WHERE ticks = 0",
       "INSERT INTO deposit.cheque_spend SELECT * FROM kept; DROP TABLE kept", "cheque spends",
       "have no row at their place"},
      {"UPDATE deposit.cheque_spend SET ticks = 6 WHERE ticks = 5",
       "UPDATE deposit.cheque_spend SET ticks = 5 WHERE ticks = 6", "cheque spends",
       "have no row at their place"},
      {"INSERT INTO deposit.cheque_spend (batch, ticks, payment, spend, coin_id) "
       "SELECT batch, 39, payment, spend, coin_id FROM deposit.cheque_spend WHERE ticks = 5",
       "DELETE FROM deposit.cheque_spend WHERE ticks = 39", "cheque spends",
       "deposit keeps 3 spends of cheques, the receipts credit 2"},
  };
  for (const Case& c : cases) {
    change(c.alter);
    const Json report = audit();
    EXPECT_EQ(report["result"], "fail") << c.alter;
    EXPECT_THAT(violations(report, c.check), HasSubstr(c.says)) << c.alter;
    change(c.mend);
  }
  EXPECT_EQ(audit()["result"], "pass") << audit().dump(2);

  // Loads under a key that trust.json does not name are nobody's.
  const Json trust = Json::parse(std::ifstream(cluster_->trust()));
  Json without = trust;
  without["load_keys"] = Json::array();
  std::ofstream(cluster_->trust()) << without.dump();
  EXPECT_THAT(violations(audit(), "loads"), HasSubstr("no load key of trust.json"));
}

}  // namespace
}  // namespace cafe::testing
