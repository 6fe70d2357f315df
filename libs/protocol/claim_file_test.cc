// What a claim's file proves: what was claimed, by whom, and what is left of it.
#include "libs/protocol/claim_file.h"

#include "libs/protocol/testing/claim_fixture.h"

namespace cafe::protocol {
namespace {

using testing::claimed;
using testing::kDay_s;
using testing::kWorldNow_s;
using testing::WithdrawnCoin;
using testing::WorldWallet;

using ClaimFileTest = testing::ClaimFixture;
using Totals = std::vector<ClaimTotal>;

TEST_F(ClaimFileTest, ProvesWhatIsHeld) {
  const ClaimFile file = coins_claim();
  const ClaimJudgement judgement = judged(file);
  EXPECT_EQ(judgement.account, lost_.account.account);
  EXPECT_EQ(judgement.by, last_.account.account);
  EXPECT_EQ(judgement.number, 7u);
  EXPECT_EQ(judgement.kind, ClaimKind::kCoins);
  EXPECT_EQ(judgement.state, ClaimState::kHeld);
  EXPECT_EQ(judgement.held_until_ms, (market_.claim_s + 7 * kDay_s) * 1000);
  EXPECT_EQ(judgement.totals, (Totals{{"EUR", 1300, 0, 0, 0, 0}}));
  EXPECT_TRUE(judgement.paid_after.empty());
}

TEST_F(ClaimFileTest, ProvesWhatWasPaidBeforeAndAfter) {
  const ClaimFile file = charged_claim();
  const ClaimJudgement judgement = judged(file);
  EXPECT_EQ(judgement.state, ClaimState::kFinal);
  EXPECT_EQ(judgement.totals, (Totals{{"EUR", 1300, 200, 1100, 600, 0}}));
  ASSERT_EQ(judgement.paid_after.size(), 2u);
  EXPECT_EQ(judgement.paid_after[0].value, 500u);
  EXPECT_EQ(judgement.paid_after[1].slot, 4u);
  // Every step stands for itself, with the payments that it rests on.
  ClaimFile earlier = file;
  earlier.statements.resize(1);
  EXPECT_EQ(verdict(earlier), "DEDUCTION_UNPROVED");
  earlier.payments.erase(earlier.payments.begin());
  EXPECT_EQ(judged(earlier).totals, (Totals{{"EUR", 1300, 200, 1100, 0, 0}}));
}

TEST_F(ClaimFileTest, ProvesWhatChequesLeft) {
  EXPECT_EQ(judged(cheques_claim()).totals, (Totals{{"EUR", 5000, 0, 0, 0, 0}}));
  const ClaimJudgement judgement = judged(spent_cheques_claim());
  EXPECT_EQ(judgement.kind, ClaimKind::kCheques);
  EXPECT_EQ(judgement.totals, (Totals{{"EUR", 5000, 1264, 3736, 0, 0}}));
}

// A broken guardian wrote out more than it was loaded with: then nothing is left.
TEST_F(ClaimFileTest, OverdrawnChequesLeaveNothing) {
  ClaimFile file =
      market_.claim(lost_, chain(), ClaimKind::kCheques,
                    {claims(cheque_), claims(call_cheque_), claims(blank_)}, {}, {1000});
  const Payment payment = pay({{&cheque_, 0, 1234}});
  market_.state(file, ClaimState::kFinal, {market_.deduct(file, payment, 0)}, {payment});
  EXPECT_EQ(judged(file).totals, (Totals{{"EUR", 1000, 1000, 0, 0, 0}}));
}

TEST_F(ClaimFileTest, ProvesPaymentsThatCameToNothing) {
  ClaimFile file = refused_claim();
  EXPECT_EQ(judged(file).totals, (Totals{{"EUR", 1834, 0, 0, 0, 0}}));
  EXPECT_FALSE(file.loss.has_value());
  // The payee deposits what it refused: that is deducted all the same, and the refusal is evidence.
  const Payment payment = Payment::decode(claim_of(file).payments[0].payment).value();
  market_.state(file, ClaimState::kCredited, {market_.deduct(file, payment, 2)}, {payment});
  EXPECT_EQ(judged(file).totals, (Totals{{"EUR", 1834, 1234, 600, 0, 0}}));
}

TEST_F(ClaimFileTest, APaymentThatNobodyRefusedIsDueOnceItCannotBeDeposited) {
  const VoidPayment payment = market_.void_payment(pay({{&plain_, 0, 500}}), /*refused=*/false);
  const auto file = [&] {
    return market_.claim(lost_, {}, ClaimKind::kPayments, {claims(plain_)}, {payment});
  };
  EXPECT_EQ(verdict(file()), "NOT_DUE");
  market_.claim_s = market_.coin.denomination.deposit_until;
  EXPECT_EQ(judged(file()).totals, (Totals{{"EUR", 500, 0, 0, 0, 0}}));
}

TEST_F(ClaimFileTest, ComesBackFromItsBytes) {
  for (const ClaimFile& file : {charged_claim(), spent_cheques_claim(), refused_claim()}) {
    const auto decoded = ClaimFile::decode(file.encode());
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(decoded->encode(), file.encode());
    EXPECT_EQ(decoded->loss.has_value(), file.loss.has_value());
    EXPECT_EQ(verdict(file), "");
  }
}

// --- who claims ----------------------------------------------------------------------------------

TEST_F(ClaimFileTest, OnlyTheLastSuccessorClaims) {
  ClaimFile file = coins_claim();
  file.replacements.pop_back();
  file.successor_receipts.pop_back();
  EXPECT_EQ(verdict(file), "NOT_THE_HOLDER");
  // The lost wallet itself has a successor; whoever else signs is nobody.
  file = coins_claim();
  Claim claim = claim_of(file);
  claim.by = claim.account;
  market_.replace_claim(file, claim, lost_.identity.account_key);
  EXPECT_EQ(verdict(file), "NOT_THE_HOLDER");
  file = coins_claim();
  market_.replace_claim(file, claim_of(file), next_.identity.account_key);
  EXPECT_EQ(verdict(file), "BAD_SIGNATURE");
  file = coins_claim();
  std::swap(file.replacements[0], file.replacements[1]);
  EXPECT_EQ(verdict(file), "DOCUMENT_MISMATCH");
  file = coins_claim();
  std::swap(file.successor_receipts[0], file.successor_receipts[1]);
  EXPECT_EQ(verdict(file), "DOCUMENT_MISMATCH");
  file = coins_claim();
  file.successor_receipts.pop_back();
  EXPECT_EQ(verdict(file), "DOCUMENT_MISMATCH");
  file = coins_claim();
  file.receipt = market_.receipt(next_);
  EXPECT_EQ(verdict(file), "DOCUMENT_MISMATCH");
  file = coins_claim();
  file.registration = next_.registration;
  EXPECT_EQ(verdict(file), "DOCUMENT_MISMATCH");
}

TEST_F(ClaimFileTest, CoinsAndChequesAreOfALostWallet) {
  for (ClaimFile file : {coins_claim(), cheques_claim()}) {
    file.loss.reset();
    EXPECT_EQ(verdict(file), "NOT_REPORTED_LOST");
    file.loss = market_.loss(next_, file.loads.size());
    EXPECT_EQ(verdict(file), "DOCUMENT_MISMATCH");
    file.loss =
        SignedDocument::sign(market_.loss(lost_, file.loads.size()).frame, market_.recovery_key);
    EXPECT_EQ(verdict(file), "BAD_SIGNATURE");
  }
}

TEST_F(ClaimFileTest, KeysNeedTheirCertificates) {
  ClaimFile file = charged_claim();
  file.key_certificates = {market_.withdrawal_certificate};
  EXPECT_EQ(verdict(file), "BAD_SIGNATURE");
  file.key_certificates = {market_.recovery_certificate};
  EXPECT_EQ(verdict(file), "BAD_SIGNATURE");
  file.key_certificates = {market_.withdrawal_certificate, market_.recovery_certificate,
                           market_.deposit_certificate};
  EXPECT_EQ(verdict(file), "WRONG_PURPOSE");
  // A key before its successor came, and one that ended before it signed.
  const auto certify = [&](uint64_t from, uint64_t until) {
    const KeyCertificate certificate{std::string(testing::World::kIssuer),
                                     std::string(kPurposeRecovery),
                                     market_.recovery_key.public_key(), from, until};
    return SignedDocument::sign(certificate.encode(), market_.master_key);
  };
  file.key_certificates = {market_.withdrawal_certificate, certify(0, market_.claim_s)};
  EXPECT_EQ(verdict(file), "KEY_EXPIRED");
  file.key_certificates.push_back(certify(market_.claim_s, UINT64_MAX));
  EXPECT_EQ(verdict(file), "");
}

// --- what is claimed -----------------------------------------------------------------------------

TEST_F(ClaimFileTest, ACoinIsTheUnblindingOfItsOwnSession) {
  ClaimFile file = coins_claim();
  Claim claim = claim_of(file);
  const auto claims_instead = [&](const std::vector<ClaimedCoin>& coins) {
    Claim other = claim;
    other.coins = coins;
    market_.replace_claim(file, other, last_.identity.account_key);
    return verdict(file);
  };
  ClaimedCoin coin = claims(plain_);
  for (Scalar* opening : {&coin.opening.s, &coin.opening.u, &coin.opening.v}) {
    const Scalar right = *opening;
    *opening = right + Scalar::from_u64(1);
    EXPECT_EQ(claims_instead({coin}), "CLAIM_INVALID");
    *opening = right;
  }
  coin.root[0] ^= 1;
  EXPECT_EQ(claims_instead({coin}), "CLAIM_INVALID");
  // Another session of the same account and denomination, and another account's.
  const WithdrawnCoin other = market_.take(lost_, market_.coin);
  file.orders.push_back(lost_.orders.back());
  EXPECT_EQ(claims_instead({claimed(plain_, other.order)}), "CLAIM_INVALID");
  EXPECT_EQ(claims_instead({claims(other)}), "");
  WorldWallet stranger = market_.make_wallet();
  const WithdrawnCoin foreign = market_.take(stranger, market_.coin);
  EXPECT_EQ(claims_instead({claimed(foreign, plain_.order)}), "CLAIM_INVALID");
  ClaimedCoin none = claims(plain_);
  none.i = 1;
  EXPECT_EQ(claims_instead({none}), "NO_SUCH_COIN");
  EXPECT_EQ(claims_instead({claimed(plain_, 99)}), "NO_SUCH_COIN");
}

TEST_F(ClaimFileTest, OrdersAreTheAccountsOwn) {
  ClaimFile file = coins_claim();
  WorldWallet stranger = market_.make_wallet();
  market_.take(stranger, market_.coin);
  file.orders[0] = stranger.orders[0];
  EXPECT_EQ(verdict(file), "BAD_SIGNATURE");
  file = coins_claim();
  file.orders[0].completion = lost_.orders[1].completion;
  EXPECT_EQ(verdict(file), "DOCUMENT_MISMATCH");
  file = coins_claim();
  std::swap(file.orders[0], file.orders[1]);
  EXPECT_EQ(verdict(file), "NOT_CANONICAL");
  file = coins_claim();
  file.orders[1] = file.orders[0];
  EXPECT_EQ(verdict(file), "NOT_CANONICAL");
  file = coins_claim();
  file.orders.pop_back();
  EXPECT_EQ(verdict(file), "NO_SUCH_COIN");
}

TEST_F(ClaimFileTest, DenominationsStandInTheIssuersLists) {
  ClaimFile file = coins_claim();
  file.lists.clear();
  EXPECT_EQ(verdict(file), "UNKNOWN_DENOMINATION");
  file = coins_claim();
  file.lists[0] = SignedDocument::sign(file.lists[0].frame, market_.withdrawal_key);
  EXPECT_EQ(verdict(file), "BAD_SIGNATURE");
  // Each list knows what the other does not.
  DenominationList plain = market_.list, split = market_.list;
  plain.denominations = {market_.coin.denomination};
  split.denominations = {market_.split_coin.denomination};
  file.lists = {SignedDocument::sign(plain.encode(), market_.master_key),
                SignedDocument::sign(split.encode(), market_.master_key)};
  EXPECT_EQ(verdict(file), "");
  file.lists.pop_back();
  EXPECT_EQ(verdict(file), "UNKNOWN_DENOMINATION");
}

TEST_F(ClaimFileTest, SlotsAndKindsFitTheClaim) {
  ClaimFile file = coins_claim();
  const auto claims_instead = [&](ClaimKind kind, const ClaimedCoin& coin) {
    // The sums of such a claim mean nothing, so its receipt is that of the good one.
    Claim other = claim_of(file);
    other.kind = kind;
    other.coins = {coin};
    ClaimFile altered = file;
    altered.claim = SignedDocument::sign(other.encode(), last_.identity.account_key);
    ClaimReceipt receipt = ClaimReceipt::decode(file.claim_receipt.frame).value();
    receipt.claim_digest = altered.claim.digest();
    altered.claim_receipt = SignedDocument::sign(receipt.encode(), market_.recovery_key);
    altered.orders = lost_.orders;
    return verdict(altered);
  };
  EXPECT_EQ(claims_instead(ClaimKind::kCoins, claims(plain_, 0b10)), "SLOT_OUTSIDE_COIN");
  EXPECT_EQ(claims_instead(ClaimKind::kCoins, claims(split_, 0b100000)), "SLOT_OUTSIDE_COIN");
  EXPECT_EQ(claims_instead(ClaimKind::kCoins, claims(cheque_)), "WRONG_KIND");
  EXPECT_EQ(claims_instead(ClaimKind::kCheques, claims(cheque_)), "CHEQUES_MISSING");
}

TEST_F(ClaimFileTest, ChequesAreClaimedTogetherWithAllLoads) {
  ClaimFile file = market_.claim(lost_, chain(), ClaimKind::kCheques,
                                 {claims(cheque_), claims(blank_)}, {}, {3000});
  EXPECT_EQ(verdict(file), "CHEQUES_MISSING");
  file = cheques_claim();
  file.loads.pop_back();
  EXPECT_EQ(verdict(file), "LISTING_GAP");
  file = cheques_claim();
  file.loss = market_.loss(lost_, 3);
  EXPECT_EQ(verdict(file), "LISTING_GAP");
  file = cheques_claim();
  std::swap(file.loads[0], file.loads[1]);
  EXPECT_EQ(verdict(file), "DOCUMENT_MISMATCH");
  file = cheques_claim();
  file.loads[1] = market_.load(next_, 2000, 2);
  EXPECT_EQ(verdict(file), "DOCUMENT_MISMATCH");
  file = cheques_claim();
  file.loads[1] = market_.load(lost_, 2001, 2);
  EXPECT_EQ(verdict(file), "SUM_MISMATCH");
  file = coins_claim();
  file.loads.push_back(market_.load(lost_, 100, 1));
  EXPECT_EQ(verdict(file), "LISTING_GAP");
}

// --- payments that came to nothing ---------------------------------------------------------------

class VoidPaymentTest : public ClaimFileTest {
 protected:
  // The verdict on a claim of other payments, under the receipt of the good one.
  std::string claims_instead(const std::vector<ClaimedCoin>& coins,
                             const std::vector<VoidPayment>& payments) {
    ClaimFile altered = file_;
    Claim claim = claim_of(file_);
    claim.coins = coins;
    claim.payments = payments;
    altered.claim = SignedDocument::sign(claim.encode(), lost_.identity.account_key);
    ClaimReceipt receipt = ClaimReceipt::decode(file_.claim_receipt.frame).value();
    receipt.claim_digest = altered.claim.digest();
    altered.claim_receipt = SignedDocument::sign(receipt.encode(), market_.recovery_key);
    altered.orders = lost_.orders;
    return verdict(altered);
  }

  ClaimFile file_ = refused_claim();
  std::vector<ClaimedCoin> coins_ = claim_of(file_).coins;
  VoidPayment payment_ = claim_of(file_).payments[0];
};

TEST_F(VoidPaymentTest, NamesJustTheSlotsThatPaid) {
  EXPECT_EQ(claims_instead(coins_, {payment_}), "");
  std::vector<ClaimedCoin> other = coins_;
  other[1].slots = 0b00110;
  EXPECT_EQ(claims_instead(other, {payment_}), "PAYMENT_MISMATCH");
  other[1].slots = 0b00010;
  EXPECT_EQ(claims_instead(other, {payment_}), "PAYMENT_MISMATCH");
  other.erase(other.begin() + 1);
  EXPECT_EQ(claims_instead(other, {payment_}), "PAYMENT_MISMATCH");
  other = coins_;
  other.push_back(claims(blank_));
  EXPECT_EQ(claims_instead(other, {payment_}), "PAYMENT_MISMATCH");
  EXPECT_EQ(claims_instead(coins_, {payment_, payment_}), "PAYMENT_MISMATCH");
}

TEST_F(VoidPaymentTest, IsRefusedByItsOwnPayeeForItsOwnTerms) {
  VoidPayment other = payment_;
  other.refusal = market_.void_payment(pay({{&split_, 0, 400}}), true).refusal;
  EXPECT_EQ(claims_instead(coins_, {other}), "REFUSAL_MISMATCH");
  const auto refusal = SignedDocument::decode(payment_.refusal).value();
  other.refusal = SignedDocument::sign(refusal.frame, lost_.identity.account_key).encode();
  EXPECT_EQ(claims_instead(coins_, {other}), "BAD_SIGNATURE");
  other = payment_;
  other.credential = PayeeCredential(market_.credential_of(lost_)).encode();
  EXPECT_EQ(claims_instead(coins_, {other}), "BAD_SIGNATURE");
}

TEST_F(VoidPaymentTest, IsAValidPayment) {
  Payment payment = Payment::decode(payment_.payment).value();
  payment.spends[0].r1 = payment.spends[0].r1 + Scalar::from_u64(1);
  VoidPayment other = payment_;
  other.payment = payment.encode();
  EXPECT_EQ(claims_instead(coins_, {other}), "SPEND_INVALID");
}

}  // namespace
}  // namespace cafe::protocol
