// The operator's side of a lost wallet whose owner has no card: cafectl, with the operator's
// certificate, against the real service.
#include <gmock/gmock.h>

#include "libs/protocol/status.h"
#include "tests/integration/cheque_holder.h"

namespace cafe::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LostAccountTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = Cluster::start({.shops = 1});
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = std::move(*started);
  }

  std::unique_ptr<ChequeHolder> join(const std::string& seed) {
    auto holder = ChequeHolder::join(*cluster_, seed);
    EXPECT_TRUE(holder.ok()) << holder.status();
    return holder.ok() ? *std::move(holder) : nullptr;
  }
  // `cafectl account ...` with a service's certificate.
  absl::StatusOr<Json> act(std::vector<std::string> words, const std::string& as = "operator") {
    words.insert(words.begin(), "account");
    for (const std::string& option :
         {std::string("--identified-by"), std::string("passport, seen by clerk 7"),
          std::string("--withdrawal"), cluster_->address("withdrawal"), std::string("--tls-cert"),
          cluster_->file("tls/" + as + ".pem").string(), std::string("--tls-key"),
          cluster_->file("tls/" + as + ".key").string(), std::string("--tls-ca"),
          cluster_->file("tls/ca.pem").string()}) {
      words.push_back(option);
    }
    return cluster_->cafectl_json(words);
  }
  Json show(const protocol::AccountId& account) {
    const auto shown = cluster_->cafectl_json({"account", "show", account.hex()});
    EXPECT_TRUE(shown.ok()) << shown.status();
    return shown.value_or(Json());
  }

  std::unique_ptr<Cluster> cluster_;
};

TEST_F(LostAccountTest, OperatorClosesItAndGivesItASuccessor) {
  const auto lost = join("lost"), heir = join("heir");
  ASSERT_TRUE(lost && heir);
  ASSERT_TRUE(lost->load(2'500).ok());
  EXPECT_EQ(show(lost->account())["standing"], "open");

  const auto refused = act({"lost", lost->account().hex()}, "deposit");
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("CALLER_NOT_ALLOWED"));
  EXPECT_EQ(show(lost->account())["standing"], "open");

  const auto told = act({"lost", lost->account().hex()});
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ((*told)["last load"], 1);
  EXPECT_EQ(protocol::reason_of(lost->load(1)), "ACCOUNT_CLOSED");
  EXPECT_EQ(act({"lost", lost->account().hex()}).value_or(Json()), *told) << "the same again";
  Json shown = show(lost->account());
  EXPECT_EQ(shown["standing"], "lost");
  EXPECT_EQ(shown["reported by"], "passport, seen by clerk 7");
  EXPECT_EQ(shown["lost"], (*told)["lost"]);
  EXPECT_EQ(shown["successor"], nullptr);
  EXPECT_THAT(shown["holds"], ElementsAre("975.00 EUR"));

  const auto replaced = act({"replace", lost->account().hex(), heir->account().hex()});
  ASSERT_TRUE(replaced.ok()) << replaced.status();
  shown = show(lost->account());
  EXPECT_EQ(shown["successor"], heir->account().hex());
  EXPECT_EQ(shown["replaced by"], "passport, seen by clerk 7");
  EXPECT_THAT(shown["holds"], ElementsAre("0.00 EUR"));
  shown = show(heir->account());
  EXPECT_EQ(shown["standing"], "open");
  EXPECT_THAT(shown["holds"], ElementsAre("1 975.00 EUR"));
  EXPECT_THAT(shown["takes the place of"], ElementsAre(lost->account().hex()));

  const auto audit = cluster_->cafectl_json({"audit", "--trust", cluster_->trust()});
  ASSERT_TRUE(audit.ok()) << audit.status();
  EXPECT_EQ(audit->at("result"), "pass") << audit->dump(2);
}

}  // namespace
}  // namespace cafe::testing
