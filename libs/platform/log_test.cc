#include "libs/platform/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "libs/platform/error.h"
#include "libs/platform/request_scope.h"

namespace cafe::platform {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kTime = absl::FromUnixMicros(1'767'323'045'123'456);

std::string text(std::string_view message, LogFields fields, std::string_view request = "") {
  return format_log({.time = kTime,
                     .level = LogLevel::kInfo,
                     .service = "deposit",
                     .message = message,
                     .request_id = request},
                    fields, LogFormat::kText);
}

std::string json(std::string_view message, LogFields fields, std::string_view request = "") {
  return format_log({.time = kTime,
                     .level = LogLevel::kError,
                     .service = "deposit",
                     .message = message,
                     .request_id = request},
                    fields, LogFormat::kJson);
}

TEST(Log, TextQuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(text("order completed",
                 {{"n", 7},
                  {"account", "ab12"},
                  {"note", "two words"},
                  {"e", ""},
                  {"eq", "a=b"},
                  {"up", true},
                  {"took", 0.25}},
                 "r1"),
            "2026-01-02T03:04:05.123456Z info deposit order completed n=7 account=ab12 "
            "note=\"two words\" e=\"\" eq=\"a=b\" up=true took=0.25 request=r1");
}

TEST(Log, ALineBreakCannotForgeARecord) {
  EXPECT_THAT(text("x", {{"name", "a\n2026 error deposit paid"}}), Not(HasSubstr("\n")));
  EXPECT_THAT(text("x\ny", {}), Not(HasSubstr("\n")));
}

TEST(Log, JsonHasEverythingInOneObject) {
  EXPECT_EQ(
      json("it failed",
           {{"status", make_error(absl::StatusCode::kAborted, "R", "Again.")},
            {"n", std::numeric_limits<uint64_t>::max()},
            {"d", -1},
            {"wait_ms", absl::Microseconds(1500)}},
           "r1"),
      "{\"time\":\"2026-01-02T03:04:05.123456Z\",\"level\":\"error\",\"service\":\"deposit\","
      "\"message\":\"it failed\",\"status\":\"ABORTED: Again. [R]\",\"n\":18446744073709551615,"
      "\"d\":-1,\"wait_ms\":1.5,\"request\":\"r1\"}");
}

TEST(Log, JsonEscapes) {
  struct Case {
    std::string in;
    std::string out;
  };
  const std::vector<Case> cases = {
      {"plain", "plain"},
      {"\"\\", "\\\"\\\\"},
      {"\n\t\r", "\\n\\t\\u000d"},
      {std::string("\0\x1f\x7f", 3), "\\u0000\\u001f\\u007f"},
      {"é€😀", "é€😀"},
      {"\xff", "\xEF\xBF\xBD"},
      {"a\xC3", "a\xEF\xBF\xBD"},                                                // cut off
      {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},                                  // overlong
      {"\xE0\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},                  // overlong
      {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},                  // surrogate
      {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},  // above U+10FFFF
  };
  for (const Case& c : cases) {
    EXPECT_EQ(json_quote(c.in), "\"" + c.out + "\"");
  }
  EXPECT_THAT(json("x", {{"v", std::numeric_limits<double>::infinity()}}),
              EndsWith("\"v\":\"inf\"}"));
}

TEST(Log, LevelsBelowTheLeastAreDropped) {
  std::vector<std::string> lines;
  const LogCapture capture([&](const std::string& line) { lines.push_back(line); });
  init_logging("t", LogLevel::kWarning, LogFormat::kText);
  log_info("quiet");
  log_warning("loud");
  init_logging("t", LogLevel::kInfo, LogFormat::kText);
  EXPECT_THAT(lines, ElementsAre(EndsWith("warning t loud")));
}

TEST(Log, CarriesTheRequestOfItsThread) {
  std::vector<std::string> lines;
  const LogCapture capture([&](const std::string& line) { lines.push_back(line); });
  {
    const RequestScope outer("outer");
    {
      const RequestScope inner("inner");
      log_info("1");
    }
    log_info("2");
    std::thread([] { log_info("3"); }).join();
  }
  log_info("4");
  EXPECT_THAT(lines, ElementsAre(EndsWith(" 1 request=inner"), EndsWith(" 2 request=outer"),
                                 EndsWith(" 3"), EndsWith(" 4")));
}

TEST(RequestScope, ChecksClientsIds) {
  EXPECT_TRUE(is_valid_request_id(new_request_id()));
  EXPECT_NE(new_request_id(), new_request_id());
  EXPECT_TRUE(is_valid_request_id("A-z_0.9"));
  EXPECT_FALSE(is_valid_request_id(""));
  EXPECT_FALSE(is_valid_request_id("a b"));
  EXPECT_FALSE(is_valid_request_id("a\n"));
  EXPECT_TRUE(is_valid_request_id(std::string(64, 'a')));
  EXPECT_FALSE(is_valid_request_id(std::string(65, 'a')));
}

}  // namespace
}  // namespace cafe::platform
