// The whole of a test on the real clock, kept to a second: preparation, runs, checks, audit, files.
#include "loadtest/load_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "libs/protocol/status.h"
#include "loadtest/testing/made_up_results.h"

namespace cafe::loadtest {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Answers each request at once, on the pacing thread.
class AtOnce final : public Scenario {
 public:
  std::string_view item_name() const override { return "things"; }
  uint32_t items_per_request() const override { return 4; }
  absl::Status prepare(const Progress&) override { return prepared; }
  absl::Status prepare_run(uint64_t first, uint64_t requests, const Progress&) override {
    promised.emplace_back(first, requests);
    return absl::OkStatus();
  }
  void start(uint64_t sequence, Done done) override {
    sequences.push_back(sequence);
    done({Fate::kOk, 4, ""});
  }
  Facts facts() const override { return {{"stored_rows", 9}}; }
  absl::Status finish(const Progress&) override { return finished; }

  absl::Status prepared;
  absl::Status finished;
  std::vector<std::pair<uint64_t, uint64_t>> promised;
  std::vector<uint64_t> sequences;
};

class LoadTestTest : public ::testing::Test {
 protected:
  LoadTestTest() {
    options_.campaign.rates = {2'000, 4'000};
    options_.campaign.measure_s = 0.2;
    options_.campaign.warmup_s = 0;
    options_.runner.pause_s = 0;
  }

  absl::StatusOr<Json> run() {
    return run_load_test(
        scenario_, options_, made_up_description(), clock_,
        [&](std::string_view line) { lines_.emplace_back(line); }, stop_);
  }

  MonotonicClock clock_;
  AtOnce scenario_;
  Options options_;
  std::vector<std::string> lines_;
  std::atomic<bool> stop_ = false;
};

TEST_F(LoadTestTest, RunsAtTheRealTime) {
  const auto document = run();
  ASSERT_TRUE(document.ok());
  EXPECT_EQ((*document)["result"], "pass") << (*document)["wrong"];
  const Json& runs = (*document)["runs"];
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0]["requests"]["ok"], 100);
  EXPECT_EQ(runs[1]["items"]["ok"], 800);
  EXPECT_EQ(runs[0]["facts"]["stored_rows"], 9);
  EXPECT_EQ(runs[0]["processes"][0]["name"], "load generator");
  EXPECT_GT(runs[0]["processes"][0]["peak_bytes"], 1'000'000);
  EXPECT_THAT(lines_, Contains(HasSubstr("rate: 2000 things/s")));
}

TEST_F(LoadTestTest, EachRunIsPromisedItsOwnSequenceNumbers) {
  ASSERT_TRUE(run().ok());
  EXPECT_THAT(scenario_.promised, ElementsAre(std::pair(0, 100), std::pair(100, 200)));
  ASSERT_EQ(scenario_.sequences.size(), 300u);
  for (size_t i = 0; i < 300; ++i) EXPECT_EQ(scenario_.sequences[i], i);
}

TEST_F(LoadTestTest, WhatTheScenarioFindsAndWhatTheAuditFindsFailTheTest) {
  scenario_.finished = protocol::refused("MISSING_CASES", "two double-spends were not seen");
  options_.audit_command = R"(echo '{"result": "fail"}')";
  const auto document = run();
  EXPECT_EQ((*document)["result"], "fail");
  EXPECT_THAT((*document)["wrong"],
              ElementsAre("two double-spends were not seen", "the audit does not pass"));
}

TEST_F(LoadTestTest, NothingRunsWherePreparationFails) {
  scenario_.prepared = protocol::refused("NO_ISSUER", "no issuer");
  EXPECT_EQ(protocol::reason_of(run().status()), "NO_ISSUER");
  EXPECT_TRUE(scenario_.sequences.empty());
}

TEST_F(LoadTestTest, AStopIsReported) {
  stop_ = true;
  const auto document = run();
  EXPECT_EQ((*document)["result"], "fail");
  EXPECT_EQ((*document)["runs"].size(), 1u);
  EXPECT_EQ((*document)["runs"][0]["stopped"], true);
}

TEST(ResultFilesTest, WhatIsWrittenIsReadAgain) {
  const std::string file = std::filesystem::temp_directory_path() / "cafe-loadtest-results.json";
  const Json document = to_json(made_up_description(), {}, nullptr);
  ASSERT_TRUE(write_file(file, document.dump()).ok());
  const auto read = read_results({file, file});
  ASSERT_TRUE(read.ok());
  EXPECT_THAT(*read, ElementsAre(document, document));
  ASSERT_TRUE(write_file(file, R"({"schema": "something else"})").ok());
  EXPECT_EQ(protocol::reason_of(read_results({file}).status()), "RESULTS_FORM");
  ASSERT_TRUE(write_file(file, "{").ok());
  EXPECT_EQ(protocol::reason_of(read_results({file}).status()), "RESULTS_FORM");
  std::filesystem::remove(file);
  EXPECT_EQ(protocol::reason_of(read_results({file}).status()), "RESULTS_FILE");
  EXPECT_EQ(protocol::reason_of(write_file("/no/such/folder/x", "")), "OUTPUT_FILE");
}

}  // namespace
}  // namespace cafe::loadtest
