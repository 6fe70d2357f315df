#include "loadtest/scenarios/planted.h"

#include <gtest/gtest.h>

namespace cafe::loadtest {
namespace {

using protocol::PaymentVerdict;
using protocol::VerdictCode;

PlannedRole planned(Role role, uint64_t pair = 0, Fault fault = Fault::kCount,
                    Money money = Money::kCoin) {
  return {role, fault, money, pair};
}
protocol::Receipt receipt(std::vector<PaymentVerdict> verdicts) {
  protocol::Receipt out{};
  out.verdicts = std::move(verdicts);
  return out;
}
PaymentVerdict verdict(VerdictCode code, const std::string& reason = "") {
  return {.code = code, .reason = reason, .credited = 0, .currency = "XTS", .slots = {}};
}

TEST(PlantedChecksTest, EachRoleHasItsVerdicts) {
  struct Row {
    PlannedRole role;
    PaymentVerdict verdict;
    bool fits;
  };
  const PlannedRole bad_path = planned(Role::kInvalid, 0, Fault::kPath);
  const std::vector<Row> rows = {
      {planned(Role::kFresh), verdict(VerdictCode::kAccepted), true},
      {planned(Role::kFresh), verdict(VerdictCode::kRepeat), false},
      {planned(Role::kFresh), verdict(VerdictCode::kRefused, "BAD_PATH"), false},
      {planned(Role::kRepeated), verdict(VerdictCode::kAccepted), true},
      {planned(Role::kRepeated), verdict(VerdictCode::kRepeat), true},
      {planned(Role::kRepeated), verdict(VerdictCode::kSpentBefore), false},
      {planned(Role::kDoubleSpent), verdict(VerdictCode::kAccepted), true},
      {planned(Role::kDoubleSpent), verdict(VerdictCode::kSpentBefore), true},
      {planned(Role::kDoubleSpent), verdict(VerdictCode::kCreditedSpentBefore), true},
      {planned(Role::kDoubleSpent), verdict(VerdictCode::kRepeat), false},
      {bad_path, verdict(VerdictCode::kRefused, "BAD_PATH"), true},
      {bad_path, verdict(VerdictCode::kRefused, "COIN_INVALID"), false},
      {bad_path, verdict(VerdictCode::kAccepted), false},
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    PlantedChecks checks;
    EXPECT_EQ(checks.take({rows[i].role}, receipt({rows[i].verdict})), rows[i].fits) << i;
    EXPECT_EQ(checks.finish().ok(), rows[i].fits) << i;
  }
}

TEST(PlantedChecksTest, OfAPairExactlyOneIsAccepted) {
  const auto check = [](VerdictCode first, VerdictCode second) {
    PlantedChecks checks;
    checks.take({planned(Role::kDoubleSpent, 5)}, receipt({verdict(first)}));
    checks.take({planned(Role::kDoubleSpent, 5)}, receipt({verdict(second)}));
    return checks.finish().ok();
  };
  EXPECT_TRUE(check(VerdictCode::kAccepted, VerdictCode::kSpentBefore));
  EXPECT_TRUE(check(VerdictCode::kSpentBefore, VerdictCode::kAccepted)) << "in whatever order";
  EXPECT_FALSE(check(VerdictCode::kAccepted, VerdictCode::kAccepted))
      << "a double spend got through";
  EXPECT_FALSE(check(VerdictCode::kSpentBefore, VerdictCode::kSpentBefore));
}

TEST(PlantedChecksTest, MoneyOfEachKindIsCounted) {
  PlantedChecks checks;
  EXPECT_EQ(checks.summary(), "no verdicts");
  const PaymentVerdict accepted = verdict(VerdictCode::kAccepted);
  checks.take({planned(Role::kFresh)}, receipt({accepted}));
  EXPECT_EQ(checks.summary(), "accepted 1");
  checks.take({planned(Role::kFresh, 0, Fault::kCount, Money::kCall),
               planned(Role::kInvalid, 0, Fault::kTick, Money::kCall)},
              receipt({accepted, verdict(VerdictCode::kRefused, "BAD_TICK")}));
  EXPECT_EQ(checks.summary(), "coins: accepted 1; calls: accepted 1, refused 1");
  EXPECT_EQ(checks.accepted(), 2U);
  checks.take({planned(Role::kFresh, 0, Fault::kCount, Money::kCheque)},
              receipt({verdict(VerdictCode::kRefused, "SPEND_INVALID")}));
  EXPECT_NE(checks.finish().message().find("a fresh payment of cheques was answered refused"),
            std::string_view::npos);
}

TEST(PlantedChecksTest, AReceiptHasAVerdictForEachPayment) {
  PlantedChecks checks;
  EXPECT_FALSE(checks.take({planned(Role::kFresh), planned(Role::kFresh)},
                           receipt({verdict(VerdictCode::kAccepted)})));
  EXPECT_EQ(protocol::reason_of(checks.finish()), "WRONG_VERDICTS");
}

}  // namespace
}  // namespace cafe::loadtest
