#include "device-sim/cafe-wallet/console.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <sstream>
#include <thread>

namespace cafe::cafe_wallet {
namespace {

using face::Button;

const face::Screen kQuestion = face::message_screen("Really?");

TEST(ScriptConsoleTest, GivesCommandsAndAnswersInTheirOrder) {
  std::ostringstream out;
  ScriptConsole console({"# a script", "pay 1", "ok", "cancel", "", "balance \r", "quit"}, out);
  EXPECT_EQ(console.next_command(), "pay 1");
  EXPECT_EQ(console.ask(kQuestion), Button::kOk);
  EXPECT_EQ(console.ask(kQuestion), Button::kCancel);
  // What has no answer in the script is answered with OK.
  EXPECT_EQ(console.ask(kQuestion), Button::kOk);
  EXPECT_EQ(console.next_command(), "balance");
  EXPECT_EQ(console.next_command(), "quit");
  EXPECT_EQ(console.next_command(), std::nullopt);
}

// Nobody says who she is by saying nothing.
TEST(ScriptConsoleTest, IdentifiesTheOwnerOnlyWhereTheScriptSaysSo) {
  std::ostringstream out;
  ScriptConsole console({"pay 1", "ok", "pay 2", "ok", "ok"}, out);
  face::Face face(console);
  const wallet::Bill bill{"Bakery", "acquirer.example", "EUR", 100};
  EXPECT_EQ(console.next_command(), "pay 1");
  EXPECT_TRUE(face.confirm_payment(bill));
  EXPECT_FALSE(face.confirm_identification(bill));
  EXPECT_EQ(console.next_command(), "pay 2");
  EXPECT_TRUE(face.confirm_identification(bill));
  EXPECT_TRUE(face.confirm_payment(bill));
}

TEST(ScriptConsoleTest, SkipsAnswersThatNobodyAskedFor) {
  std::ostringstream out;
  ScriptConsole console({"pay 1", "ok", "ok", "balance"}, out);
  EXPECT_EQ(console.next_command(), "pay 1");
  EXPECT_EQ(console.ask(kQuestion), Button::kOk);
  EXPECT_EQ(console.next_command(), "balance");
}

TEST(ScriptConsoleTest, WritesWhatIsShown) {
  std::ostringstream out;
  ScriptConsole console({"pay 1", "cancel"}, out);
  console.next_command();
  console.ask(kQuestion);
  console.say("Nothing happened.");
  EXPECT_EQ(out.str(), "wallet> pay 1\n" + face::framed(kQuestion) +
                           "  > left\n"
                           "  Nothing happened.\n");
}

TEST(ScriptConsoleTest, HangsUpAfterTheTicksThatWereAskedFor) {
  std::ostringstream out;
  ScriptConsole console({}, out);
  EXPECT_FALSE(console.hangs_up(6, 7));
  EXPECT_TRUE(console.hangs_up(7, 7));
  EXPECT_FALSE(console.hangs_up(4, 0));
  EXPECT_TRUE(console.hangs_up(5, 0));
}

// Each question takes the next line of digits, or the last one again; none of them is written out.
TEST(ScriptConsoleTest, TypesDigitsAndWritesNone) {
  std::ostringstream out;
  ScriptConsole console({"digits 2580", "register", "digits 1111", "digits 1379", "pay 1"}, out);
  EXPECT_EQ(console.next_command(), "register");
  EXPECT_EQ(console.ask_digits(kQuestion), "1111");
  EXPECT_EQ(console.ask_digits(kQuestion), "1379");
  EXPECT_EQ(console.ask_digits(kQuestion), "1379");
  EXPECT_EQ(console.next_command(), "pay 1");
  for (const char* digits : {"2580", "1111", "1379", "digits 1"}) {
    EXPECT_EQ(out.str().find(digits), std::string::npos);
  }
}

TEST(ScriptConsoleTest, WithoutDigitsAsksThePadOrPressesTheLeftButton) {
  std::ostringstream out;
  ScriptConsole alone({"ok"}, out);
  EXPECT_EQ(alone.ask_digits(kQuestion), std::nullopt);
  ScriptConsole with_person({}, out, [] { return std::optional<std::string>("4711"); });
  EXPECT_EQ(with_person.ask_digits(kQuestion), "4711");
  EXPECT_EQ(out.str().find("4711"), std::string::npos);
}

// A terminal in the place of standard input.
class TerminalConsoleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int terminal = -1;
    ASSERT_EQ(openpty(&keyboard_, &terminal, nullptr, nullptr, nullptr), 0);
    ASSERT_EQ(fcntl(keyboard_, F_SETFL, O_NONBLOCK), 0);
    input_ = dup(STDIN_FILENO);
    ASSERT_EQ(dup2(terminal, STDIN_FILENO), STDIN_FILENO);
    close(terminal);
  }
  void TearDown() override {
    dup2(input_, STDIN_FILENO);
    close(input_);
    close(keyboard_);
  }
  bool press(char key) const { return write(keyboard_, &key, 1) == 1; }

  int keyboard_ = -1;
  int input_ = -1;
};

TEST_F(TerminalConsoleTest, TakesDigitsFromTheKeys) {
  TerminalConsole console;
  std::atomic<bool> answered = false;
  std::thread owner([&] {
    // Typed until it is taken: what comes before the question counts for nothing.
    while (!answered) {
      for (char key : {'1', 'x', '2', '\x7f', '3', '\n'}) press(key);
      std::this_thread::yield();
    }
  });
  std::optional<std::string> digits;
  // A question may begin in the middle of that.
  for (int question = 0; question < 1000 && digits != "13"; ++question) {
    digits = console.ask_digits(kQuestion);
  }
  answered = true;
  owner.join();
  EXPECT_EQ(digits, "13");
  tcflush(STDIN_FILENO, TCIFLUSH);
}

// Enter, pressed before the question could be read, agrees to nothing.
TEST_F(TerminalConsoleTest, TakesNoKeyThatWasTypedAhead) {
  TerminalConsole console;
  for (int question = 0; question < 2; ++question) {
    ASSERT_TRUE(press('\n'));
    std::atomic<bool> answered = false;
    std::thread owner([&] {
      while (!answered) {
        press('c');
        std::this_thread::yield();
      }
    });
    EXPECT_EQ(console.ask(kQuestion), Button::kCancel);
    answered = true;
    owner.join();
    tcflush(STDIN_FILENO, TCIFLUSH);
  }
}

}  // namespace
}  // namespace cafe::cafe_wallet
