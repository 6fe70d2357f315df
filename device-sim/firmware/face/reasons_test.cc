#include "device-sim/firmware/face/reasons.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "device-sim/firmware/face/screen.h"

namespace cafe::face {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

// What the wallet's headers and the terminal's say that can go wrong.
std::set<std::string> documented(const std::string& path) {
  std::ifstream in(std::string(CAFE_SOURCE_DIR) + "/" + path);
  std::stringstream content;
  content << in.rdbuf();
  const std::string text = content.str();
  std::set<std::string> reasons;
  static const std::regex kReason(R"(\b[A-Z]{3,}(_[A-Z0-9]+)+\b)");
  for (auto it = std::sregex_iterator(text.begin(), text.end(), kReason);
       it != std::sregex_iterator(); ++it) {
    reasons.insert(it->str());
  }
  reasons.erase("CAFE_ASSIGN_OR_RETURN");  // of the example
  return reasons;
}

TEST(ReasonsTest, EveryReasonOfTheWalletHasPlainWords) {
  for (const char* path :
       {"device-sim/firmware/wallet/wallet.h", "device-sim/firmware/wallet/selection.h",
        "device-sim/firmware/wallet/planning.h", "device-sim/firmware/wallet/recovery.h",
        "device-sim/firmware/wallet/claims.h", "device-sim/firmware/wallet/backup_card.h"}) {
    const std::vector<std::string_view> explained = explained_reasons();
    const std::set<std::string> reasons = documented(path);
    EXPECT_FALSE(reasons.empty()) << path;
    for (const std::string& reason : reasons) {
      // What only a program that calls in the wrong order meets; no owner does.
      if (reason.starts_with("NO_") && reason != "NO_LOAD_KEY") continue;
      EXPECT_THAT(explained, Contains(reason)) << path;
    }
  }
}

TEST(ReasonsTest, WordsFitTheDisplay) {
  std::vector<std::string_view> reasons = explained_reasons();
  reasons.push_back("");
  reasons.push_back("SOMETHING_THAT_NOBODY_HAS_HEARD_OF_BEFORE_TODAY");
  for (std::string_view reason : reasons) {
    const std::vector<std::string> lines = explain(reason);
    EXPECT_LE(lines.size(), kLines - 1) << reason;
    for (const std::string& line : lines) EXPECT_LE(line.size(), kColumns) << line;
  }
}

TEST(ReasonsTest, NoReasonIsExplainedTwice) {
  std::set<std::string_view> seen;
  for (std::string_view reason : explained_reasons()) {
    EXPECT_TRUE(seen.insert(reason).second) << reason;
  }
}

TEST(ReasonsTest, SaysWhatToDo) {
  EXPECT_THAT(explain("AMOUNT_NOT_PAYABLE"),
              ElementsAre("Your money does not", "make up this sum.", "Withdraw."));
  EXPECT_THAT(explain("NEW_REASON"), ElementsAre("It did not work:", "NEW_REASON"));
}

}  // namespace
}  // namespace cafe::face
