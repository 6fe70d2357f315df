#include "loadtest/results_json.h"

#include <gtest/gtest.h>

#include "loadtest/testing/made_up_results.h"

namespace cafe::loadtest {
namespace {

RunResult made_run(const std::string& purpose, uint64_t due, uint64_t done, uint64_t refused = 0) {
  RunResult run;
  run.purpose = purpose;
  run.shape.measure_s = 1;
  run.tally.due = {due, due};
  run.tally.ok = run.tally.done = {done, done};
  run.tally.refused = {refused, refused};
  return run;
}

TEST(ResultsJsonTest, ARunHasItsFiguresInTheUnitsOfItsNames) {
  RunResult run = made_run("rate", 1'000, 900, 100);
  run.shape.items_per_request = 5;
  run.shape.warmup_s = 1;
  run.shape.measure_s = 10;
  run.tally.done.items = 4'500;
  for (int i = 0; i < 100; ++i) run.tally.latency.add(2'000);
  run.tally.latency.add(90'000);
  run.tally.reasons["INTERNAL"] = 3;
  run.facts = {{"stored_rows", 7}};
  run.series.resize(2);
  run.series[1].ok.add(5);
  run.series[1].latency.add(125);
  run.processes = {{"deposit", {{0, 1, 1'000, 2'000}, {1, 2, 1'000, 3'000}, {11, 11, 1'000, 0}}}};
  const Json json = to_json(run);
  EXPECT_DOUBLE_EQ(json["done_per_s"], 450);
  EXPECT_EQ(json["requests"]["refused"], 100);
  EXPECT_EQ(json["items"]["done_in_time"], 4'500);
  EXPECT_NEAR(json["latency_ms"]["p50"], 2, 0.02);
  EXPECT_DOUBLE_EQ(json["latency_ms"]["max"], 90);
  EXPECT_TRUE(json["refused_latency_ms"].is_null());
  EXPECT_EQ(json["latency_histogram_us"].back(), Json({90'000, 1}));
  EXPECT_EQ(json["failure_reasons"]["INTERNAL"], 3);
  EXPECT_EQ(json["facts"]["stored_rows"], 7);
  EXPECT_TRUE(json["series"]["p50_ms"][0].is_null());
  EXPECT_DOUBLE_EQ(json["series"]["p50_ms"][1], 0.125);
  // 9 s of CPU for 4,500 items in 10 s.
  EXPECT_DOUBLE_EQ(json["processes"][0]["cpu_us_per_item"], 2'000);
  EXPECT_DOUBLE_EQ(json["processes"][0]["cpu_cores"], 0.9);
  EXPECT_EQ(json["processes"][0]["peak_bytes"], 3'000);
}

TEST(ResultsJsonTest, OverloadComparesTwiceTheSustainedRateWithThePeak) {
  RunResult twice = made_run("sweep", 2'000, 850, 1'100);
  twice.tally.failed = {50, 50};
  const Json json = overload({made_run("confirm", 1'000, 1'000), twice}, 1'000);
  EXPECT_DOUBLE_EQ(json["times_sustained"], 2);
  EXPECT_DOUBLE_EQ(json["share_of_peak"], 0.85);
  EXPECT_DOUBLE_EQ(json["refused_share"], 0.55);
  EXPECT_NEAR(json["resource_exhausted_share"], 1'100.0 / 1'150, 1e-12);
  EXPECT_TRUE(overload({made_run("confirm", 1'000, 1'000)}, 1'000).is_null());
  EXPECT_TRUE(overload({}, 0).is_null());
}

TEST(ResultsJsonTest, TheResultFailsForAnyReason) {
  const TestDescription about = made_up_description();
  EXPECT_EQ(to_json(about, {}, nullptr)["result"], "pass");
  EXPECT_EQ(to_json(about, {}, {{"result", "pass"}})["result"], "pass");
  EXPECT_EQ(to_json(about, {}, {{"result", "fail"}})["result"], "fail");
  EXPECT_EQ(to_json(about, {}, Json::object())["result"], "fail");
  Campaign wrong;
  wrong.wrong = {"it is wrong"};
  EXPECT_EQ(to_json(about, wrong, nullptr)["result"], "fail");
}

TEST(ResultsJsonTest, TheConfirmedRunStandsForTheTestElseAChosenOneElseTheBest) {
  const auto main_of = [](std::vector<RunResult> runs) {
    Campaign campaign;
    campaign.runs = std::move(runs);
    const Json document = to_json(made_up_description(), campaign, nullptr);
    const Json* run = main_run(document);
    return run == nullptr ? -1 : (*run)["items"]["due"].get<int>();
  };
  const RunResult search = made_run("search", 1, 1);
  const RunResult confirm = made_run("confirm", 2, 2);
  const RunResult second = made_run("confirm", 3, 1);
  const RunResult rate = made_run("rate", 4, 4);
  const RunResult sweep = made_run("sweep", 5, 9);
  EXPECT_EQ(main_of({search, confirm, second, rate, sweep}), 3);
  EXPECT_EQ(main_of({search, rate, sweep}), 4);
  EXPECT_EQ(main_of({search, sweep}), 5);
  EXPECT_EQ(main_of({}), -1);
}

TEST(ResultsJsonTest, AWholeTestAddsUp) {
  const Campaign campaign = made_up_campaign(1e6);
  const Json document = to_json(made_up_description(), campaign, nullptr);
  EXPECT_EQ(document["schema"], kSchema);
  EXPECT_EQ(document["result"], "pass") << document["wrong"];
  EXPECT_NEAR(document["sustained_per_s"], 9'500, 500);
  EXPECT_GT(document["overload"]["share_of_peak"], 0.95);
  EXPECT_EQ(document["overload"]["resource_exhausted_share"], 1.0);
  for (const Json& run : document["runs"]) {
    const Json& requests = run["requests"];
    EXPECT_EQ(requests["due"].get<int>(),
              requests["not_started"].get<int>() + requests["ok"].get<int>() +
                  requests["refused"].get<int>() + requests["failed"].get<int>() +
                  requests["unanswered"].get<int>());
    int counted = 0;
    for (const Json& bucket : run["latency_histogram_us"]) counted += bucket[1].get<int>();
    EXPECT_EQ(counted, requests["ok"].get<int>());
  }
}

}  // namespace
}  // namespace cafe::loadtest
