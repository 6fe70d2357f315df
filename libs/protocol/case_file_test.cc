// A case convicts whoever spent a slot twice, and nobody else.
#include "libs/protocol/case_file.h"

#include "gtest/gtest.h"
#include "libs/protocol/testing/case_fixture.h"

namespace cafe::protocol {
namespace {

using testing::Guardian;
using testing::kDay_s;
using testing::kWorldNow_s;
using testing::Market;
using testing::WithdrawnCoin;
using testing::WorldWallet;

TEST(ExtractTest, TwoChallengesGiveTheSecret) {
  SeededRng rng("extract");
  const Scalar secret = rng.scalar(), s = rng.scalar(), x1 = rng.scalar(), x2 = rng.scalar();
  const auto trace = [&](const Scalar& d) {
    return SpendTrace{d, d * s * secret + x1, d * s + x2};
  };
  const SpendTrace first = trace(rng.scalar()), second = trace(rng.scalar());
  EXPECT_EQ(extract_secret(first, second).value(), secret);
  EXPECT_EQ(extract_secret(second, first).value(), secret);
  EXPECT_EQ(reason_of(extract_secret(first, first).status()), "SAME_CHALLENGE");
}

// [guard] r2 = r2* with d ≠ d*: an alarm, never a division.
TEST(ExtractTest, EqualR2IsAnAlarm) {
  SeededRng rng("alarm");
  const SpendTrace first{rng.scalar(), rng.scalar(), rng.scalar()};
  const SpendTrace second{rng.scalar(), rng.scalar(), first.r2};
  const auto secret = extract_secret(first, second);
  EXPECT_EQ(reason_of(secret.status()), "ALARM_EQUAL_R2");
  EXPECT_EQ(secret.status().code(), absl::StatusCode::kInternal);
}

using CaseTest = testing::CaseFixture;

TEST_F(CaseTest, ConvictsWhoeverSpentACoinTwice) {
  const auto [first, second] = spend_twice(plain_, 0, 500, 500);
  const SignedCase signed_case = market_.sign_case(market_.open_case(wallet_, first, 0, second, 0));
  const auto verdict = verify_case(signed_case, market_.anchors);
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  EXPECT_EQ(verdict->account, wallet_.account.account);
  EXPECT_EQ(verdict->serial, wallet_.account.registration.serial);
  EXPECT_EQ(verdict->coin_id, plain_.coin.id());
  EXPECT_EQ(verdict->slot, 0u);
  EXPECT_EQ(verdict->kind, Kind::kCoin);
}

TEST_F(CaseTest, ConvictsByOneSlotOfACoinOfFive) {
  const Payment first =
      market_.pay(wallet_, {{&split_, 0, 400}, {&split_, 3, 100}}, Guardian::kForgetful);
  const Payment second = market_.pay(
      wallet_, {{&plain_, 0, 500}, {&split_, 4, 100}, {&split_, 3, 100}}, Guardian::kForgetful);
  const CaseFile file = market_.open_case(wallet_, first, 1, second, 2);
  const auto verdict = verify_case(market_.sign_case(file), market_.anchors);
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  EXPECT_EQ(verdict->slot, 3u);
  EXPECT_EQ(verdict->account, wallet_.account.account);
}

TEST_F(CaseTest, ConvictsByAChequeAndItsOwnIdentity) {
  const auto [first, second] = spend_twice(cheque_, 0, 1234, 4999);
  const CaseFile file = market_.open_case(wallet_, first, 0, second, 0);
  EXPECT_EQ(multiply(file.secret, g1()), wallet_.account.points.I_cheque);
  const auto verdict = verify_case(market_.sign_case(file), market_.anchors);
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  EXPECT_EQ(verdict->kind, Kind::kCheque);
  EXPECT_EQ(verdict->account, wallet_.account.account);
}

// She pays a shop, and then her own account: the terms are signed with her account key.
TEST_F(CaseTest, ConvictsByMoneyPaidBack) {
  Terms terms = market_.make_terms(500);
  terms.payee_id = holder_payee_id(wallet_.account.account);
  terms.terminal_id = holder_terminal_id(wallet_.account.account);
  const Payment first = market_.pay(wallet_, {{&plain_, 0, 500}}, Guardian::kForgetful);
  Payment second = market_.pay(wallet_, {{&plain_, 0, 500}}, terms, Guardian::kForgetful);
  second.terms = SignedDocument::sign(terms.encode(), wallet_.identity.account_key);
  CaseFile file = market_.open_case(wallet_, first, 0, second, 0);
  file.second.terminal = market_.credential_of(wallet_);
  const SignedCase signed_case = market_.sign_case(file);
  EXPECT_EQ(SignedCase::decode(signed_case.encode())->encode(), signed_case.encode());
  const auto verdict_on_her = verify_case(signed_case, market_.anchors);
  ASSERT_TRUE(verdict_on_her.ok()) << verdict_on_her.status();
  EXPECT_EQ(verdict_on_her->account, wallet_.account.account);

  // Another holder's credential; one that the issuer did not sign; terms that others signed.
  CaseFile other = file;
  other.second.terminal = market_.credential_of(market_.make_wallet());
  EXPECT_EQ(verdict(other), "BAD_SIGNATURE");
  other = file;
  other.second.terminal.document =
      SignedDocument::sign(other.second.terminal.document.frame, wallet_.identity.account_key);
  EXPECT_EQ(verdict(other), "BAD_SIGNATURE");
  other = file;
  other.second.terminal.issuer_key = market_.enrolment_certificate;
  EXPECT_EQ(verdict(other), "WRONG_PURPOSE");
  other = file;
  other.second.payment.terms = market_.sign_terms(terms);
  EXPECT_EQ(verdict(other), "BAD_SIGNATURE");
}

TEST_F(CaseTest, AHoldersTermsAreOfHerOwnAccount) {
  const Payment first = market_.pay(wallet_, {{&plain_, 0, 500}}, Guardian::kForgetful);
  const Terms terms = market_.make_terms(500);  // the shop's
  Payment second = market_.pay(wallet_, {{&plain_, 0, 500}}, terms, Guardian::kForgetful);
  second.terms = SignedDocument::sign(terms.encode(), wallet_.identity.account_key);
  CaseFile file = market_.open_case(wallet_, first, 0, second, 0);
  file.second.terminal = market_.credential_of(wallet_);
  EXPECT_EQ(verdict(file), "WRONG_TERMINAL");
}

TEST_F(CaseTest, ComesBackFromItsBytes) {
  const SignedCase signed_case = market_.sign_case(good_case());
  const auto decoded = SignedCase::decode(signed_case.encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->encode(), signed_case.encode());
  EXPECT_TRUE(verify_case(*decoded, market_.anchors).ok());
}

// --- what does not convict -----------------------------------------------------------------------

TEST_F(CaseTest, TheSamePaymentTwiceIsNoCase) {
  CaseFile file = good_case();
  file.second = file.first;
  EXPECT_EQ(verdict(file), "SAME_CHALLENGE");
}

TEST_F(CaseTest, DifferentSlotsOfOneCoinDoNotConvict) {
  CaseFile file = good_case();
  const Payment honest = market_.pay(wallet_, {{&split_, 3, 100}});
  file.second.payment = honest;
  EXPECT_EQ(verdict(file), "DIFFERENT_SLOTS");
  // Nor do both together give the secret.
  const auto mixed = extract_secret(market_.trace(file.first.payment), market_.trace(honest));
  EXPECT_NE(multiply(mixed.value(), g1()), wallet_.account.points.I_coin);
  // Nor does pretending that it was the same slot.
  file.second.payment.spends[0].slot = 1;
  file.second.payment.spends[0].value = 200;
  EXPECT_EQ(verdict(file), "BAD_PATH");
}

TEST_F(CaseTest, TwoCoinsOfOneAccountDoNotConvict) {
  CaseFile file = good_case();
  WithdrawnCoin other = market_.take(wallet_, market_.split_coin);
  file.second.payment = market_.pay(wallet_, {{&other, 1, 200}});
  EXPECT_EQ(verdict(file), "DIFFERENT_SLOTS");
}

TEST_F(CaseTest, ASpendOutsideItsPaymentIsNoEvidence) {
  CaseFile file = good_case();
  file.first.spend = 1;
  EXPECT_EQ(verdict(file), "DIFFERENT_SLOTS");
}

TEST_F(CaseTest, AnotherAccountIsNotConvicted) {
  CaseFile file = good_case();
  file.registration = market_.make_wallet().registration;
  EXPECT_EQ(verdict(file), "WRONG_SECRET");
}

TEST_F(CaseTest, TheSecretItselfMustBeTold) {
  CaseFile file = good_case();
  file.secret = file.secret + Scalar::from_u64(1);
  EXPECT_EQ(verdict(file), "WRONG_SECRET");
}

TEST_F(CaseTest, AChequesSecretDoesNotConvictByACoin) {
  CaseFile file = good_case();
  const auto [first, second] = spend_twice(cheque_, 0, 1, 2);
  file.secret = extract_secret(market_.trace(first), market_.trace(second)).value();
  EXPECT_EQ(verdict(file), "WRONG_SECRET");
}

TEST_F(CaseTest, TermsMustComeFromACertifiedTerminal) {
  CaseFile file = good_case();
  std::vector<Terms> others(3, market_.make_terms(200));
  others[0].terminal_id.bytes[0] ^= 1;
  others[1].payee_id.bytes[0] ^= 1;
  others[2].acquirer_id = "issuer-b.example";
  for (const Terms& terms : others) {
    file.second.payment = market_.pay(wallet_, {{&split_, 1, 200}}, terms, Guardian::kForgetful);
    EXPECT_EQ(verdict(file), "WRONG_TERMINAL");
  }
  file = good_case();
  const SigningKey forger = testing::make_key(market_.rng);
  file.second.payment.terms = SignedDocument::sign(file.second.payment.terms.frame, forger);
  EXPECT_EQ(verdict(file), "BAD_SIGNATURE");
  file = good_case();
  file.second.terminal.document = SignedDocument::sign(file.second.terminal.document.frame, forger);
  EXPECT_EQ(verdict(file), "BAD_SIGNATURE");
  file = good_case();
  file.second.terminal.issuer_key = market_.deposit_certificate;
  EXPECT_EQ(verdict(file), "WRONG_PURPOSE");
}

TEST_F(CaseTest, APaymentAfterTheCoinsDateIsNoEvidence) {
  CaseFile file = good_case();
  Terms late = market_.make_terms(200);
  late.time_ms = market_.split_coin.denomination.spend_until * 1000;
  file.second.payment = market_.pay(wallet_, {{&split_, 1, 200}}, late, Guardian::kForgetful);
  EXPECT_EQ(verdict(file), "SPEND_DATE_PASSED");
}

// A file that was put together in memory has passed no decoder.
TEST_F(CaseTest, PaymentsInAFormThatNoDecoderAcceptsAreNoEvidence) {
  CaseFile file = good_case();
  file.second.payment.spends.push_back(Spend(file.second.payment.spends[0]));
  EXPECT_EQ(reason_of(verify_case_file(file, market_.anchors).status()), "SLOT_TWICE");
  file = good_case();
  file.second.payment.coins.clear();
  EXPECT_EQ(reason_of(verify_case_file(file, market_.anchors).status()), "NOT_CANONICAL");
}

TEST_F(CaseTest, AnotherSlotOfThePaymentMustBeInOrderToo) {
  const Payment first =
      market_.pay(wallet_, {{&split_, 0, 400}, {&split_, 1, 200}}, Guardian::kForgetful);
  const Payment second = market_.pay(wallet_, {{&split_, 1, 200}}, Guardian::kForgetful);
  CaseFile file = market_.open_case(wallet_, first, 1, second, 0);
  EXPECT_EQ(verdict(file), "");
  file.first.payment.spends[0].r1 = Scalar();
  EXPECT_EQ(verdict(file), "SPEND_INVALID");
}

TEST_F(CaseTest, OnlyTheIssuersCoinstoreKeySignsCases) {
  const CaseFile file = good_case();
  SignedCase signed_case = market_.sign_case(file);
  signed_case.key_certificate = market_.deposit_certificate;
  EXPECT_EQ(verdict(signed_case), "WRONG_PURPOSE");
  const SigningKey forger = testing::make_key(market_.rng);
  signed_case = {SignedDocument::sign(file.encode(), forger), market_.coinstore_certificate};
  EXPECT_EQ(verdict(signed_case), "BAD_SIGNATURE");
  signed_case = {SignedDocument::sign(file.encode(), forger),
                 SignedDocument::sign(
                     KeyCertificate{std::string(Market::kIssuer), std::string(kPurposeCoinstore),
                                    forger.public_key(), 0, UINT64_MAX}
                         .encode(),
                     forger)};
  EXPECT_EQ(verdict(signed_case), "BAD_SIGNATURE");
}

TEST_F(CaseTest, AnotherIssuersKeyDoesNotSignThisIssuersCases) {
  const SigningKey other_master = testing::make_key(market_.rng);
  const SigningKey other_key = testing::make_key(market_.rng);
  market_.anchors.master_keys.emplace("issuer-b.example", other_master.public_key());
  const KeyCertificate certificate{"issuer-b.example", std::string(kPurposeCoinstore),
                                   other_key.public_key(), 0, UINT64_MAX};
  EXPECT_EQ(verdict(SignedCase{SignedDocument::sign(good_case().encode(), other_key),
                               SignedDocument::sign(certificate.encode(), other_master)}),
            "WRONG_ISSUER");
}

TEST_F(CaseTest, AKeyThatHadExpiredOpensNoCase) {
  CaseFile file = good_case();
  file.opened_at_s = kWorldNow_s + 1000 * kDay_s;
  EXPECT_EQ(verdict(file), "KEY_EXPIRED");
}

TEST_F(CaseTest, TheListMustHoldTheCoinsDenomination) {
  CaseFile file = good_case();
  DenominationList list = market_.list;
  std::erase_if(list.denominations,
                [&](const Denomination& d) { return d.id() == market_.split_coin.id; });
  file.list = SignedDocument::sign(list.encode(), market_.master_key);
  EXPECT_EQ(verdict(file), "UNKNOWN_DENOMINATION");
  list = market_.list;
  list.issuer_id = "issuer-b.example";
  list.denominations.clear();
  file.list = SignedDocument::sign(list.encode(), market_.master_key);
  EXPECT_EQ(verdict(file), "WRONG_ISSUER");
  // A denomination made up for the purpose needs the master key.
  file.list = SignedDocument::sign(market_.list.encode(), market_.coinstore_key);
  EXPECT_EQ(verdict(file), "BAD_SIGNATURE");
}

}  // namespace
}  // namespace cafe::protocol
