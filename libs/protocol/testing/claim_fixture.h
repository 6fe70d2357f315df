// Claims of all kinds by a wallet that was lost and replaced twice, and what a judge says of them:
// for the tests of claim files.
#pragma once

#include <string>

#include "gtest/gtest.h"
#include "libs/protocol/testing/claim_market.h"

namespace cafe::testing {

class ClaimFixture : public ::testing::Test {
 protected:
  using Payment = protocol::Payment;

  std::string verdict(const protocol::ClaimFile& file) {
    const auto decoded = protocol::ClaimFile::decode(file.encode());
    if (!decoded.ok()) return protocol::reason_of(decoded.status());
    return protocol::reason_of(protocol::verify_claim_file(*decoded, market_.anchors).status());
  }
  protocol::ClaimJudgement judged(const protocol::ClaimFile& file) {
    const auto judgement = protocol::verify_claim_file(file, market_.anchors);
    EXPECT_TRUE(judgement.ok()) << judgement.status();
    return judgement.value();
  }
  protocol::Claim claim_of(const protocol::ClaimFile& file) {
    return protocol::Claim::decode(file.claim.frame).value();
  }
  protocol::ClaimedCoin claims(const WithdrawnCoin& coin, uint64_t slots = 1) {
    return claimed(coin, coin.order, slots);
  }
  // The wallets of the account's last successor, who claims.
  std::vector<const WorldWallet*> chain() const { return {&next_, &last_}; }

  // 5 EUR and the slots 0, 1, 3 and 4 of 4+2+1+1+1, with nothing stated yet: 13.00 EUR.
  protocol::ClaimFile coins_claim() {
    return market_.claim(lost_, chain(), protocol::ClaimKind::kCoins,
                         {claims(plain_), claims(split_, 0b11011)});
  }
  // Three cheques under loads of 30 and 20 EUR.
  protocol::ClaimFile cheques_claim() {
    return market_.claim(lost_, chain(), protocol::ClaimKind::kCheques,
                         {claims(cheque_), claims(call_cheque_), claims(blank_)}, {}, {3000, 2000});
  }
  // Paid before the loss, or two days after the claim. The guardian forgets, so that one wallet's
  // slots serve several claims of one test.
  Payment pay(std::vector<Paying> slots, bool after = false) {
    market_.now_s = after ? market_.claim_s + 2 * kDay_s : kWorldNow_s;
    Payment payment = market_.pay(lost_, slots, Guardian::kForgetful);
    market_.now_s = kWorldNow_s;
    return payment;
  }

  // One slot paid before and found when it is credited; a payment of two slots after that.
  protocol::ClaimFile charged_claim() {
    protocol::ClaimFile file = coins_claim();
    const Payment before = pay({{&split_, 1, 200}});
    const Payment after = pay({{&plain_, 0, 500}, {&split_, 4, 100}}, /*after=*/true);
    std::vector<protocol::Deduction> deductions{market_.deduct(file, before, 0)};
    market_.state(file, protocol::ClaimState::kCredited, deductions, {before});
    deductions.push_back(market_.deduct(file, after, 0, /*charged=*/true));
    deductions.push_back(market_.deduct(file, after, 1, /*charged=*/true));
    market_.state(file, protocol::ClaimState::kCredited, deductions, {before, after});
    market_.state(file, protocol::ClaimState::kFinal, deductions, {before, after});
    return file;
  }
  // 12.34 EUR written out, three ticks of 10 cents shown.
  protocol::ClaimFile spent_cheques_claim() {
    protocol::ClaimFile file = cheques_claim();
    const Payment cheque = pay({{&cheque_, 0, 1234}});
    const Payment call =
        market_.open_call(lost_, call_cheque_, 10, 8, Guardian::kForgetful).shown(3);
    market_.state(file, protocol::ClaimState::kFinal,
                  {market_.deduct(file, cheque, 0), market_.deduct(file, call, 0)}, {cheque, call});
    return file;
  }
  // A refused payment of a coin and a cheque, by an account that is open.
  protocol::ClaimFile refused_claim() {
    const Payment payment = pay({{&plain_, 0, 500}, {&split_, 2, 100}, {&cheque_, 0, 1234}});
    return market_.claim(lost_, {}, protocol::ClaimKind::kPayments,
                         {claims(plain_), claims(split_, 0b00100), claims(cheque_)},
                         {market_.void_payment(payment, /*refused=*/true)});
  }

  ClaimMarket market_{"claim"};
  WorldWallet lost_ = market_.make_wallet();
  WorldWallet next_ = market_.make_wallet();
  WorldWallet last_ = market_.make_wallet();
  WithdrawnCoin plain_ = market_.take(lost_, market_.coin);
  WithdrawnCoin split_ = market_.take(lost_, market_.split_coin);
  WithdrawnCoin cheque_ = market_.take(lost_, market_.cheque);
  std::vector<WithdrawnCoin> two_ = market_.withdraw(lost_, {{market_.cheque.id, 2}});
  WithdrawnCoin& call_cheque_ = two_[0];
  WithdrawnCoin& blank_ = two_[1];
};

}  // namespace cafe::testing
