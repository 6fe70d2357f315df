#include "libs/protocol/amount.h"

#include <gtest/gtest.h>

#include "libs/protocol/quote.h"

namespace cafe::protocol {
namespace {

constexpr uint64_t kMost = INT64_MAX;

TEST(Amount, sums_and_products_are_checked) {
  EXPECT_EQ(checked_add(2, 3).value(), 5u);
  EXPECT_EQ(checked_add(kMost, 0).value(), kMost);
  EXPECT_EQ(checked_add(kMost - 1, 1).value(), kMost);
  EXPECT_EQ(checked_multiply(7, 6).value(), 42u);
  EXPECT_EQ(checked_multiply(0, UINT64_MAX).value(), 0u);
  EXPECT_EQ(checked_multiply(kMost, 1).value(), kMost);
  for (const auto& result :
       {checked_add(kMost, 1), checked_add(1, kMost), checked_add(UINT64_MAX, 1),
        checked_add(UINT64_MAX, UINT64_MAX), checked_multiply(1ull << 32, 1ull << 31),
        checked_multiply(UINT64_MAX, 2), checked_multiply(1, kMost + 1)}) {
    EXPECT_EQ(result.status().code(), absl::StatusCode::kOutOfRange);
    EXPECT_EQ(reason_of(result.status()), "AMOUNT_OVERFLOW");
  }
}

Quote quote(uint64_t numerator, uint64_t denominator, Rounding rounding) {
  return {"issuer-b.example", "EUR", "USD", numerator, denominator, rounding, 1, 2};
}

TEST(Quote, rounds_as_it_says) {
  struct Row {
    uint64_t amount, numerator, denominator, down, half_up, up;
  };
  for (const Row& row : {Row{1234, 1, 1, 1234, 1234, 1234}, Row{10, 1, 4, 2, 3, 3},
                         Row{9, 1, 4, 2, 2, 3}, Row{11, 1, 4, 2, 3, 3}, Row{8, 1, 4, 2, 2, 2},
                         Row{0, 7, 3, 0, 0, 0}, Row{1234, 10905, 10000, 1345, 1346, 1346},
                         Row{1, 1, UINT64_MAX, 0, 0, 1}, Row{kMost, 1, 1, kMost, kMost, kMost},
                         Row{UINT64_MAX, UINT64_MAX / 2, UINT64_MAX, kMost, kMost, kMost}}) {
    EXPECT_EQ(quote(row.numerator, row.denominator, Rounding::kDown).convert(row.amount).value(),
              row.down);
    EXPECT_EQ(quote(row.numerator, row.denominator, Rounding::kHalfUp).convert(row.amount).value(),
              row.half_up);
    EXPECT_EQ(quote(row.numerator, row.denominator, Rounding::kUp).convert(row.amount).value(),
              row.up);
  }
}

TEST(Quote, refuses_results_that_do_not_fit) {
  for (const uint64_t amount : {kMost, UINT64_MAX}) {
    EXPECT_EQ(reason_of(quote(3, 2, Rounding::kDown).convert(amount).status()), "AMOUNT_OVERFLOW");
    EXPECT_EQ(reason_of(quote(UINT64_MAX, 1, Rounding::kUp).convert(amount).status()),
              "AMOUNT_OVERFLOW");
  }
  EXPECT_EQ(reason_of(quote(1, 0, Rounding::kDown).convert(5).status()), "BAD_RATE");
}

TEST(Quote, decoder_refuses_what_makes_no_rate) {
  struct Row {
    std::string reason;
    void (*alter)(Quote&);
  };
  for (const Row& row :
       {Row{"BAD_RATE", [](Quote& q) { q.numerator = 0; }},
        Row{"BAD_RATE", [](Quote& q) { q.denominator = 0; }},
        Row{"BAD_ROUNDING", [](Quote& q) { q.rounding = static_cast<Rounding>(3); }},
        Row{"BAD_CURRENCY", [](Quote& q) { q.coin_currency = "eur"; }},
        Row{"BAD_CURRENCY", [](Quote& q) { q.terms_currency = "DOLLAR"; }},
        Row{"BAD_DATES", [](Quote& q) { q.valid_until_ms = q.valid_from_ms; }}}) {
    Quote bad = quote(3, 2, Rounding::kHalfUp);
    ASSERT_TRUE(Quote::decode(bad.encode()).ok());
    row.alter(bad);
    EXPECT_EQ(reason_of(Quote::decode(bad.encode()).status()), row.reason);
  }
}

}  // namespace
}  // namespace cafe::protocol
