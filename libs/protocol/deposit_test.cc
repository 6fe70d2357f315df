// The rule of section 9, and what a receipt says.
#include "libs/protocol/deposit.h"

#include <map>

#include "gtest/gtest.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/rng.h"

namespace cafe::protocol {
namespace {

constexpr uint64_t kHour_ms = 3600 * 1000;
constexpr uint64_t kFirst_ms = 1'765'000'000'000;

TEST(SpentBeforeTest, IsCreditedWithinTheBoundsOfSection9) {
  const struct {
    std::string_view what;
    SpentBeforeFacts facts;
    bool credited;
  } kCases[] = {
      {"first of the slot, at once", {false, kFirst_ms, kFirst_ms, 1000, 0, 500}, true},
      {"after 24 hours to the millisecond",
       {false, kFirst_ms, kFirst_ms + 24 * kHour_ms, 1000, 0, 500},
       true},
      {"a millisecond later",
       {false, kFirst_ms, kFirst_ms + 24 * kHour_ms + 1, 1000, 0, 500},
       false},
      {"the payee had the slot", {true, kFirst_ms, kFirst_ms, 1000, 0, 500}, false},
      {"just within the cover", {false, kFirst_ms, kFirst_ms, 1000, 500, 500}, true},
      {"just above the cover", {false, kFirst_ms, kFirst_ms, 1000, 501, 500}, false},
      {"no cover", {false, kFirst_ms, kFirst_ms, 0, 0, 1}, false},
      {"cover was lowered below what was credited",
       {false, kFirst_ms, kFirst_ms, 100, 500, 1},
       false},
      {"the sum would wrap", {false, kFirst_ms, kFirst_ms, 1000, 999, UINT64_MAX}, false},
      {"clocks disagree", {false, kFirst_ms, kFirst_ms - 5, 1000, 0, 500}, true},
      {"long after", {false, 0, UINT64_MAX, 1000, 0, 500}, false},
  };
  for (const auto& c : kCases) EXPECT_EQ(credit_spent_before(c.facts), c.credited) << c.what;
}

// [guard] One broken guardian, its coins cloned and spent at every payee again and again for two
// months: in any 30 days it costs at most the sum of the payees' covers.
TEST(SpentBeforeTest, ABrokenGuardianCostsAtMostTheSumOfTheCovers) {
  constexpr size_t kPayees = 25, kCoins = 400;
  constexpr uint64_t kValue = 500, kDay_ms = 24 * kHour_ms;
  SeededRng rng("covers");
  struct Payee {
    uint64_t cover;
    std::map<size_t, bool> had;                          // slots
    std::vector<std::pair<uint64_t, uint64_t>> credits;  // time, value
  };
  std::vector<Payee> payees(kPayees);
  uint64_t sum_of_covers = 0;
  for (Payee& payee : payees) {
    payee.cover = rng.below(10) * 700;
    sum_of_covers += payee.cover;
  }
  std::map<size_t, uint64_t> first_deposit_ms;
  uint64_t now_ms = kFirst_ms, tried = 0, credited = 0, most_in_a_window = 0;
  while (now_ms < kFirst_ms + 60 * kDay_ms) {
    now_ms += rng.below(20 * 60 * 1000);
    const size_t coin = rng.below(kCoins);
    Payee& payee = payees[rng.below(kPayees)];
    if (!first_deposit_ms.contains(coin)) {
      first_deposit_ms[coin] = now_ms;  // the honest one: money that was issued
      payee.had[coin] = true;
      continue;
    }
    ++tried;
    const auto covered_since = [&](const Payee& of) {
      uint64_t sum = 0;
      for (const auto& [at, value] : of.credits) sum += now_ms - at < kCoverWindow_ms ? value : 0;
      return sum;
    };
    const SpentBeforeFacts facts{payee.had[coin], first_deposit_ms[coin], now_ms,
                                 payee.cover,     covered_since(payee),   kValue};
    if (credit_spent_before(facts)) {
      payee.credits.emplace_back(now_ms, kValue);
      credited += kValue;
    }
    payee.had[coin] = true;
    uint64_t in_window = 0;
    for (const Payee& of : payees) {
      ASSERT_LE(covered_since(of), of.cover);
      in_window += covered_since(of);
    }
    most_in_a_window = std::max(most_in_a_window, in_window);
  }
  EXPECT_LE(most_in_a_window, sum_of_covers);
  EXPECT_GT(credited, 0u);
  EXPECT_GT(tried * kValue, 10 * sum_of_covers)
      << "the attack was not large enough to show a bound";
}

// [guard] One coin alone, spent a thousand times at each payee within the day.
TEST(SpentBeforeTest, OneClonedCoinIsCreditedOnceForEachPayee) {
  constexpr uint64_t kValue = 500;
  const std::vector<uint64_t> covers{0, 499, 500, 800, 100'000, 1000};
  uint64_t credited = 0;
  for (const uint64_t cover : covers) {
    bool had = false;
    uint64_t covered = 0;
    for (int i = 0; i < 1000; ++i) {
      if (credit_spent_before({had, kFirst_ms, kFirst_ms + 1 + i, cover, covered, kValue})) {
        covered += kValue;
      }
      had = true;
    }
    EXPECT_EQ(covered, cover >= kValue ? kValue : 0);
    credited += covered;
  }
  EXPECT_EQ(credited, 4 * kValue);
}

TEST(ReceiptTest, APaymentIsCalledByTheWorstOfItsSlots) {
  const SlotVerdict accepted{VerdictCode::kAccepted, 100, 0}, repeat{VerdictCode::kRepeat, 0, 0},
      credited{VerdictCode::kCreditedSpentBefore, 100, 7}, spent{VerdictCode::kSpentBefore, 0, 8};
  EXPECT_EQ(worst_of(std::vector{accepted, accepted}), VerdictCode::kAccepted);
  EXPECT_EQ(worst_of(std::vector{accepted, repeat}), VerdictCode::kRepeat);
  EXPECT_EQ(worst_of(std::vector{credited, repeat}), VerdictCode::kCreditedSpentBefore);
  EXPECT_EQ(worst_of(std::vector{accepted, spent, credited}), VerdictCode::kSpentBefore);
}

TEST(ReceiptTest, VerdictsHaveNames) {
  EXPECT_EQ(verdict_name(VerdictCode::kAccepted), "accepted");
  EXPECT_EQ(verdict_name(VerdictCode::kRepeat), "repeat");
  EXPECT_EQ(verdict_name(VerdictCode::kCreditedSpentBefore), "credited though spent before");
  EXPECT_EQ(verdict_name(VerdictCode::kSpentBefore), "spent before");
  EXPECT_EQ(verdict_name(VerdictCode::kRefused), "refused");
}

TEST(ReceiptTest, ContentSurvivesTheEncoding) {
  const Receipt receipt{
      "issuer-a.example",
      PayeeId{},
      Bytes16{1},
      Bytes32{2},
      3,
      4,
      {{VerdictCode::kAccepted, "", 500, "EUR", {{VerdictCode::kAccepted, 500, 0}}},
       {VerdictCode::kRefused, "BAD_PATH", 0, "", {}},
       {VerdictCode::kSpentBefore,
        "",
        100,
        "EUR",
        {{VerdictCode::kSpentBefore, 0, 41}, {VerdictCode::kAccepted, 100, 0}}}}};
  const auto decoded = Receipt::decode(receipt.encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->verdicts, receipt.verdicts);
  EXPECT_EQ(decoded->batch, 3u);
  EXPECT_EQ(decoded->idempotency_key, receipt.idempotency_key);
}

// Payments cannot be moved over the border between two of them.
TEST(DepositOrderTest, TheDigestFixesEachPayment) {
  const std::vector<Bytes> ab_c{{'a', 'b'}, {'c'}}, a_bc{{'a'}, {'b', 'c'}}, abc{{'a', 'b', 'c'}};
  EXPECT_NE(payments_digest(ab_c), payments_digest(a_bc));
  EXPECT_NE(payments_digest(ab_c), payments_digest(abc));
  EXPECT_EQ(payments_digest(abc), sha256(Bytes{0, 0, 0, 3, 'a', 'b', 'c'}));
  EXPECT_EQ(payments_digest({}), sha256({}));
}

}  // namespace
}  // namespace cafe::protocol
