#include "device-sim/cafe-wallet/console.h"

#include <gtest/gtest.h>

#include <sstream>

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

}  // namespace
}  // namespace cafe::cafe_wallet
