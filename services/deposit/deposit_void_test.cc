// Terms that their terminal refused: nothing of them is taken any more.
#include <thread>

#include "services/deposit/testing/deposit_fixture.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::Payment;
using protocol::reason_of;
using protocol::VerdictCode;
using testing::DepositTest;
using testing::kNow_s;
using testing::TestCoin;
using testing::Till;

class VoidTermsTest : public DepositTest {
 protected:
  static Bytes32 terms_of(const Bytes& payment) { return Payment::decode(payment)->terms.digest(); }

  std::string void_terms(const Till& by, const Bytes32& terms_digest) {
    return reason_of(
        payee->void_terms(shop.refuse(by, terms_digest).encode(), by.credential.encode()));
  }
  protocol::Authorization authorize(const Bytes& payment) {
    const auto response = payee->authorize(payment);
    EXPECT_TRUE(response.ok()) << response.status();
    const auto document =
        protocol::SignedDocument::decode(protocol::view_of(response->authorization()));
    return *protocol::Authorization::decode(document->frame);
  }
  int64_t voided() { return back_end.number("SELECT count(*) FROM deposit.voided_terms"); }

  const TestCoin coin = shop.mint(shop.five), other_coin = shop.mint(shop.five);
  const Bytes payment = shop.pay(till, {{&coin, 0}});
  const Bytes other_payment = shop.pay(till, {{&other_coin, 0}});
};

TEST_F(VoidTermsTest, ARefusedPaymentIsNotTakenAnyMore) {
  EXPECT_EQ(void_terms(till, terms_of(payment)), "");
  const protocol::Receipt receipt = deposit(till, {payment, other_payment});
  EXPECT_EQ(receipt.verdicts[0].code, VerdictCode::kRefused);
  EXPECT_EQ(receipt.verdicts[0].reason, "TERMS_VOIDED");
  EXPECT_EQ(receipt.verdicts[1].code, VerdictCode::kAccepted) << "other terms are as they were";
  EXPECT_EQ(back_end.credited(till), 500);
  EXPECT_EQ(back_end.peers.coin_store.spent(), 1u) << "what is void spends nothing";
}

TEST_F(VoidTermsTest, ARefusedPaymentIsNotAuthorized) {
  const Bytes asked = shop.make_payment(till, {{&coin, 0}}, terms_now(till, 500)).encode();
  const Bytes other = shop.make_payment(till, {{&other_coin, 0}}, terms_now(till, 500)).encode();
  EXPECT_TRUE(authorize(asked).granted);
  EXPECT_EQ(void_terms(till, terms_of(asked)), "");
  const protocol::Authorization answer = authorize(asked);
  EXPECT_FALSE(answer.granted);
  EXPECT_EQ(answer.reason, "TERMS_VOIDED");
  EXPECT_TRUE(authorize(other).granted);
}

// [guard] A refusal may name any digest: it reaches the terms of its own terminal only.
TEST_F(VoidTermsTest, NobodyVoidsTermsOfAnotherTerminal) {
  const Till rival = shop.make_till(), beside = shop.make_till(till.payee_id);
  back_end.enrol(rival);
  back_end.enrol(beside);
  EXPECT_EQ(void_terms(rival, terms_of(payment)), "");
  EXPECT_EQ(void_terms(beside, terms_of(payment)), "");
  EXPECT_EQ(deposit_one(till, payment).code, VerdictCode::kAccepted);
  const Bytes asked = shop.make_payment(till, {{&other_coin, 0}}, terms_now(till, 500)).encode();
  EXPECT_EQ(void_terms(rival, terms_of(asked)), "");
  EXPECT_TRUE(authorize(asked).granted);
}

TEST_F(VoidTermsTest, TheSameAgainChangesNothing) {
  EXPECT_EQ(void_terms(till, terms_of(payment)), "");
  const std::string before = back_end.fingerprint();
  clock.advance(absl::Hours(1));
  EXPECT_EQ(void_terms(till, terms_of(payment)), "");
  EXPECT_EQ(back_end.fingerprint(), before);
  {
    std::vector<std::jthread> at_once;
    for (int i = 0; i < 8; ++i) {
      at_once.emplace_back([&] { EXPECT_EQ(void_terms(till, terms_of(other_payment)), ""); });
    }
  }
  EXPECT_EQ(voided(), 2);
}

TEST_F(VoidTermsTest, WhatWasDepositedBeforeStays) {
  const std::vector<Bytes> payments = {payment};
  const Bytes order = shop.order(till, new_key(), payments);
  const auto first = payee->deposit(order, payments);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(void_terms(till, terms_of(payment)), "");
  const auto again = payee->deposit(order, payments);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->receipt(), first->receipt());
  EXPECT_EQ(back_end.credited(till), 500);
  EXPECT_EQ(payee->get_payment(1, 0)->payment(), protocol::to_string(payment))
      << "the claim finds it";
}

// The race with a deposit under way: its checks were over when the terms became void.
TEST_F(VoidTermsTest, ABatchThatIsStoredIsSettled) {
  const std::vector<Bytes> payments = {payment};
  const Bytes order = shop.order(till, new_key(), payments);
  back_end.peers.coin_store.down = true;
  EXPECT_EQ(reason(order, payments), "COIN_STORE_UNAVAILABLE");
  EXPECT_EQ(void_terms(till, terms_of(payment)), "");
  back_end.peers.coin_store.down = false;
  const auto response = payee->deposit(order, payments);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(back_end.receipt(*response).verdicts[0].code, VerdictCode::kAccepted);
  EXPECT_EQ(back_end.peers.coin_store.spent(), 1u) << "the claim finds it there";
}

TEST_F(VoidTermsTest, WhatATerminalSignsAfterItWasRevokedVoidsNothing) {
  const auto revoke_at = [&](uint64_t at_s) {
    back_end.run_sql("UPDATE deposit.terminal SET revoked_at = to_timestamp(" +
                     std::to_string(at_s) + ")");
  };
  revoke_at(kNow_s);
  EXPECT_EQ(void_terms(till, terms_of(payment)), "TERMINAL_REVOKED");
  EXPECT_EQ(voided(), 0);
  revoke_at(kNow_s + 1);
  EXPECT_EQ(void_terms(till, terms_of(payment)), "");
}

TEST_F(VoidTermsTest, AnEnrolledTerminalRefusesWithItsKeyOnly) {
  // Certified with another key, which was never enrolled.
  protocol::TerminalCertificate certificate = till.certificate;
  const Till stranger = shop.make_till();
  certificate.key = stranger.key.public_key();
  const Till twin = shop.certify(certificate, stranger.key);
  EXPECT_EQ(void_terms(twin, terms_of(payment)), "WRONG_TERMINAL");
  EXPECT_EQ(voided(), 0);
  EXPECT_EQ(void_terms(stranger, terms_of(payment)), "") << "harms nobody";
}

TEST_F(VoidTermsTest, WhatIsNoRefusalChangesNothing) {
  const std::string before = back_end.fingerprint();
  const Bytes refusal = shop.refuse(till, terms_of(payment)).encode();
  EXPECT_EQ(reason_of(payee->void_terms({}, till.credential.encode())), "TRUNCATED");
  EXPECT_EQ(reason_of(payee->void_terms(refusal, {})), "TRUNCATED");
  Bytes altered = refusal;
  altered.back() ^= 1;
  EXPECT_EQ(reason_of(payee->void_terms(altered, till.credential.encode())), "BAD_SIGNATURE");
  EXPECT_EQ(back_end.fingerprint(), before);
}

TEST_F(VoidTermsTest, WhatIsRecordedNeverChanges) {
  EXPECT_EQ(void_terms(till, terms_of(payment)), "");
  const auto as_service = storage::Database::open(
      {.url = testing::shared_postgres().url("cafe_deposit", back_end.database_name),
       .pool_size = 1});
  ASSERT_TRUE(as_service.ok()) << as_service.status();
  for (const char* forbidden :
       {"DELETE FROM deposit.voided_terms", "UPDATE deposit.voided_terms SET voided_ms = 1"}) {
    EXPECT_EQ(
        reason_of((*as_service)
                      ->transaction(
                          {}, [&](storage::Transaction& tx) { return tx.run_script(forbidden); })),
        "ROLE_FORBIDDEN")
        << forbidden;
  }
}

}  // namespace
}  // namespace cafe::deposit
