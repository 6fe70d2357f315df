#include "device-sim/firmware/face/amount_text.h"

#include <gtest/gtest.h>

namespace cafe::face {
namespace {

TEST(AmountTextTest, HasTheDecimalsOfItsCurrency) {
  struct Row {
    std::string_view currency;
    uint64_t amount;
    std::string_view text;
  };
  for (const Row& row :
       std::initializer_list<Row>{{"EUR", 1250, "12.50 EUR"},
                                  {"EUR", 5, "0.05 EUR"},
                                  {"EUR", 0, "0.00 EUR"},
                                  {"JPY", 1250, "1250 JPY"},
                                  {"KWD", 1250, "1.250 KWD"},
                                  {"KWD", 7, "0.007 KWD"},
                                  {"CLF", 12345, "1.2345 CLF"},
                                  {"XOF", 3, "3 XOF"},
                                  {"ZZZ", 100, "1.00 ZZZ"},
                                  {"EUR", 9'223'372'036'854'775'807, "92233720368547758.07 EUR"}}) {
    EXPECT_EQ(amount_text(row.currency, row.amount), row.text);
    EXPECT_EQ(*parse_amount(row.currency, number_text(row.currency, row.amount)), row.amount);
  }
}

TEST(AmountTextTest, ReadsWhatPeopleWrite) {
  EXPECT_EQ(*parse_amount("EUR", "12"), 1200U);
  EXPECT_EQ(*parse_amount("EUR", "12.5"), 1250U);
  EXPECT_EQ(*parse_amount("EUR", "0.01"), 1U);
  EXPECT_EQ(*parse_amount("JPY", "12"), 12U);
}

TEST(AmountTextTest, RefusesWhatIsNoAmount) {
  for (std::string_view text : {"", ".", "1.", ".5", "-1", "+1", "1,5", "1.234", "1 2", "1e3", "x",
                                "92233720368547758.08", "1.2.3", "99999999999999999999999"}) {
    EXPECT_EQ(protocol::reason_of(parse_amount("EUR", text).status()), "BAD_AMOUNT") << text;
  }
  EXPECT_FALSE(parse_amount("JPY", "1.0").ok());
}

}  // namespace
}  // namespace cafe::face
