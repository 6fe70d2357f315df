#include "services/doublespend/evidence.h"

#include <gtest/gtest.h>

#include <map>

#include "services/doublespend/testing/double_spender.h"

namespace cafe::doublespend {
namespace {

using cafe::testing::Guardian;
using cafe::testing::kDay_s;
using cafe::testing::kWorldNow_s;
using cafe::testing::Market;
using protocol::make_error;
using protocol::reason_of;

constexpr Place kFirst{.batch = 3, .position = 5 * 128};
constexpr Place kSecond{.batch = 4, .position = 128};

class FakePeers : public CasePeers {
 public:
  absl::StatusOr<FoundAccount> find_account(const protocol::Point& identity) override {
    if (!down.ok()) return down;
    const auto found = accounts.find(identity);
    if (found == accounts.end()) return absl::NotFoundError("no such account");
    return found->second;
  }
  absl::StatusOr<ArchivedPayment> get_payment(uint64_t batch, uint32_t payment) override {
    const auto found = payments.find({batch, payment});
    if (found == payments.end()) return absl::NotFoundError("no such payment");
    return found->second;
  }
  absl::StatusOr<IssuedList> get_list(uint32_t number) override {
    const auto found = number == 0 ? std::prev(lists.end()) : lists.find(number);
    if (found == lists.end()) return absl::NotFoundError("no such list");
    return found->second;
  }
  absl::Status close_account(protocol::ByteView) override { return absl::OkStatus(); }

  absl::Status down;
  std::map<protocol::Point, FoundAccount> accounts;
  std::map<std::pair<uint64_t, uint32_t>, ArchivedPayment> payments;
  std::map<uint32_t, IssuedList> lists;
};

class EvidenceTest : public ::testing::Test {
 protected:
  EvidenceTest() {
    peers_.accounts.insert({wallet_.account.points.I_coin, account_of(wallet_)});
    peers_.payments.insert(
        {{kFirst.batch, kFirst.payment()}, {first_, market_.terminal_credential}});
    peers_.payments.insert(
        {{kSecond.batch, kSecond.payment()}, {second_, market_.terminal_credential}});
    peers_.lists.insert({1, {market_.signed_list, market_.list}});
  }

  static FoundAccount account_of(const cafe::testing::WorldWallet& wallet) {
    return {wallet.account.account, wallet.registration};
  }
  SpendRow row(const protocol::Payment& payment, Place place) {
    return testing::row_of(market_, payment, place, kWorldNow_s + 90 * kDay_s,
                           kWorldNow_s + 180 * kDay_s);
  }
  DueCase open_case() {
    return testing::case_of(7, row(first_, kFirst), row(second_, kSecond), kWorldNow_s * 1000);
  }
  absl::StatusOr<Finding> investigate_now(const DueCase& open_case) {
    return investigate(open_case, {issuer_id_, market_.anchors, key_, peers_});
  }
  std::string alarm_of(const DueCase& open_case) {
    const auto finding = investigate_now(open_case);
    if (!finding.ok()) return "error: " + finding.status().ToString();
    const auto* alarm = std::get_if<Alarm>(&*finding);
    return alarm == nullptr ? "proved" : alarm->reason;
  }

  Market market_{"evidence"};
  cafe::testing::WorldWallet wallet_ = market_.make_wallet();
  cafe::testing::WithdrawnCoin coin_ = market_.take(wallet_, market_.coin);
  const protocol::Payment first_ = market_.pay(wallet_, {{&coin_, 0, 500}}, Guardian::kForgetful);
  const protocol::Payment second_ = market_.pay(wallet_, {{&coin_, 0, 500}}, Guardian::kForgetful);
  const std::string issuer_id_{Market::kIssuer};
  const storage::OnlineKey key_{
      market_.coinstore_key, market_.coinstore_certificate,
      protocol::KeyCertificate::decode(market_.coinstore_certificate.frame).value()};
  FakePeers peers_;
};

TEST_F(EvidenceTest, TwoSpendsOfASlotConvictWhoRegistered) {
  const auto finding = investigate_now(open_case());
  ASSERT_TRUE(finding.ok()) << finding.status();
  const auto* proof = std::get_if<Proof>(&*finding);
  ASSERT_NE(proof, nullptr) << std::get<Alarm>(*finding).note;
  EXPECT_EQ(proof->account, wallet_.account.account);

  const auto signed_case = protocol::SignedCase::decode(proof->signed_case);
  ASSERT_TRUE(signed_case.ok());
  const auto verdict = protocol::verify_case(*signed_case, market_.anchors);
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  EXPECT_EQ(verdict->account, wallet_.account.account);
  EXPECT_EQ(verdict->coin_id, coin_.coin.id());
  const auto file = protocol::CaseFile::decode(signed_case->case_file.frame);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->number, 7u);
  EXPECT_EQ(file->opened_at_s, kWorldNow_s);
}

// A cheque's two spends reveal the account's identity of cheques; a call's do so whatever was
// shown.
TEST_F(EvidenceTest, TwoSpendsOfAChequeConvictWhoRegistered) {
  peers_.accounts.insert({wallet_.account.points.I_cheque, account_of(wallet_)});
  auto cheque = market_.take(wallet_, market_.cheque);
  const auto write = [&](uint64_t value) {
    return market_.pay(wallet_, {{&cheque, 0, value}}, Guardian::kForgetful);
  };
  const auto call = [&](uint32_t ticks) {
    return market_.open_call(wallet_, cheque, 7, 30, Guardian::kForgetful).shown(ticks);
  };
  const std::pair<protocol::Payment, protocol::Payment> pairs[] = {
      {write(700), write(701)}, {write(700), call(3)}, {call(1), call(30)}};
  for (const auto& [first, second] : pairs) {
    peers_.payments.at({kFirst.batch, kFirst.payment()}).payment = first;
    peers_.payments.at({kSecond.batch, kSecond.payment()}).payment = second;
    const DueCase due =
        testing::case_of(7, row(first, kFirst), row(second, kSecond), kWorldNow_s * 1000);
    const auto finding = investigate_now(due);
    ASSERT_TRUE(finding.ok()) << finding.status();
    const auto* proof = std::get_if<Proof>(&*finding);
    ASSERT_NE(proof, nullptr) << std::get<Alarm>(*finding).note;
    EXPECT_EQ(proof->account, wallet_.account.account);
    const auto verdict =
        protocol::verify_case(*protocol::SignedCase::decode(proof->signed_case), market_.anchors);
    ASSERT_TRUE(verdict.ok()) << verdict.status();
    EXPECT_EQ(verdict->kind, protocol::Kind::kCheque);
  }
}

TEST_F(EvidenceTest, TheSameCaseGivesTheSameDocument) {
  const auto once = investigate_now(open_case());
  const auto again = investigate_now(open_case());
  ASSERT_TRUE(once.ok() && again.ok());
  EXPECT_EQ(std::get<Proof>(*once).signed_case, std::get<Proof>(*again).signed_case);
}

TEST_F(EvidenceTest, FindsTheDenominationInAnOlderList) {
  protocol::DenominationList newer = market_.list;
  newer.number = 2;
  newer.denominations.erase(newer.denominations.begin(), newer.denominations.end() - 1);
  ASSERT_EQ(newer.find(coin_.coin.denom_id), nullptr);
  peers_.lists.insert(
      {2, {protocol::SignedDocument::sign(newer.encode(), market_.master_key), newer}});
  EXPECT_EQ(alarm_of(open_case()), "proved");
  peers_.lists.erase(1);
  EXPECT_TRUE(absl::IsNotFound(investigate_now(open_case()).status()));
}

TEST_F(EvidenceTest, EqualR2IsAnAlarmAndNeverADivision) {
  DueCase spoiled = open_case();
  spoiled.second->r2 = spoiled.first->r2;
  EXPECT_EQ(alarm_of(spoiled), "EQUAL_R2");
}

TEST_F(EvidenceTest, AnIdentityThatNobodyRegisteredIsAnAlarm) {
  peers_.accounts.clear();
  EXPECT_EQ(alarm_of(open_case()), "NO_ACCOUNT");
  DueCase zero = open_case();
  zero.second->r1 = zero.first->r1;
  EXPECT_EQ(alarm_of(zero), "NO_ACCOUNT") << "a secret of zero";
}

TEST_F(EvidenceTest, AMissingTraceIsAnAlarm) {
  DueCase incomplete = open_case();
  incomplete.first.reset();
  EXPECT_EQ(alarm_of(incomplete), "TRACE_MISSING");
}

TEST_F(EvidenceTest, AnArchivedPaymentMustBeTheRecordedOne) {
  auto& archived = peers_.payments.at({kSecond.batch, kSecond.payment()});
  archived.payment = first_;
  EXPECT_EQ(alarm_of(open_case()), "ARCHIVE_MISMATCH");
}

TEST_F(EvidenceTest, NothingIsSignedThatAJudgeWouldRefuse) {
  cafe::testing::WorldWallet other = market_.make_wallet();
  // The account store answers with somebody else's registration.
  peers_.accounts.at(wallet_.account.points.I_coin).registration = other.registration;
  EXPECT_EQ(alarm_of(open_case()), "EVIDENCE_REFUSED");
  peers_.accounts.at(wallet_.account.points.I_coin) = {other.account.account, wallet_.registration};
  EXPECT_EQ(alarm_of(open_case()), "ACCOUNT_MISMATCH");
}

TEST_F(EvidenceTest, APaymentWithAForgedTraceIsRefused) {
  // Both archive and store hold r1 of nobody's: the extracted secret is not the registered one.
  auto& archived = peers_.payments.at({kSecond.batch, kSecond.payment()});
  archived.payment.spends[0].r1 = market_.rng.scalar();
  DueCase forged = open_case();
  forged.second->r1 = archived.payment.spends[0].r1.bytes();
  EXPECT_EQ(alarm_of(forged), "NO_ACCOUNT");
}

TEST_F(EvidenceTest, WhatMayBeOvercomeIsAnErrorAndNoAlarm) {
  peers_.down = make_error(absl::StatusCode::kUnavailable, "PEER_DOWN", "It is down.");
  EXPECT_EQ(reason_of(investigate_now(open_case()).status()), "PEER_DOWN");
  peers_.down = absl::OkStatus();
  const auto archived = peers_.payments.extract({kFirst.batch, kFirst.payment()});
  EXPECT_TRUE(absl::IsNotFound(investigate_now(open_case()).status()));
  peers_.payments.insert({archived.key(), archived.mapped()});
  auto list = peers_.lists.at(1).list;
  list.denominations.clear();
  peers_.lists.at(1).list = list;
  EXPECT_EQ(reason_of(investigate_now(open_case()).status()), "LIST_MISSING");
}

TEST_F(EvidenceTest, WithAnExpiredKeyACaseWaitsForARenewedOne) {
  DueCase late = open_case();
  late.summary.opened_ms = (kWorldNow_s + 1000 * kDay_s) * 1000;
  EXPECT_EQ(reason_of(investigate_now(late).status()), "KEY_EXPIRED");
}

TEST(RecordedSpendTest, EveryPartMustAgree) {
  Market market("recorded");
  auto wallet = market.make_wallet();
  auto coin = market.take(wallet, market.split_coin);
  const protocol::Payment payment = market.pay(wallet, {{&coin, 1, 200}, {&coin, 2, 100}});
  const SpendRow row = testing::row_of(market, payment, {.batch = 1, .position = 1}, 1, 1);
  EXPECT_TRUE(is_recorded_spend(payment, 1, row.key, row.trace));
  EXPECT_FALSE(is_recorded_spend(payment, 0, row.key, row.trace));
  EXPECT_FALSE(is_recorded_spend(payment, 2, row.key, row.trace)) << "outside of the payment";
  SpendRow other = row;
  other.key.slot = 1;
  EXPECT_FALSE(is_recorded_spend(payment, 1, other.key, row.trace));
  other = row;
  other.key.coin_id.bytes[0] ^= 1;
  EXPECT_FALSE(is_recorded_spend(payment, 1, other.key, row.trace));
  other = row;
  other.trace.r1[31] ^= 1;
  EXPECT_FALSE(is_recorded_spend(payment, 1, row.key, other.trace));
  other = row;
  other.trace.r2[31] ^= 1;
  EXPECT_FALSE(is_recorded_spend(payment, 1, row.key, other.trace));
}

}  // namespace
}  // namespace cafe::doublespend
