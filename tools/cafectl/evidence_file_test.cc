// An evidence file that a court gets: right as it is, refused with any single thing in it changed.
#include "tools/cafectl/evidence_file.h"

#include <gtest/gtest.h>

#include "libs/protocol/testing/market.h"

namespace cafe::cafectl {
namespace {

using testing::Guardian;
using testing::Market;

// "OK", or why the file is refused.
std::string judge(const std::string& text, const protocol::TrustAnchors& anchors) {
  const auto signed_case = parse_evidence(text);
  const absl::Status status = signed_case.ok()
                                  ? protocol::verify_case(*signed_case, anchors).status()
                                  : signed_case.status();
  if (status.ok()) return "OK";
  const std::string reason = protocol::reason_of(status);
  return reason.empty() ? "without a reason: " + status.ToString() : reason;
}

class EvidenceTest : public ::testing::Test {
 protected:
  EvidenceTest() {
    auto wallet = market_.make_wallet();
    auto coin = market_.take(wallet, market_.split_coin);
    const auto first =
        market_.pay(wallet, {{&coin, 0, 400}, {&coin, 2, 100}}, Guardian::kForgetful);
    const auto second = market_.pay(wallet, {{&coin, 2, 100}}, Guardian::kForgetful);
    signed_case_ = market_.sign_case(market_.open_case(wallet, first, 1, second, 0));
    account_ = wallet.account.account;
    evidence_ = to_evidence(*signed_case_);
    const Json flat = evidence_.flatten();
    for (const auto& [pointer, value] : flat.items()) leaves_.emplace_back(pointer);
  }

  std::string judge_altered(const Json& altered) {
    EXPECT_NE(altered, evidence_);
    return judge(altered.dump(2), market_.anchors);
  }

  Market market_{"evidence"};
  std::optional<protocol::SignedCase> signed_case_;
  protocol::AccountId account_;
  Json evidence_;
  std::vector<Json::json_pointer> leaves_;
};

// Every kind of money, and a payee who is an account holder.
TEST_F(EvidenceTest, HoldsChequesTicksAndMoneyPaidBack) {
  auto wallet = market_.make_wallet();
  const auto holder = market_.make_wallet();
  auto cheque = market_.take(wallet, market_.cheque);
  const auto call = [&](uint32_t ticks) {
    return market_.open_call(wallet, cheque, 7, 30, Guardian::kForgetful).shown(ticks);
  };
  protocol::Terms terms = market_.make_terms(1234);
  terms.payee_id = protocol::holder_payee_id(holder.account.account);
  terms.terminal_id = protocol::holder_terminal_id(holder.account.account);
  protocol::Payment back = market_.pay(wallet, {{&cheque, 0, 1234}}, terms, Guardian::kForgetful);
  back.terms = protocol::SignedDocument::sign(terms.encode(), holder.identity.account_key);

  protocol::CaseFile file = market_.open_case(wallet, call(30), 0, back, 0);
  EXPECT_EQ(judge(to_evidence(market_.sign_case(file)).dump(), market_.anchors), "BAD_SIGNATURE")
      << "her terms under the shop's credential";
  file.second.terminal = market_.credential_of(holder);
  const protocol::SignedCase signed_case = market_.sign_case(file);
  const Json evidence = to_evidence(signed_case);
  EXPECT_EQ(judge(evidence.dump(), market_.anchors), "OK");
  EXPECT_EQ(parse_evidence(evidence.dump())->encode(), signed_case.encode());
  EXPECT_TRUE(evidence["case"]["second"].contains("registered"));
  // Another's credential does not fit the terms; both at once fit nothing.
  file.second.terminal = market_.credential_of(wallet);
  EXPECT_NE(judge(to_evidence(market_.sign_case(file)).dump(), market_.anchors), "OK");
  Json both = evidence;
  both["case"]["second"]["terminal"] = both["case"]["first"]["terminal"];
  EXPECT_EQ(judge(both.dump(), market_.anchors), "BAD_EVIDENCE");
}

TEST_F(EvidenceTest, IsTheSignedCaseAndConvicts) {
  const auto parsed = parse_evidence(evidence_.dump(2));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->encode(), signed_case_->encode());
  EXPECT_EQ(to_evidence(*parsed), evidence_);
  const auto verdict = protocol::verify_case(*parsed, market_.anchors);
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  EXPECT_EQ(verdict->account, account_);
  // However it is laid out.
  EXPECT_EQ(judge(evidence_.dump(), market_.anchors), "OK");
  // All that section 7 names is there.
  EXPECT_EQ(leaves_.size(), 28u) << evidence_.flatten().dump(2);
}

// Every digit of every value in hexadecimal.
TEST_F(EvidenceTest, NoDigitCanBeOther) {
  size_t tried = 0;
  for (const auto& leaf : leaves_) {
    const Json& value = evidence_[leaf];
    if (!value.is_string() || !protocol::from_hex(value.get<std::string>()).ok()) continue;
    const auto digits = value.get<std::string>();
    for (size_t i = 0; i < digits.size(); ++i) {
      std::string other = digits;
      other[i] = digits[i] == 'f' ? '0' : digits[i] == '9' ? 'a' : static_cast<char>(digits[i] + 1);
      Json altered = evidence_;
      altered[leaf] = other;
      ASSERT_NE(judge_altered(altered), "OK") << leaf << " digit " << i;
      ++tried;
    }
  }
  EXPECT_GT(tried, 10'000u);
}

TEST_F(EvidenceTest, NoLeafCanBeAnythingElse) {
  for (const auto& leaf : leaves_) {
    const Json value = evidence_[leaf];
    std::vector<Json> others = {nullptr, true, Json::array(), Json::object(), "", 0.5, -1};
    if (value.is_number()) {
      const auto number = value.get<uint64_t>();
      for (const uint64_t other :
           {number + 1, number - 1, number + (uint64_t{1} << 32), UINT64_MAX})
        others.emplace_back(other);
      others.emplace_back(static_cast<double>(number));
      others.emplace_back(std::to_string(number));
    } else {
      const auto text = value.get<std::string>();
      for (const std::string& other :
           {text + "0", text + "00", text.substr(1), text.substr(2),
            text.substr(0, text.size() - 2), text + " ", " " + text, "0x" + text, text + text})
        others.emplace_back(other);
      std::string upper = text;
      for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      others.emplace_back(upper);
      others.push_back(Json::array({text}));
    }
    for (const Json& other : others) {
      if (other == value && other.type() == value.type()) continue;
      Json altered = evidence_;
      altered[leaf] = other;
      EXPECT_NE(judge(altered.dump(2), market_.anchors), "OK") << leaf << " = " << other;
    }
  }
}

TEST_F(EvidenceTest, NoTwoLeavesCanChangePlaces) {
  for (const auto& leaf : leaves_) {
    for (const auto& other : leaves_) {
      Json altered = evidence_;
      std::swap(altered[leaf], altered[other]);
      if (altered == evidence_) continue;
      EXPECT_NE(judge_altered(altered), "OK") << leaf << " and " << other;
    }
  }
}

TEST_F(EvidenceTest, NothingCanBeRemovedOrAdded) {
  std::vector<Json::json_pointer> objects = {Json::json_pointer("")};
  for (const auto& leaf : leaves_) {
    Json altered = evidence_;
    altered[leaf.parent_pointer()].erase(leaf.back());
    EXPECT_NE(judge_altered(altered), "OK") << "without " << leaf;
    for (auto up = leaf.parent_pointer(); !up.empty(); up = up.parent_pointer())
      objects.push_back(up);
  }
  for (const auto& object : objects) {
    for (const char* name : {"note", "", "Format", "case "}) {
      Json altered = evidence_;
      altered[object][name] = "more";
      EXPECT_NE(judge_altered(altered), "OK") << name << " added to " << object;
    }
    if (object.empty()) continue;
    Json altered = evidence_;
    altered[object.parent_pointer()].erase(object.back());
    EXPECT_NE(judge_altered(altered), "OK") << "without " << object;
  }
}

// Readers differ in which of two fields of one name they believe: so there is none.
TEST_F(EvidenceTest, NoFieldStandsTwice) {
  const std::string text = evidence_.dump();
  for (const auto& leaf : leaves_) {
    const std::string name = "\"" + leaf.back() + "\":";
    const std::string field = name + evidence_[leaf].dump();
    const std::string lie = name + (evidence_[leaf].is_number() ? "7" : "\"00\"");
    const size_t at = text.find(field);
    ASSERT_NE(at, std::string::npos) << leaf;
    for (const std::string& twice : {lie + "," + field, field + "," + lie, field + "," + field}) {
      std::string altered = text;
      altered.replace(at, field.size(), twice);
      EXPECT_EQ(judge(altered, market_.anchors), "BAD_EVIDENCE") << leaf;
    }
  }
}

TEST_F(EvidenceTest, WhatIsNoEvidenceIsRefused) {
  const std::string text = evidence_.dump();
  for (const std::string& wrong :
       {std::string(), std::string("{}"), std::string("[]"), std::string("null"), std::string("7"),
        std::string("\"cafe/v1/case\""), text + "{}", text + "x", "// a comment\n" + text,
        text.substr(0, text.size() - 1), "[" + text + "]"}) {
    EXPECT_EQ(judge(wrong, market_.anchors), "BAD_EVIDENCE") << wrong.substr(0, 40);
  }
}

TEST_F(EvidenceTest, CountsUnderTheRightKeysOnly) {
  const Market other("another world");
  EXPECT_EQ(judge(evidence_.dump(), other.anchors), "BAD_SIGNATURE");
  protocol::TrustAnchors without_manufacturer = market_.anchors;
  without_manufacturer.manufacturer_keys.clear();
  EXPECT_NE(judge(evidence_.dump(), without_manufacturer), "OK");
  EXPECT_EQ(judge(evidence_.dump(), protocol::TrustAnchors{}), "UNKNOWN_ISSUER");
}

}  // namespace
}  // namespace cafe::cafectl
