#include "device-sim/firmware/face/face.h"

#include <gtest/gtest.h>

namespace cafe::face {
namespace {

// A face with the screens that it has shown.
struct FaceTest : ::testing::Test {
  FaceTest() {
    buttons.on_screen = [this](const Screen& screen) { shown.push_back(screen); };
  }
  ScriptedButtons buttons;
  std::vector<Screen> shown;
  Face face{buttons};
};

const wallet::Bill kBill{"Shop 1", "issuer-a.example", "EUR", 1250};
const wallet::CallBill kCall{"Phone 3", "issuer-a.example", "EUR", 10, 360, "10 s"};
const std::vector<protocol::Completion::Debit> kSums = {{"EUR", 4500}, {"JPY", 300}};

TEST_F(FaceTest, AsksTheOwnerAndObeysTheButton) {
  struct Row {
    const char* what;
    std::function<bool()> ask;
    Screen screen;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"payment", [&] { return face.confirm_payment(kBill); }, payment_screen(kBill)},
           {"identification", [&] { return face.confirm_identification(kBill); },
            identification_screen(kBill)},
           {"call", [&] { return face.confirm_call(kCall); }, call_screen(kCall)},
           {"load", [&] { return face.confirm_load("EUR", 5); }, load_screen("EUR", 5)},
           {"pay back", [&] { return face.confirm_pay_back("EUR", 5); },
            pay_back_screen("EUR", 5)}}) {
    shown.clear();
    buttons.press({Button::kOk, Button::kCancel});
    EXPECT_TRUE(row.ask()) << row.what;
    EXPECT_FALSE(row.ask()) << row.what;
    EXPECT_EQ(shown, (std::vector<Screen>{row.screen, row.screen})) << row.what;
  }
}

TEST_F(FaceTest, EverySumOfAWithdrawalIsConfirmed) {
  EXPECT_TRUE(face.confirm_order(kSums));
  EXPECT_EQ(shown, withdrawal_screens(kSums));
  buttons.press({Button::kOk, Button::kCancel});
  EXPECT_FALSE(face.confirm_order(kSums));
  shown.clear();
  buttons.press({Button::kCancel});
  EXPECT_FALSE(face.confirm_order(kSums));
  EXPECT_EQ(shown.size(), 1U);
  EXPECT_FALSE(face.confirm_order({}));
}

TEST_F(FaceTest, AsksForAPinAndObeysTheLeftButton) {
  const wallet::PinQuestion question{wallet::PinKind::kWithdrawal, wallet::PinUse::kLoad, 3, false};
  const auto digits = [](const std::optional<wallet::Pin>& pin) {
    return pin ? protocol::to_string(pin->digits()) : "left button";
  };
  buttons.type({"2580", "12345678"});
  EXPECT_EQ(digits(face.enter_pin(question)), "2580");
  EXPECT_EQ(digits(face.enter_puk(7)), "12345678");
  EXPECT_EQ(digits(face.enter_pin(question)), "left button");
  EXPECT_EQ(shown,
            (std::vector<Screen>{pin_screen(question), enter_puk_screen(7), pin_screen(question)}));
  // What is no PIN goes no further.
  for (const char* wrong : {"", "123", "1234567890123", "12a4"}) {
    buttons.type({wrong});
    EXPECT_EQ(digits(face.enter_pin(question)), "left button") << wrong;
  }
}

TEST_F(FaceTest, HasANewPinTypedTwice) {
  const auto chosen = [&] {
    const auto pin = face.choose_pin(wallet::PinKind::kPayment);
    return pin ? protocol::to_string(pin->digits()) : "left button";
  };
  buttons.type({"1379", "1379"});
  EXPECT_EQ(chosen(), "1379");
  EXPECT_EQ(shown,
            (std::vector<Screen>{new_pin_screen(wallet::PinKind::kPayment), same_pin_screen()}));
  buttons.type({"1379", "1397", "2468", "2468"});
  EXPECT_EQ(chosen(), "2468");
  buttons.type({"1379"});
  EXPECT_EQ(chosen(), "left button");
}

TEST_F(FaceTest, ShowsThePukAndNoDigitsThatWereTyped) {
  const wallet::Pin puk = *wallet::Pin::of("50772218");
  EXPECT_TRUE(face.note_puk(puk));
  buttons.press({Button::kCancel});
  EXPECT_FALSE(face.note_puk(puk));
  EXPECT_NE(text_of(shown.front()).find("5077 2218"), std::string::npos);
  shown.clear();
  buttons.type({"2580", "2580", "1379", "97531"});
  face.choose_pin(wallet::PinKind::kWithdrawal);
  face.enter_pin({wallet::PinKind::kPayment, wallet::PinUse::kPayment, 2, true});
  face.enter_puk(3);
  for (const Screen& screen : shown) {
    for (const char* typed : {"2580", "1379", "97531"}) {
      EXPECT_EQ(text_of(screen).find(typed), std::string::npos);
    }
  }
}

TEST_F(FaceTest, BrowsesUntilTheEndOrUntilTheOwnerLeaves) {
  const std::vector<Screen> pages = {message_screen("one"), message_screen("two"),
                                     message_screen("three")};
  face.browse(pages);
  EXPECT_EQ(shown, pages);
  shown.clear();
  buttons.press({Button::kOk, Button::kCancel});
  face.browse(pages);
  EXPECT_EQ(shown, (std::vector<Screen>{pages[0], pages[1]}));
}

TEST_F(FaceTest, TellsAndShows) {
  face.tell(message_screen("told"));
  face.show(message_screen("shown"));
  EXPECT_EQ(shown, (std::vector<Screen>{message_screen("told"), message_screen("shown")}));
}

}  // namespace
}  // namespace cafe::face
