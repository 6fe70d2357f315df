#include "loadtest/results_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loadtest/testing/made_up_results.h"

namespace cafe::loadtest {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ResultsTableTest, ShowsWhatAnOperatorAsksFor) {
  const std::string table =
      to_table(to_json(made_up_description(), made_up_campaign(1e6), {{"result", "pass"}}));
  EXPECT_THAT(table, HasSubstr("fake: things (good=3,bad=1), 10 in a request"));
  EXPECT_THAT(table, HasSubstr("2 cores, Played CPU, 8.0 GiB"));
  EXPECT_THAT(table, ContainsRegex("confirm +[0-9],[0-9]+ +[0-9],[0-9]+ +0\\.0 %"));
  EXPECT_THAT(table, ContainsRegex("postgres +[0-9.]+ +0\\.50 +114"));
  EXPECT_THAT(table, ContainsRegex("together +[0-9.]+ +1\\.00"));
  EXPECT_THAT(table, ContainsRegex("sustained +9,[0-9]+ things/s"));
  EXPECT_THAT(table, ContainsRegex("overload +2\\.0 times that"));
  EXPECT_THAT(table, ContainsRegex("audit +pass"));
  EXPECT_THAT(table, ContainsRegex("result +pass"));
  EXPECT_THAT(table, Not(HasSubstr("NOT STARTED")));
}

TEST(ResultsTableTest, SaysLoudlyWhatWasNotStartedAndWhatFailed) {
  Campaign campaign;
  campaign.runs.resize(1);
  campaign.runs[0].purpose = "rate";
  campaign.runs[0].tally.due = {2'000, 2'000};
  campaign.runs[0].tally.not_started = {1'234, 1'234};
  campaign.runs[0].tally.failed = {7, 7};
  campaign.runs[0].tally.reasons["INTERNAL"] = 7;
  campaign.wrong = {"something is wrong"};
  const std::string table = to_table(to_json(made_up_description(), campaign, nullptr));
  EXPECT_THAT(table, HasSubstr("1,234 of 2,000 requests were NOT STARTED"));
  EXPECT_THAT(table, HasSubstr("failed: INTERNAL, 7 times"));
  EXPECT_THAT(table, ContainsRegex("result +fail\n +something is wrong"));
}

TEST(ResultsTableTest, AMixIsToldWhereThereIsOne) {
  TestDescription description = made_up_description();
  description.mix.clear();
  Json document = to_json(description, {}, nullptr);
  EXPECT_TRUE(document.at("mix").is_null());
  EXPECT_THAT(to_table(document), HasSubstr("fake: things, 10 in a request"));
  document.erase("mix");
  EXPECT_THAT(to_table(document), HasSubstr("fake: things, 10 in a request"));
}

TEST(ResultsTableTest, ATestThatWasStoppedBeforeItsFirstRunHasATable) {
  EXPECT_THAT(to_table(to_json(made_up_description(), {}, nullptr)), HasSubstr("result"));
}

}  // namespace
}  // namespace cafe::loadtest
