// Claims from their filing to their last statement: what is claimed, what shrinks it, what is
// refused, and an issuer that gets its sums wrong.
#include "device-sim/firmware/wallet/claims.h"

#include "device-sim/firmware/wallet/recovery_fixture.h"
#include "libs/protocol/payment_answer.h"

namespace cafe::wallet {
namespace {

using protocol::Bytes;
using protocol::ClaimKind;
using protocol::reason_of;
using ::testing::IsEmpty;
using testing::kDay_ms;
using testing::kWorldNow_s;
using ::testing::SizeIs;

class ClaimsTest : public testing::RecoveryTest {
 protected:
  // Claims again what is left, on a recovery of its own.
  size_t claim_again(const Consent& consent = {}) {
    const auto recovery = *Recovery::resume(*fresh_.wallet, lost_account_);
    const auto digests = recover(*fresh_.wallet, desk_, *recovery, consent);
    EXPECT_TRUE(digests.ok()) << digests.status();
    return digests.value_or(std::vector<protocol::Bytes32>()).size();
  }
};

TEST_F(ClaimsTest, APaymentFromBeforeTheLossShrinksTheClaim) {
  withdraw_coins();
  pay(lost_, 500);  // and its payee has not been at the issuer's yet
  recover_all();
  EXPECT_EQ(claimed(), kCoins) << "nothing shows that it was spent";
  desk_.pass(kDay_ms);
  desk_.deposit(*till_.terminal);
  desk_.pass(testing::kHolding_ms);
  poll();
  ASSERT_THAT(views(), SizeIs(1));
  EXPECT_EQ(views()[0].totals.at(0).deducted, 500u);
  EXPECT_EQ(credited(), kCoins - 500);
}

TEST_F(ClaimsTest, OneThatComesInAfterTheCreditIsCharged) {
  withdraw_coins();
  pay(lost_, 500);
  recover_all();
  desk_.pass(testing::kHolding_ms);
  poll();
  EXPECT_EQ(credited(), kCoins);
  desk_.deposit(*till_.terminal);
  desk_.pass(kDay_ms);
  poll();
  EXPECT_EQ(views()[0].status, ClaimStatus::kCredited);
  EXPECT_EQ(views()[0].totals.at(0).charged, 500u);
  EXPECT_EQ(credited(), kCoins - 500);
  desk_.pass(130 * kDay_ms);
  poll();
  EXPECT_EQ(views()[0].status, ClaimStatus::kFinal);
  EXPECT_EQ(credited(), kCoins - 500);
}

TEST_F(ClaimsTest, PartlySpentCoinsAreClaimedWithConsentOnly) {
  lost_.withdraw(issuer_, {{world_.split_coin.id, 2}});
  pay_and_deposit(lost_, 300);
  const auto recovery = begin();
  ASSERT_TRUE(list_and_rebuild(desk_, *recovery).ok());
  ASSERT_TRUE(look_up_all(desk_, *recovery).ok());
  const Found found = recovery->found(kWorldNow_s).at(0);
  EXPECT_EQ(found.spent, 300u);
  EXPECT_EQ(found.unspent, 900u);
  EXPECT_EQ(found.partly_unspent, 600u);
  ASSERT_TRUE(recovery->claim({}, desk_.now_ms()).ok());
  EXPECT_EQ(claimed(), 900u);
  EXPECT_EQ(recovery->found(kWorldNow_s).at(0).claimed, 900u);
  ASSERT_TRUE(recovery->claim({.partly_spent = true}, desk_.now_ms()).ok());
  EXPECT_EQ(claimed(), 1500u);
  EXPECT_THAT(views(), SizeIs(2)) << "apart from the whole ones";
  EXPECT_THAT(*recovery->claim({.partly_spent = true}, desk_.now_ms()), IsEmpty());
  ASSERT_TRUE(send_claims(*fresh_.wallet, desk_).ok());
  desk_.pass(testing::kHolding_ms);
  poll();
  EXPECT_EQ(credited(), 1500u);
}

TEST_F(ClaimsTest, ChequesAreClaimedAllTogetherAndOnlyOnHerWord) {
  lost_.withdraw(issuer_, {{world_.cheque.id, 3}});
  lost_.load(issuer_, 6000);
  pay_and_deposit(lost_, 1234);
  recover_all();
  EXPECT_THAT(views(), IsEmpty());
  EXPECT_EQ(claim_again({.cheques = true}), 1u);
  ASSERT_THAT(views(), SizeIs(1));
  EXPECT_EQ(views()[0].kind, ClaimKind::kCheques);
  EXPECT_EQ(claimed(), 6000u) << "what was spent of it, all cheques together will show";
  EXPECT_EQ(claim_again({.cheques = true}), 0u) << "once";
  desk_.pass(130 * kDay_ms);
  poll();
  EXPECT_EQ(views()[0].status, ClaimStatus::kFinal);
  EXPECT_EQ(views()[0].totals.at(0).deducted, 1234u);
  EXPECT_EQ(credited(), 6000u - 1234);
}

// Coins are claimed until their claim_until; what cheques paid is known for good.
TEST_F(ClaimsTest, ChequesAreClaimedHoweverOldTheyAre) {
  lost_.withdraw(issuer_, {{world_.coin.id, 3}});
  lost_.withdraw(issuer_, {{world_.cheque.id, 3}});
  lost_.load(issuer_, 6000);
  const auto recovery = begin();
  ASSERT_TRUE(list_and_rebuild(desk_, *recovery).ok());
  ASSERT_TRUE(look_up_all(desk_, *recovery).ok());
  const uint64_t late_s = world_.cheque.denomination.claim_until;
  EXPECT_EQ(recovery->found(late_s).at(0).expired, 1500u);
  EXPECT_EQ(recovery->found(late_s).at(0).cheques, 3u);
  EXPECT_THAT(*recovery->claim({.cheques = true}, late_s * 1000), SizeIs(1));
  ASSERT_THAT(views(), SizeIs(1));
  EXPECT_EQ(views()[0].kind, ClaimKind::kCheques);
  EXPECT_EQ(claimed(), 6000u);
}

TEST_F(ClaimsTest, ChequesWithoutALoadAreNotShown) {
  lost_.withdraw(issuer_, {{world_.cheque.id, 3}});
  recover_all({.cheques = true});
  EXPECT_THAT(views(), IsEmpty());
}

TEST_F(ClaimsTest, AClaimTooOldIsMadeAnew) {
  withdraw_coins();
  const auto recovery = begin();
  ASSERT_TRUE(list_and_rebuild(desk_, *recovery).ok());
  ASSERT_TRUE(look_up_all(desk_, *recovery).ok());
  ASSERT_TRUE(recovery->claim({}, desk_.now_ms()).ok());
  desk_.pass(kDay_ms);
  ASSERT_TRUE(send_claims(*fresh_.wallet, desk_).ok());
  ASSERT_THAT(views(), SizeIs(1));
  EXPECT_EQ(views()[0].status, ClaimStatus::kRefused);
  EXPECT_EQ(views()[0].reason, "CLAIM_STALE");
  EXPECT_EQ(claim_again(), 1u);
  EXPECT_EQ(claimed(), kCoins);
}

// The coin's denomination may be newer than the list by which it was refused.
TEST_F(ClaimsTest, AClaimThatAnOldListRefusedIsMadeAnew) {
  withdraw_coins();
  desk_.has_an_old_list = true;
  recover_all();
  ASSERT_THAT(views(), SizeIs(1));
  EXPECT_EQ(views()[0].reason, "UNKNOWN_DENOMINATION");
  desk_.has_an_old_list = false;
  desk_.pass(1000);
  EXPECT_EQ(claim_again(), 1u);
  EXPECT_EQ(claimed(), kCoins) << "no coin is left out";
}

TEST_F(ClaimsTest, AReceiptForAnotherSumIsEvidence) {
  withdraw_coins();
  desk_.tamper_receipt = [](protocol::ClaimReceipt& receipt) { receipt.claimed[0].amount -= 1; };
  const auto recovery = begin();
  EXPECT_EQ(reason_of(recover(*fresh_.wallet, desk_, *recovery, {}).status()), "WRONG_RECEIPT");
  ASSERT_THAT(views(), SizeIs(1));
  EXPECT_EQ(views()[0].status, ClaimStatus::kFiled);
  const auto kept = *Claims(*fresh_.wallet).evidence(views()[0].digest);
  ASSERT_TRUE(kept.has_value());
  EXPECT_TRUE(
      protocol::SignedDocument::decode(*kept)->check(world_.recovery_key.public_key()).ok());
}

TEST_F(ClaimsTest, TheIssuerAnswersAClaimOnce) {
  withdraw_coins();
  recover_all();
  Claims claims(*fresh_.wallet);
  const Bytes bytes = *claims.bytes(views()[0].digest);
  // The same claim again gets the same receipt, and the wallet takes it again.
  const Bytes receipt = desk_.file_claim(bytes)->document;
  EXPECT_TRUE(claims.on_receipt(receipt, desk_.recovery_certificate()).ok());
  auto document = *protocol::SignedDocument::decode(receipt);
  auto other = *protocol::ClaimReceipt::decode(document.frame);
  ++other.number;
  document = protocol::SignedDocument::sign(other.encode(), world_.recovery_key);
  EXPECT_EQ(reason_of(claims.on_receipt(document.encode(), desk_.recovery_certificate())),
            "CLAIM_ANSWERED");
  EXPECT_EQ(views()[0].number, 1u);
  EXPECT_TRUE(claims.evidence(views()[0].digest)->has_value());
}

TEST_F(ClaimsTest, AnswersAreBelievedWithTheRecoveryKeysSignatureOnly) {
  withdraw_coins();
  const auto recovery = begin();
  ASSERT_TRUE(list_and_rebuild(desk_, *recovery).ok());
  ASSERT_TRUE(look_up_all(desk_, *recovery).ok());
  const auto digest = recovery->claim({}, desk_.now_ms())->at(0);
  Claims claims(*fresh_.wallet);
  auto receipt =
      *protocol::SignedDocument::decode(desk_.file_claim(*claims.bytes(digest))->document);
  receipt = protocol::SignedDocument::sign(receipt.frame, world_.deposit_key);
  EXPECT_EQ(reason_of(claims.on_receipt(receipt.encode(), desk_.recovery_certificate())),
            "BAD_SIGNATURE");
  const protocol::ClaimRefused refused{std::string(testing::World::kIssuer),
                                       lost_account_,
                                       digest,
                                       "CLAIM_INVALID",
                                       0,
                                       desk_.now_ms()};
  const Bytes forged =
      protocol::SignedDocument::sign(refused.encode(), world_.deposit_key).encode();
  EXPECT_EQ(reason_of(claims.on_refusal(forged, desk_.recovery_certificate())), "BAD_SIGNATURE");
  EXPECT_EQ(reason_of(claims.on_refusal(forged, world_.deposit_certificate.encode())),
            "WRONG_PURPOSE");
  EXPECT_EQ(views()[0].status, ClaimStatus::kFiled);
}

TEST_F(ClaimsTest, AStatementThatDoesNotAddUpIsNotTaken) {
  withdraw_coins();
  pay(lost_, 500);
  recover_all();
  desk_.deposit(*till_.terminal);
  desk_.tamper_statement = [](protocol::ClaimStatement& statement) {
    statement.totals[0].credited -= 100;
  };
  desk_.pass(testing::kHolding_ms);
  EXPECT_EQ(reason_of(poll_claims(*fresh_.wallet, desk_)), "SUM_MISMATCH");
  EXPECT_EQ(views()[0].status, ClaimStatus::kHeld);
}

TEST_F(ClaimsTest, ADeductionOfASlotThatWasNotClaimedIsNotTaken) {
  withdraw_coins();
  pay(lost_, 500);
  recover_all();
  desk_.deposit(*till_.terminal);
  desk_.tamper_statement = [](protocol::ClaimStatement& statement) {
    ++statement.deductions[0].slot;
  };
  desk_.pass(testing::kHolding_ms);
  EXPECT_EQ(reason_of(poll_claims(*fresh_.wallet, desk_)), "DEDUCTION_UNPROVED");
  EXPECT_TRUE(views()[0].totals.empty());
}

// Two first statements of one claim, both signed.
TEST_F(ClaimsTest, AStatementThatTakesThePlaceOfAnotherIsEvidence) {
  withdraw_coins();
  recover_all();
  desk_.pass(testing::kHolding_ms);
  poll();
  Claims claims(*fresh_.wallet);
  auto file = *protocol::ClaimFile::decode(
      *desk_.claim_file(*claims.query(views()[0].digest, desk_.now_ms())));
  auto other = *protocol::ClaimStatement::decode(file.statements[0].frame);
  ++other.time_ms;
  file.statements[0] = protocol::SignedDocument::sign(other.encode(), world_.recovery_key);
  EXPECT_EQ(reason_of(claims.on_claim_file(file.encode())), "WRONG_STATEMENT");
  EXPECT_EQ(**claims.evidence(views()[0].digest), file.statements[0].encode());
  file.statements.clear();
  EXPECT_EQ(reason_of(claims.on_claim_file(file.encode())), "WRONG_STATEMENT");
}

TEST_F(ClaimsTest, KnowsItsOwnClaimsOnly) {
  Claims claims(*fresh_.wallet);
  EXPECT_EQ(reason_of(claims.bytes({}).status()), "UNKNOWN_CLAIM");
  EXPECT_EQ(reason_of(claims.query({}, desk_.now_ms()).status()), "UNKNOWN_CLAIM");
  EXPECT_EQ(reason_of(claims.evidence({}).status()), "UNKNOWN_CLAIM");
}

// --- Payments of a living wallet that came to nothing ---

class VoidPaymentTest : public testing::RecoveryTest {
 protected:
  void SetUp() override {
    RecoveryTest::SetUp();
    withdraw_coins();
  }
  // A payment that the terminal refuses: it withdrew the bill before.
  protocol::Payment refused(uint64_t amount) {
    const Bytes offer = *till_.terminal->make_offer("EUR", amount, desk_.now_ms());
    const auto digest = testing::terms_of(offer).digest();
    const auto outgoing = *lost_.wallet->on_offer(offer, desk_.now_ms());
    const Bytes refusal = *till_.terminal->cancel_offer(digest, desk_.now_ms());
    EXPECT_TRUE(lost_.wallet->on_payment_answer(refusal).ok());
    return *protocol::Payment::decode(outgoing.payment);
  }
  size_t claim() {
    const auto recovery = *Recovery::of_own_payments(*lost_.wallet);
    EXPECT_TRUE(list_and_rebuild(desk_, *recovery).ok());
    EXPECT_TRUE(look_up_all(desk_, *recovery).ok());
    const auto digests = recovery->claim_payments(desk_.now_ms());
    EXPECT_TRUE(digests.ok()) << digests.status();
    const absl::Status sent = send_claims(*lost_.wallet, desk_);
    EXPECT_TRUE(sent.ok()) << sent;
    return digests->size();
  }
  std::vector<ClaimView> views() { return Claims(*lost_.wallet).all(); }
  uint64_t credited() { return desk_.credited(lost_account_); }
};

TEST_F(VoidPaymentTest, ARefusedPaymentIsCredited) {
  refused(700);
  pay(lost_, 500);
  EXPECT_EQ(claim(), 1u);
  ASSERT_THAT(views(), SizeIs(1));
  EXPECT_EQ(views()[0].kind, ClaimKind::kPayments);
  EXPECT_EQ(views()[0].status, ClaimStatus::kHeld);
  EXPECT_EQ(views()[0].claimed.at(0).amount, 700u);
  EXPECT_EQ(claim(), 0u) << "once";
  desk_.pass(testing::kHolding_ms);
  ASSERT_TRUE(poll_claims(*lost_.wallet, desk_).ok());
  EXPECT_EQ(views()[0].status, ClaimStatus::kCredited);
  EXPECT_EQ(credited(), 700u);
}

// It names the payments that came to nothing, and no other of the wallet's.
TEST_F(VoidPaymentTest, OtherPaymentsStayUnknown) {
  const auto gone = refused(500);
  pay_and_deposit(lost_, 500);
  pay(lost_, 400);
  EXPECT_EQ(claim(), 1u);
  const auto claims = desk_.claims();
  ASSERT_THAT(claims, SizeIs(1));
  std::set<protocol::CoinId> named, paid;
  for (const auto& coin : claims[0].coins) named.insert(coin.id());
  for (const auto& coin : gone.coins) paid.insert(coin.id());
  EXPECT_EQ(named, paid);
}

TEST_F(VoidPaymentTest, OneThatItsPayeeDepositedAllTheSameIsLeftAlone) {
  desk_.deposit(refused(500));
  EXPECT_EQ(claim(), 0u);
}

TEST_F(VoidPaymentTest, OneThatNobodyDepositedIsCreditedWhenItCannotBeAnyMore) {
  pay(lost_, 500);
  EXPECT_EQ(claim(), 0u);
  const uint64_t due_s = world_.coin.denomination.deposit_until + kSettlement_s;
  desk_.pass((due_s - kWorldNow_s) * 1000 - 1000);
  EXPECT_EQ(claim(), 0u);
  desk_.pass(1000);
  EXPECT_EQ(claim(), 1u);
  ASSERT_THAT(views(), SizeIs(1));
  EXPECT_EQ(views()[0].status, ClaimStatus::kHeld) << views()[0].reason;
}

TEST_F(VoidPaymentTest, ALostWalletsCoinsAreNotThisWalletsToClaim) {
  const auto recovery = *Recovery::of_own_payments(*lost_.wallet);
  ASSERT_TRUE(list_and_rebuild(desk_, *recovery).ok());
  ASSERT_TRUE(look_up_all(desk_, *recovery).ok());
  EXPECT_THAT(*recovery->claim({.partly_spent = true, .cheques = true}, desk_.now_ms()), IsEmpty());
  EXPECT_TRUE(Recovery::under_way(*lost_.wallet).empty());
}

}  // namespace
}  // namespace cafe::wallet
