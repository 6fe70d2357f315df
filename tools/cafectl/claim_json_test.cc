// A claim's file that a court gets: right as it is, refused with any single thing in it changed.
#include "tools/cafectl/claim_json.h"

#include <cctype>

#include "libs/protocol/testing/claim_fixture.h"

namespace cafe::cafectl {
namespace {

class ClaimJsonTest : public testing::ClaimFixture {
 protected:
  // "OK", or why the file is refused.
  std::string judge(const std::string& text) {
    const auto file = parse_claim_evidence(text);
    const absl::Status status =
        file.ok() ? protocol::verify_claim_file(*file, market_.anchors).status() : file.status();
    if (status.ok()) return "OK";
    const std::string reason = protocol::reason_of(status);
    return reason.empty() ? "without a reason: " + status.ToString() : reason;
  }
};

TEST_F(ClaimJsonTest, HoldsClaimsOfEveryKind) {
  for (const protocol::ClaimFile& file :
       {coins_claim(), charged_claim(), spent_cheques_claim(), refused_claim()}) {
    const auto evidence = to_claim_evidence(file);
    ASSERT_TRUE(evidence.ok()) << evidence.status();
    EXPECT_EQ(judge(evidence->dump(2)), "OK");
    EXPECT_EQ(parse_claim_evidence(evidence->dump())->encode(), file.encode());
  }
}

TEST_F(ClaimJsonTest, SaysToPeopleWhatItSaysToTheCourt) {
  const Json summary = to_claim_evidence(charged_claim()).value()["summary"];
  EXPECT_EQ(summary["kind"], "coins");
  EXPECT_EQ(summary["state"], "final");
  EXPECT_EQ(summary["account"], lost_.account.account.hex());
  EXPECT_EQ(summary["claimant"], last_.account.account.hex());
  EXPECT_EQ(summary["totals"], Json::parse(R"([{"currency": "EUR", "claimed": 1300,
    "deducted": 200, "credited": 1100, "charged": 600, "uncollected": 0}])"));
  ASSERT_EQ(summary["coins"].size(), 2u);
  EXPECT_EQ(summary["coins"][1]["slots"], Json::parse("[0, 1, 3, 4]"));
  ASSERT_EQ(summary["deductions"].size(), 3u);
  EXPECT_EQ(summary["deductions"][0]["paid"], "after");
  EXPECT_EQ(summary["deductions"][1]["paid"], "before");
}

TEST_F(ClaimJsonTest, RefusesEverySingleChange) {
  const Json good = to_claim_evidence(charged_claim()).value();
  const Json flat = good.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    if (pointer == "/claim_file") continue;
    Json altered = good;
    Json& leaf = altered[Json::json_pointer(pointer)];
    if (value.is_number()) {
      leaf = value.get<uint64_t>() + 1;
    } else if (value.is_boolean()) {
      leaf = !value.get<bool>();
    } else {
      leaf = value.get<std::string>() + "0";
    }
    EXPECT_EQ(judge(altered.dump()), "BAD_EVIDENCE") << pointer;
  }
  Json altered = good;
  altered["summary"].erase("totals");
  EXPECT_EQ(judge(altered.dump()), "BAD_EVIDENCE");
  altered = good;
  altered["summary"]["comment"] = "all is well";
  EXPECT_EQ(judge(altered.dump()), "BAD_EVIDENCE");
  altered = good;
  altered["comment"] = "all is well";
  EXPECT_EQ(judge(altered.dump()), "BAD_EVIDENCE");
  // Digits of the frame: whatever they hold, something notices.
  const auto digits = good["claim_file"].get<std::string>();
  for (size_t at = 0; at < digits.size(); at += 997) {
    std::string other = digits;
    other[at] = other[at] == '0' ? '1' : '0';
    altered = good;
    altered["claim_file"] = other;
    EXPECT_NE(judge(altered.dump()), "OK") << at;
  }
  altered["claim_file"] = digits + "0";
  EXPECT_EQ(judge(altered.dump()), "BAD_EVIDENCE");
}

TEST_F(ClaimJsonTest, HasOneSpelling) {
  const Json good = to_claim_evidence(coins_claim()).value();
  const std::string text = good.dump();
  EXPECT_EQ(judge(text.substr(0, text.size() - 1)), "BAD_EVIDENCE");
  EXPECT_EQ(judge("{\"format\": \"cafe/v1/claim-file\", " + text.substr(1)), "BAD_EVIDENCE");
  EXPECT_EQ(judge("[]"), "BAD_EVIDENCE");
  EXPECT_EQ(judge("17"), "BAD_EVIDENCE");
  EXPECT_EQ(judge(""), "BAD_EVIDENCE");
  Json upper = good;
  std::string digits = good["claim_file"];
  for (char& digit : digits) digit = static_cast<char>(std::toupper(digit));
  upper["claim_file"] = digits;
  EXPECT_EQ(judge(upper.dump()), "BAD_EVIDENCE");
  Json case_format = good;
  case_format["format"] = "cafe/v1/case";
  EXPECT_EQ(judge(case_format.dump()), "BAD_EVIDENCE");
}

}  // namespace
}  // namespace cafe::cafectl
