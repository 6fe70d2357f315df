// Tables, amounts and times as people read them.
#include "tools/cafectl/output.h"

#include <gtest/gtest.h>

namespace cafe::cafectl {
namespace {

TEST(TableTest, AlignsColumnsUnderTheirHeads) {
  const Json rows = {{{"account", "ab"}, {"balance", "1.00 EUR"}},
                     {{"account", "abcdefgh"}, {"balance", "20.00 EUR"}}};
  EXPECT_EQ(to_table(rows),
            "account   balance\n"
            "ab        1.00 EUR\n"
            "abcdefgh  20.00 EUR\n");
}

TEST(TableTest, ShowsWhatIsMissingAsADash) {
  const Json rows = {{{"case", 1}, {"account", nullptr}}, {{"case", 2}}};
  EXPECT_EQ(to_table(rows),
            "case  account\n"
            "1     -\n"
            "2     -\n");
}

TEST(TableTest, ShowsAnObjectLineByLine) {
  EXPECT_EQ(to_table(Json{{"result", "pass"}, {"checks", {1, 2}}, {"closed", true}}),
            "result  pass\n"
            "checks  [1,2]\n"
            "closed  true\n");
}

TEST(TableTest, SaysSoWhereThereIsNothing) { EXPECT_EQ(to_table(Json::array()), "(none)\n"); }

TEST(AmountTest, HasTheDecimalsOfItsCurrency) {
  struct Row {
    int64_t minor_units;
    const char* currency;
    const char* text;
  };
  for (const Row& row :
       {Row{0, "EUR", "0.00 EUR"}, Row{5, "EUR", "0.05 EUR"}, Row{99, "EUR", "0.99 EUR"},
        Row{100, "EUR", "1.00 EUR"}, Row{12345, "EUR", "123.45 EUR"},
        Row{123456, "EUR", "1 234.56 EUR"}, Row{100'000'000, "USD", "1 000 000.00 USD"},
        Row{-5, "EUR", "-0.05 EUR"}, Row{-123456, "EUR", "-1 234.56 EUR"},
        Row{1234, "JPY", "1 234 JPY"}, Row{0, "JPY", "0 JPY"}, Row{-7, "KRW", "-7 KRW"},
        Row{1234, "KWD", "1.234 KWD"}, Row{7, "BHD", "0.007 BHD"},
        Row{INT64_MAX, "EUR", "92 233 720 368 547 758.07 EUR"},
        Row{INT64_MIN, "EUR", "-92 233 720 368 547 758.08 EUR"}}) {
    EXPECT_EQ(format_amount(row.minor_units, row.currency), row.text);
  }
}

TEST(TimeTest, IsUtcToTheSecond) {
  EXPECT_EQ(format_time(0), "1970-01-01 00:00:00Z");
  EXPECT_EQ(format_time(1'795'341'600), "2026-11-22 10:00:00Z");
  EXPECT_EQ(format_time(253'402'300'799), "9999-12-31 23:59:59Z");
}

TEST(TimeTest, IsReadBack) {
  EXPECT_EQ(parse_time("2026-11-22T10:00:00Z"), 1'795'341'600u);
  EXPECT_EQ(parse_time("2026-11-22"), 1'795'305'600u);
  EXPECT_EQ(parse_time("1970-01-01"), 0u);
  for (const char* wrong : {"", "tomorrow", "2026-13-01", "2026-11-22T10:00:00", "2026-11-22 10:00",
                            "2026-11-22T25:00:00Z", "2026-11-22x", "22.11.2026"}) {
    EXPECT_EQ(parse_time(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace cafe::cafectl
