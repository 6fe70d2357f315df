#include "device-sim/firmware/face/recovery_screens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "device-sim/firmware/face/face.h"

namespace cafe::face {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using wallet::ClaimStatus;
using wallet::ClaimView;
using wallet::Found;

constexpr std::string_view kNine = "lusab-babad-gutih-tugad-hobat-kasid-nofuz-vitam-zuroj";

std::string shown(const std::vector<Screen>& screens) {
  std::string text;
  for (const Screen& screen : screens) text += text_of(screen) + "\n";
  return text;
}

TEST(WordsScreensTest, ShowThreeAtATime) {
  EXPECT_EQ(shown(words_screens(kNine)),
            "1 lusab\n2 babad\n3 gutih\nCancel          Next\n\n"
            "4 tugad\n5 hobat\n6 kasid\nCancel          Next\n\n"
            "7 nofuz\n8 vitam\n9 zuroj\nCancel         Noted\n\n");
}

TEST(WordsScreensTest, AreNotedToTheLast) {
  ScriptedButtons buttons;
  Face face(buttons);
  EXPECT_TRUE(face.note_words(kNine));
  buttons.press({Button::kOk, Button::kOk, Button::kCancel});
  EXPECT_FALSE(face.note_words(kNine));
}

Found some() {
  Found found;
  found.currency = "EUR";
  found.unspent = 2800;
  found.partly_unspent = 600;
  found.loaded = 123456;
  return found;
}

TEST(FoundScreensTest, SayWhatCanBeHad) {
  EXPECT_EQ(shown(found_screens(std::vector{some()})),
            "Found EUR      28.00\nIn used coins   6.00\nCheques' loa 1234.56\n"
            "Back            Next\n\n");
  Found old = some();
  old.expired = 500;
  EXPECT_THAT(found_screens(std::vector{old}), SizeIs(2));
  EXPECT_EQ(shown(found_screens({})), "Nothing was found\n\n\nBack            Next\n\n");
}

TEST(FoundScreensTest, SayWhyNoChequesCanBeHad) {
  Found torn = some();
  torn.missing_cheques = 2;
  const auto screens = found_screens(std::vector{torn});
  ASSERT_THAT(screens, SizeIs(2));
  EXPECT_EQ(text_of(screens[1]),
            "Cheques missing in\n            2 orders\nNone can be claimed.\n"
            "Back            Next\n");
}

TEST(ConsentTest, ChequesThatCannotBeClaimedAreNotAskedFor) {
  ScriptedButtons buttons;
  std::vector<Screen> asked;
  buttons.on_screen = [&](const Screen& screen) { asked.push_back(screen); };
  Face face(buttons);
  Found torn = some();
  torn.missing_cheques = 1;
  EXPECT_FALSE(face.ask_consent(std::vector{torn}).cheques);
  EXPECT_THAT(asked, ElementsAre(used_coins_screen("EUR", 600)));
}

TEST(ConsentTest, IsAskedForWhatItBrings) {
  ScriptedButtons buttons;
  std::vector<Screen> asked;
  buttons.on_screen = [&](const Screen& screen) { asked.push_back(screen); };
  Face face(buttons);
  buttons.press({Button::kCancel, Button::kOk});
  const wallet::Consent consent = face.ask_consent(std::vector{some()});
  EXPECT_FALSE(consent.partly_spent);
  EXPECT_TRUE(consent.cheques);
  EXPECT_THAT(asked, ElementsAre(used_coins_screen("EUR", 600), cheques_screen("EUR", 123456)));
  asked.clear();
  Found plain = some();
  plain.partly_unspent = 0;
  plain.loaded = 0;
  face.ask_consent(std::vector{plain});
  EXPECT_THAT(asked, SizeIs(0));
}

TEST(ConsentTest, SaysWhatItShows) {
  EXPECT_EQ(text_of(used_coins_screen("EUR", 600)),
            "Used coins too? 6.00\nThe issuer will see\nwhat they paid.\n"
            "No               Yes\n");
  EXPECT_EQ(text_of(cheques_screen("EUR", 5000)),
            "Cheques? Up to 50.00\nThe issuer will see\nwhat they all paid.\n"
            "No               Yes\n");
}

ClaimView claim(ClaimStatus status) {
  ClaimView view{};
  view.kind = protocol::ClaimKind::kCoins;
  view.status = status;
  view.claimed = {{"EUR", 2800}};
  return view;
}

TEST(ClaimScreensTest, FollowAClaim) {
  ClaimView filed = claim(ClaimStatus::kFiled);
  EXPECT_EQ(shown(claim_screens(std::vector{filed})),
            "Claim          waits\nEUR            28.00\n\nBack            Next\n\n");
  ClaimView held = claim(ClaimStatus::kHeld);
  held.number = 7;
  held.held_until_ms = 1'765'000'000'000;
  EXPECT_EQ(
      shown(claim_screens(std::vector{held})),
      "Claim 7         held\nEUR            28.00\nuntil 2025-12-06\nBack            Next\n\n");
  ClaimView final = held;
  final.status = ClaimStatus::kFinal;
  final.totals = {{"EUR", 2800, 500, 2300, 300, 0}};
  EXPECT_EQ(shown(claim_screens(std::vector{final})),
            "Claim 7        final\nEUR            20.00\nspent before    8.00\n"
            "Back            Next\n\n");
  ClaimView refused = claim(ClaimStatus::kRefused);
  refused.reason = "CLAIM_EXPIRED";
  EXPECT_EQ(shown(claim_screens(std::vector{refused})),
            "Claim        refused\nToo old to be\nclaimed.\nBack            Next\n\n");
  EXPECT_EQ(shown(claim_screens({})), "No claims\n\n\nBack            Next\n\n");
}

}  // namespace
}  // namespace cafe::face
