// Whole screens, as the owner sees them.
#include "device-sim/firmware/face/screens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/protocol/status.h"

namespace cafe::face {
namespace {

using ::testing::ElementsAre;
using wallet::PaymentKind;
using wallet::PaymentState;

const wallet::Bill kBill{"Shop 1", "issuer-a.example", "EUR", 1250};
const wallet::CallBill kCall{"Phone 3", "issuer-a.example", "EUR", 10, 360, "10 s"};

// 2026-11-23 05:44 UTC.
constexpr uint64_t kTime_ms = 1'795'412'640'000;

wallet::PastPayment past(PaymentKind kind, PaymentState state) {
  return {{},    state, "Shop 1",
          "EUR", 1250,  kTime_ms,
          kind,  false, kind == PaymentKind::kCall ? 12U : 0U,
          360,   10,    "10 s"};
}

TEST(ScreenTest, HasFourLinesOfTwentyCharacters) {
  const Screen plain = screen("first", "a line that is far too long", "", "Cancel", "OK");
  for (const std::string& line : plain.lines) EXPECT_EQ(line.size(), kColumns);
  EXPECT_EQ(text_of(plain),
            "first\n"
            "a line that is far t\n"
            "\n"
            "Cancel            OK\n");
  EXPECT_EQ(framed(plain),
            "+----------------------+\n"
            "| first                |\n"
            "| a line that is far t |\n"
            "|                      |\n"
            "| Cancel            OK |\n"
            "+----------------------+\n");
}

TEST(ScreenTest, CountsCharactersAndShowsNoControls) {
  EXPECT_EQ(left("Café zur Mühle am Fluß"), "Café zur Mühle am Fl");
  EXPECT_EQ(right("Café"), "                Café");
  EXPECT_EQ(left("a\nb\x1b[2J"), "a?b?[2J             ");
  EXPECT_EQ(both("A very long name indeed", "12.50 EUR"), "A very lon 12.50 EUR");
}

TEST(ScreenTest, WrapsWords) {
  EXPECT_THAT(wrap("The quick brown fox jumps over the lazy dog"),
              ElementsAre("The quick brown fox", "jumps over the lazy", "dog"));
  EXPECT_THAT(wrap("exactly twenty chars and more"),
              ElementsAre("exactly twenty chars", "and more"));
  EXPECT_THAT(wrap("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), ElementsAre("ABCDEFGHIJKLMNOPQRST", "UVWXYZ"));
  EXPECT_THAT(wrap(""), ElementsAre());
}

TEST(ScreensTest, AsksForAPayment) {
  EXPECT_EQ(text_of(payment_screen(kBill)),
            "Pay\n"
            "Shop 1\n"
            "           12.50 EUR\n"
            "Cancel            OK\n");
}

TEST(ScreensTest, NeverCutsASum) {
  wallet::Bill bill = kBill;
  bill.amount = 9'223'372'036'854'775'807;
  EXPECT_EQ(text_of(payment_screen(bill)),
            "Pay EUR\n"
            "Shop 1\n"
            "92233720368547758.07\n"
            "Cancel            OK\n");
}

TEST(ScreensTest, AsksBeforeSomebodyLearnsWhoPays) {
  EXPECT_EQ(text_of(identification_screen(kBill)),
            "A large sum: issuer\n"
            "learns who pays\n"
            "Shop 1\n"
            "Cancel            OK\n");
}

TEST(ScreensTest, ShowsTheTariffOfACallAndWhatItCosts) {
  EXPECT_EQ(text_of(call_screen(kCall)),
            "Call: Phone 3\n"
            "0.10 EUR / 10 s\n"
            "at most    36.00 EUR\n"
            "Cancel            OK\n");
  EXPECT_EQ(text_of(talking_screen(kCall, 12)),
            "Call: Phone 3\n"
            "12 x 10 s\n"
            "            1.20 EUR\n"
            "Hang up\n");
  EXPECT_EQ(text_of(call_ended_screen(kCall, 12)),
            "Call ended\n"
            "12 x 10 s\n"
            "            1.20 EUR\n"
            "                  OK\n");
}

TEST(ScreensTest, AsksForWithdrawalsLoadsAndPayingBack) {
  const std::vector<protocol::Completion::Debit> sums = {{"EUR", 4500}, {"JPY", 0}};
  const std::vector<Screen> screens = withdrawal_screens(sums);
  ASSERT_EQ(screens.size(), 2U);
  EXPECT_EQ(text_of(screens[0]),
            "Withdraw\n"
            "           45.00 EUR\n"
            "from your account?\n"
            "Cancel            OK\n");
  EXPECT_EQ(text_of(screens[1]),
            "Withdraw blank\n"
            "cheques, which cost\n"
            "nothing\n"
            "Cancel            OK\n");
  EXPECT_EQ(text_of(load_screen("KWD", 5000)),
            "Load for cheques\n"
            "           5.000 KWD\n"
            "from your account?\n"
            "Cancel            OK\n");
  EXPECT_EQ(text_of(pay_back_screen("JPY", 1200)),
            "Pay back\n"
            "            1200 JPY\n"
            "into your account?\n"
            "Cancel            OK\n");
}

TEST(ScreensTest, ShowsTheBalanceByCurrencyAndKind) {
  const std::vector<wallet::Balance> balances = {
      {"EUR", 4567, 23, 5, 50'000, 10'000},
      {"JPY", 300, 1, 1, 1000, 1500},
  };
  const std::vector<Screen> screens = balance_screens(balances);
  ASSERT_EQ(screens.size(), 3U);
  EXPECT_EQ(text_of(screens[0]),
            "EUR           145.67\n"
            "Coins (23)     45.67\n"
            "Cheques (5)   100.00\n"
            "Back            Next\n");
  EXPECT_EQ(text_of(screens[1]),
            "JPY             1300\n"
            "Coins (1)        300\n"
            "Cheques (1)     1000\n"
            "Back            Next\n");
  EXPECT_EQ(text_of(screens[2]),
            "Loaded       500 JPY\n"
            "waits for blank\n"
            "cheques: withdraw\n"
            "Back            Next\n");
  EXPECT_EQ(text_of(balance_screens({}).at(0)),
            "The wallet is empty\n"
            "\n"
            "\n"
            "Back            Next\n");
}

TEST(ScreensTest, ShowsPastPaymentsTheNewestFirst) {
  std::vector<wallet::PastPayment> payments = {
      past(PaymentKind::kBill, PaymentState::kAccepted),
      past(PaymentKind::kBill, PaymentState::kRefused),
      past(PaymentKind::kCall, PaymentState::kEnded),
      past(PaymentKind::kPayBack, PaymentState::kAccepted),
      past(PaymentKind::kBill, PaymentState::kReady),
      past(PaymentKind::kBill, PaymentState::kAccepted),
  };
  payments[5].identified = true;
  payments[5].amount = 260'000;
  const std::vector<Screen> screens = past_payment_screens(payments);
  ASSERT_EQ(screens.size(), 6U);
  EXPECT_EQ(text_of(screens[0]),
            "6 2026-11-23   named\n"
            "Shop 1\n"
            "2600.00 EUR     paid\n"
            "Back            Next\n");
  EXPECT_EQ(text_of(screens[1]),
            "5   2026-11-23 05:44\n"
            "Shop 1\n"
            "12.50 EUR      waits\n"
            "Back            Next\n");
  EXPECT_EQ(text_of(screens[2]),
            "4   2026-11-23 05:44\n"
            "Your own account\n"
            "12.50 EUR       back\n"
            "Back            Next\n");
  EXPECT_EQ(text_of(screens[3]),
            "3   2026-11-23 05:44\n"
            "Call: Shop 1\n"
            "12.50 EUR   12 ticks\n"
            "Back            Next\n");
  EXPECT_EQ(text_of(screens[4]),
            "2   2026-11-23 05:44\n"
            "Shop 1\n"
            "12.50 EUR    refused\n"
            "Back            Next\n");
  EXPECT_EQ(text_of(past_payment_screens({}).at(0)),
            "No payments yet\n"
            "\n"
            "\n"
            "Back            Next\n");
}

TEST(ScreensTest, ALongSumOfAPastPaymentKeepsItsDigits) {
  wallet::PastPayment payment = past(PaymentKind::kBill, PaymentState::kRefused);
  payment.amount = 12'345'678'901'234;
  EXPECT_EQ(text_of(past_payment_screens({&payment, 1}).at(0)),
            "1   2026-11-23 05:44\n"
            "Shop 1       refused\n"
            "123456789012.34 EUR\n"
            "Back            Next\n");
}

TEST(ScreensTest, SaysWhatCameOfIt) {
  EXPECT_EQ(text_of(paid_screen("Shop 1", "EUR", 1250)),
            "Paid\n"
            "Shop 1\n"
            "           12.50 EUR\n"
            "                  OK\n");
  EXPECT_EQ(text_of(withdrawn_screen({1, 23, true})),
            "Withdrawn:\n"
            "23 pieces\n"
            "\n"
            "                  OK\n");
  EXPECT_EQ(text_of(withdrawn_screen({1, 23, false})),
            "Withdrawn, but the\n"
            "debit is wrong.\n"
            "Proof is kept.\n"
            "                  OK\n");
  EXPECT_EQ(text_of(loaded_screen({"EUR", 5000, 1})),
            "Loaded for cheques\n"
            "           50.00 EUR\n"
            "\n"
            "                  OK\n");
  EXPECT_EQ(text_of(paid_back_screen("EUR", 1200)),
            "Paid back\n"
            "           12.00 EUR\n"
            "to your account\n"
            "                  OK\n");
  EXPECT_EQ(text_of(refused_screen("Shop 1", "HUNG_UP")),
            "Shop 1\n"
            "The call was not\n"
            "begun.\n"
            "                  OK\n");
  EXPECT_EQ(text_of(error_screen(protocol::refused("AMOUNT_NOT_PAYABLE", "…"))),
            "Your money does not\n"
            "make up this sum.\n"
            "Withdraw.\n"
            "                  OK\n");
  EXPECT_EQ(text_of(error_screen(absl::InternalError("no reason"))),
            "Something went\n"
            "wrong. Try again.\n"
            "\n"
            "                  OK\n");
}

TEST(ScreensTest, AsksForPins) {
  using wallet::PinKind;
  using wallet::PinUse;
  EXPECT_EQ(text_of(pin_screen({PinKind::kWithdrawal, PinUse::kWithdrawal, 3, false})),
            "To withdraw:\n"
            "Withdrawal PIN?\n"
            "\n"
            "Cancel            OK\n");
  EXPECT_EQ(text_of(pin_screen({PinKind::kPayment, PinUse::kPayment, 2, true})),
            "To pay:\n"
            "Payment PIN?\n"
            "Wrong: 2 tries left\n"
            "Cancel            OK\n");
  // Somebody else tried before.
  EXPECT_EQ(text_of(pin_screen({PinKind::kPayment, PinUse::kUnlock, 1, false})),
            "To unlock a sum:\n"
            "Payment PIN?\n"
            "1 try left\n"
            "Cancel            OK\n");
  EXPECT_EQ(text_of(puk_screen(*wallet::Pin::of("50772218"))),
            "Note it down now:\n"
            "PUK 5077 2218\n"
            "It unblocks PINs.\n"
            "Cancel            OK\n");
  EXPECT_EQ(text_of(enter_puk_screen(10)),
            "Your PUK, 8 digits?\n"
            "\n"
            "10 tries left\n"
            "Cancel            OK\n");
}

TEST(ScreensTest, ShowsPinsAndWhatGoesWithout) {
  const wallet::PinStates pins{{true, 0}, {true, 3}, {true, 10}};
  const wallet::Allowance euros{"EUR", 2000, 1234};
  const auto screens = pins_screens(pins, {&euros, 1});
  ASSERT_EQ(screens.size(), 2U);
  EXPECT_EQ(text_of(screens[0]),
            "Withdrawal   blocked\n"
            "Payment      3 tries\n"
            "PUK         10 tries\n"
            "Back            Next\n");
  EXPECT_EQ(text_of(screens[1]),
            "Without PIN, EUR:\n"
            "               12.34\n"
            "of             20.00\n"
            "Back            Next\n");
  EXPECT_EQ(text_of(pins_screens(pins, {}).at(1)),
            "Every payment needs\n"
            "the payment PIN\n"
            "\n"
            "Back            Next\n");
  EXPECT_EQ(pins_screens({{true, 3}, {false, 0}, {true, 10}}, {}).size(), 1U);
  EXPECT_EQ(text_of(unlocked_screen(euros)),
            "Without PIN:\n"
            "           12.34 EUR\n"
            "can be paid now\n"
            "                  OK\n");
}

TEST(ScreensTest, WritesTimes) {
  EXPECT_EQ(time_text(0), "1970-01-01 00:00");
  EXPECT_EQ(time_text(kTime_ms), "2026-11-23 05:44");
  EXPECT_EQ(time_text(951'782'399'999), "2000-02-28 23:59");
  EXPECT_EQ(time_text(951'782'400'000), "2000-02-29 00:00");
}

}  // namespace
}  // namespace cafe::face
