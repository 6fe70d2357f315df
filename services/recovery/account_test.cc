// What withdrawal says of an account is believed only as far as the issuer's keys signed it.
#include "services/recovery/account.h"

#include <gtest/gtest.h>

#include "services/recovery/testing/fake_peers.h"

namespace cafe::recovery {
namespace {

using protocol::SignedDocument;
using testing::ClaimMarket;
using testing::WorldWallet;

class AccountTest : public ::testing::Test {
 protected:
  AccountTest() {
    for (const WorldWallet* wallet : {&lost_, &next_, &last_}) withdrawal_.add(*wallet);
    withdrawal_.lose(lost_);
    withdrawal_.replace(lost_, next_);
    withdrawal_.lose(next_);
    withdrawal_.replace(next_, last_);
  }
  AccountAnswer answer() {
    return withdrawal_.account(lost_.account.account, absl::InfiniteFuture()).value();
  }
  absl::StatusOr<Account> open(const AccountAnswer& answer) {
    return open_account(answer, lost_.account.account, ClaimMarket::kIssuer, market_.anchors);
  }
  std::string reason(const AccountAnswer& answer) {
    return protocol::reason_of(open(answer).status());
  }
  std::string may_speak(const WorldWallet& by, const WorldWallet& signer) {
    const SignedDocument document =
        SignedDocument::sign(protocol::Bytes{1}, signer.identity.account_key);
    return protocol::reason_of(check_speaker(*open(answer()), by.account.account, document));
  }

  ClaimMarket market_{"account"};
  testing::FakeWithdrawal withdrawal_{market_};
  WorldWallet lost_ = market_.make_wallet();
  WorldWallet next_ = market_.make_wallet();
  WorldWallet last_ = market_.make_wallet();
};

TEST_F(AccountTest, OpensWithItsChainOfSuccessors) {
  const auto account = open(answer());
  ASSERT_TRUE(account.ok()) << account.status();
  EXPECT_EQ(account->standing, Standing::kLost);
  EXPECT_EQ(account->heir(), last_.account.account);
  EXPECT_EQ(account->successors.size(), 2u);
  EXPECT_EQ(account->points.m_coin, lost_.account.points.m_coin);
  EXPECT_EQ(account->points.m_cheque, lost_.account.points.m_cheque);
  EXPECT_TRUE(account->loss.has_value());
}

TEST_F(AccountTest, ItselfAndItsLastSuccessorSpeakForIt) {
  EXPECT_EQ(may_speak(lost_, lost_), "");
  EXPECT_EQ(may_speak(last_, last_), "");
  EXPECT_EQ(may_speak(next_, next_), "NOT_THE_HOLDER");
  EXPECT_EQ(may_speak(last_, next_), "BAD_SIGNATURE");
}

TEST_F(AccountTest, WhatNoKeyOfTheIssuersSignedIsNotBelieved) {
  const auto forged = [&](const protocol::Bytes& encoded) {
    const auto document = SignedDocument::decode(encoded).value();
    return SignedDocument::sign(document.frame, market_.terminal_key).encode();
  };
  AccountAnswer wrong = answer();
  wrong.receipt = forged(wrong.receipt);
  EXPECT_EQ(reason(wrong), "PEER_ANSWER");
  wrong = answer();
  wrong.replacements[1] = forged(wrong.replacements[1]);
  EXPECT_EQ(reason(wrong), "PEER_ANSWER");
  wrong = answer();
  wrong.successor_receipts[0] = forged(wrong.successor_receipts[0]);
  EXPECT_EQ(reason(wrong), "PEER_ANSWER");
  wrong = answer();
  wrong.loss_recorded = forged(wrong.loss_recorded);
  EXPECT_EQ(reason(wrong), "PEER_ANSWER");
  wrong = answer();
  wrong.key_certificates = {market_.deposit_certificate.encode()};
  EXPECT_EQ(reason(wrong), "WRONG_PURPOSE");
}

TEST_F(AccountTest, WhatDoesNotBelongTogetherIsAnError) {
  AccountAnswer wrong = answer();
  wrong.receipt = wrong.successor_receipts[0];
  EXPECT_EQ(reason(wrong), "PEER_ANSWER");
  wrong = answer();
  std::swap(wrong.replacements[0], wrong.replacements[1]);
  EXPECT_EQ(reason(wrong), "PEER_ANSWER");
  wrong = answer();
  wrong.successor_receipts.pop_back();
  EXPECT_EQ(reason(wrong), "PEER_ANSWER");
  wrong = answer();
  wrong.loss_recorded.clear();
  EXPECT_EQ(reason(wrong), "PEER_ANSWER");
  wrong = answer();
  wrong.loss_recorded =
      withdrawal_.account(next_.account.account, absl::InfiniteFuture())->loss_recorded;
  EXPECT_EQ(reason(wrong), "PEER_ANSWER");
}

}  // namespace
}  // namespace cafe::recovery
