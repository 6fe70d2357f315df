#include "loadtest/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cafe::loadtest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

struct Parsed {
  Options options;
  absl::Status status;
  Json json;
};

Parsed parse(const std::string& arguments) {
  Parsed parsed;
  CLI::App command;
  add_options(command, parsed.options);
  command.parse(arguments);
  parsed.status = finish_options(parsed.options);
  parsed.json = options_json(command);
  return parsed;
}

TEST(OptionsTest, OneRateIsOneRun) {
  const Parsed parsed = parse("--rate 15000 --duration 60 --arrival poisson");
  EXPECT_TRUE(parsed.status.ok()) << parsed.status;
  EXPECT_THAT(parsed.options.campaign.rates, ElementsAre(15'000));
  EXPECT_EQ(parsed.options.campaign.measure_s, 60);
  EXPECT_EQ(parsed.options.runner.arrival, Arrival::kPoisson);
}

TEST(OptionsTest, RatesAreSeparatedByCommas) {
  EXPECT_THAT(parse("--rates 100,200,400").options.campaign.rates, ElementsAre(100, 200, 400));
}

TEST(OptionsTest, ProcessesHaveNames) {
  const Parsed parsed = parse("--rate 1 --watch-pid deposit=12 --watch-pid a=b=34");
  EXPECT_THAT(parsed.options.processes, ElementsAre(Pair("deposit", 12), Pair("a=b", 34)));
}

TEST(OptionsTest, WhatMakesNoSenseIsRefusedWithASentence) {
  for (const auto& [arguments, sentence] : std::vector<std::pair<std::string, std::string>>{
           {"", "say which load"},
           {"--sweep", "say which load"},
           {"--find-rate", "needs a limit"},
           {"--rate 1 --rates 1,2", "not both"},
           {"--rate 1 --find-rate --p99-ms 5", "not both"},
           {"--rate 1 --watch-pid 12", "NAME=PID"},
           {"--rate 1 --watch-pid =12", "NAME=PID"},
           {"--rate 1 --watch-pid deposit=-1", "NAME=PID"},
           {"--rate 1 --watch-pid deposit=x", "NAME=PID"}}) {
    const absl::Status status = parse(arguments).status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(sentence)) << arguments;
  }
  EXPECT_THROW(parse("--rate -5"), CLI::ValidationError);
  EXPECT_THROW(parse("--rate 1 --max-in-flight 0"), CLI::ValidationError);
}

TEST(OptionsTest, TheResultsTellEachOptionGivenOrNot) {
  const Json json = parse("--rates 1,2 --audit-command 'psql postgres://x:secret@h/d'").json;
  EXPECT_EQ(json["rates"], "1,2");
  EXPECT_EQ(json["audit-command"], "psql postgres://x:***@h/d");
  EXPECT_EQ(json["max-in-flight"], "20000");
  EXPECT_EQ(json["arrival"], "uniform");
}

}  // namespace
}  // namespace cafe::loadtest
