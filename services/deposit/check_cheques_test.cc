// Cheques, ticks, limits and holders in the checks of payments. What a payer without a guardian can
// try, she tries here.
#include <gtest/gtest.h>

#include <functional>

#include "libs/protocol/hash.h"
#include "services/deposit/check_payments.h"
#include "services/deposit/holder_order.h"
#include "services/deposit/testing/shop.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::Payment;
using protocol::reason_of;
using protocol::Terms;
using testing::Shop;
using testing::SlotOf;
using testing::TestCall;
using testing::TestCoin;
using testing::TestHolder;
using testing::Till;

constexpr uint64_t kNow_s = 1'800'000'000;

class CheckChequesTest : public ::testing::Test {
 protected:
  CheckedPayment check(const Bytes& payment, const Till& payee) {
    const Terminals terminals{{payee.terminal_id, {payee.certificate, std::nullopt, is_holder}}};
    const ReadPayment read = read_payment(payment);
    Candidate candidate = candidate_of(read, 3, payee.payee_id, terminals);
    candidate.authorized |= authorized;
    return check_payments({{candidate}}, {.denominations = shop.table,
                                          .stopped = stopped,
                                          .acquirer_id = std::string(Shop::kIssuer),
                                          .received_ms = kNow_s * 1000,
                                          .anchors = shop.anchors,
                                          .ticks_to_come = ticks_to_come})
        .front();
  }
  CheckedPayment check(const Payment& payment) { return check(payment.encode(), till); }
  std::string refusal(const Payment& payment) { return check(payment).refusal; }
  // A payment of `count` cheques over 50.00 each.
  Payment pay_much(int count) {
    std::vector<TestCoin> cheques;
    for (int i = 0; i < count; ++i) cheques.push_back(shop.mint(shop.cheque));
    std::vector<SlotOf> slots;
    for (const TestCoin& each : cheques) slots.push_back({&each, 0});
    return shop.make_payment(till, slots);
  }

  Shop shop{kNow_s};
  Till till = shop.make_till();
  TestCoin cheque = shop.mint(shop.cheque);
  absl::flat_hash_set<protocol::DenomId> stopped;
  bool authorized = false;
  bool ticks_to_come = false;
  bool is_holder = false;
};

TEST_F(CheckChequesTest, ACheckIsWorthWhatWasWritten) {
  const CheckedPayment checked = check(shop.make_payment(till, {{&cheque, 0, 700}}));
  ASSERT_EQ(checked.refusal, "");
  ASSERT_EQ(checked.slots.size(), 1u);
  EXPECT_EQ(checked.slots[0].value, 700u);
  EXPECT_EQ(checked.slots[0].cheque_issuer, Shop::kIssuer);
  EXPECT_EQ(checked.slots[0].ticks, 0u);
}

TEST_F(CheckChequesTest, CoinsAndChequesPayTogether) {
  const TestCoin coin = shop.mint(shop.five);
  const CheckedPayment checked = check(shop.make_payment(till, {{&coin, 0}, {&cheque, 0, 21}}));
  ASSERT_EQ(checked.refusal, "");
  EXPECT_EQ(checked.slots[0].cheque_issuer, "");
  EXPECT_EQ(checked.slots[1].value, 21u);
}

// [guard] The salt stands in the challenge that was answered.
TEST_F(CheckChequesTest, NothingOfAWrittenChequeCanBeChanged) {
  const Terms terms = shop.terms(till, 700);
  const Payment good = shop.make_payment(till, {{&cheque, 0, 700}}, terms);
  ASSERT_EQ(refusal(good), "");
  struct Row {
    std::string_view reason;
    std::function<void(Payment&)> alter;
  };
  const TestCoin other = shop.mint(shop.cheque);
  const Row rows[] = {
      {"AMOUNT_MISMATCH", [](Payment& p) { p.spends[0].value = 701; }},
      {"SPEND_INVALID", [](Payment& p) { p.spends[0].salt[31] ^= 1; }},
      {"SPEND_INVALID", [](Payment& p) { std::swap(p.spends[0].r1, p.spends[0].r2); }},
      {"BAD_COMBINATION", [](Payment& p) { p.spends[0].salt.clear(); }},
      {"BAD_COMBINATION", [](Payment& p) { p.spends[0].value = 0; }},
      {"BAD_COMBINATION", [](Payment& p) { p.spends[0].value = 5001; }},
      {"BAD_COMBINATION", [](Payment& p) { p.spends[0].tick_value = 1; }},
      {"BAD_PATH", [&](Payment& p) { p.spends[0].B = other.B[0]; }},
      // [guard] The root is one of as many slots as the denomination has.
      {"BAD_PATH", [](Payment& p) { p.spends[0].path.emplace_back(); }},
  };
  for (const Row& row : rows) {
    Payment payment = good;
    row.alter(payment);
    EXPECT_EQ(refusal(payment), row.reason);
  }
  // A cheque over more, for terms over more, with the answer to the smaller one.
  Payment raised = shop.make_payment(till, {{&cheque, 0, 900}});
  raised.spends[0].salt = good.spends[0].salt;
  raised.spends[0].r1 = good.spends[0].r1;
  raised.spends[0].r2 = good.spends[0].r2;
  EXPECT_EQ(refusal(raised), "SPEND_INVALID");
}

TEST_F(CheckChequesTest, ACoinIsNoChequeAndAChequeNoCoin) {
  const TestCoin coin = shop.mint(shop.five);
  Payment salted = shop.make_payment(till, {{&coin, 0}});
  salted.spends[0].salt = Bytes(32, 1);
  EXPECT_EQ(refusal(salted), "BAD_COMBINATION");
  EXPECT_EQ(refusal(shop.make_payment(till, {{&coin, 0, 400}})), "BAD_COMBINATION");
}

TEST_F(CheckChequesTest, TicksAreWorthWhatWasShown) {
  const TestCall call = shop.open_call(till, cheque, 3, 100);
  const CheckedPayment checked = check(call.shown(17));
  ASSERT_EQ(checked.refusal, "");
  EXPECT_EQ(checked.slots[0].value, 51u);
  EXPECT_EQ(checked.slots[0].ticks, 17u);
  EXPECT_EQ(checked.slots[0].tick_value, 3u);
  // The same spend however many are shown.
  EXPECT_EQ(check(call.shown(18)).slots[0].trace.d, checked.slots[0].trace.d);
}

TEST_F(CheckChequesTest, ACallThatShowedNothingIsOwedNothing) {
  const TestCall call = shop.open_call(till, cheque, 3, 100);
  EXPECT_EQ(refusal(call.opening), "NOTHING_OWED");
  ticks_to_come = true;
  EXPECT_EQ(refusal(call.opening), "");
}

// [guard] A tick's path has the length of a tree of tick_count leaves, and its index lies in it.
TEST_F(CheckChequesTest, NothingOfATickCanBeChanged) {
  const TestCall call = shop.open_call(till, cheque, 3, 8);
  const Payment good = call.shown(5);
  ASSERT_EQ(refusal(good), "");
  struct Row {
    std::string_view reason;
    std::function<void(Payment&)> alter;
  };
  const Row rows[] = {
      {"BAD_TICK", [](Payment& p) { p.spends[0].tick->index = 7; }},
      {"BAD_TICK", [](Payment& p) { p.spends[0].tick->index = 8; }},
      {"BAD_TICK", [](Payment& p) { p.spends[0].tick->index = UINT32_MAX; }},
      {"BAD_TICK", [&](Payment& p) { p.spends[0].tick->t = call.ticks[5]; }},
      {"BAD_TICK", [](Payment& p) { p.spends[0].tick->path.pop_back(); }},
      {"BAD_TICK", [](Payment& p) { p.spends[0].tick->path.emplace_back(); }},
      {"SPEND_INVALID", [](Payment& p) { p.spends[0].tick_value = 4; }},
      {"BAD_COMBINATION", [](Payment& p) { p.spends[0].tick_value = 5000; }},
      {"BAD_COMBINATION", [](Payment& p) { p.spends[0].tick_count = 0; }},
      {"AMOUNT_MISMATCH",
       [](Payment& p) {
         p.spends[0] = {p.spends[0]}, p.spends[0].value = 1, p.spends[0].tick_value = 0,
         p.spends[0].tick_count = 0, p.spends[0].tick_root.clear(), p.spends[0].tick.reset();
       }},
  };
  for (const Row& row : rows) {
    Payment payment = good;
    row.alter(payment);
    EXPECT_EQ(refusal(payment), row.reason);
  }
  // A tree of 16 under a root that was answered as one of 8.
  Payment deeper = good;
  deeper.spends[0].tick_count = 16;
  EXPECT_NE(refusal(deeper), "");
}

TEST_F(CheckChequesTest, TicksCountWithAllThatTheyMayComeTo) {
  const TestCall small = shop.open_call(till, cheque, 20, 100);
  EXPECT_EQ(refusal(small.shown(1)), "");
  const TestCoin another = shop.mint(shop.cheque);
  const TestCall large = shop.open_call(till, another, 21, 100);  // 21.00 at most, 20.00 is allowed
  EXPECT_EQ(refusal(large.shown(1)), "AUTHORIZATION_NEEDED");
  authorized = true;
  EXPECT_EQ(refusal(large.shown(1)), "");
}

TEST_F(CheckChequesTest, AnAuthorizationIsOfTheCallHoweverManyTicksAreShown) {
  const TestCall call = shop.open_call(till, cheque, 21, 100);
  const auto digest = [](const Payment& payment) {
    return opening_digest(payment.encode(), payment);
  };
  EXPECT_EQ(digest(call.opening), protocol::sha256(call.opening.encode()));
  EXPECT_EQ(digest(call.shown(9)), digest(call.opening));
  const Payment paid = shop.make_payment(till, {{&cheque, 0, 700}});
  EXPECT_EQ(digest(paid), protocol::sha256(paid.encode()));
}

TEST_F(CheckChequesTest, AboveItsLimitThePayerSaysWhoSheIs) {
  authorized = true;
  const TestHolder payer = shop.make_holder();
  Payment below = pay_much(4);  // 200.00
  EXPECT_EQ(refusal(below), "");
  shop.identify(below, payer);
  EXPECT_EQ(refusal(below), "IDENTIFICATION_UNASKED");

  Payment above = pay_much(5);
  EXPECT_EQ(refusal(above), "IDENTIFICATION_NEEDED");
  shop.identify(above, payer);
  EXPECT_EQ(refusal(above), "");
  authorized = false;
  EXPECT_EQ(refusal(above), "AUTHORIZATION_NEEDED") << "it lifts no other limit";
}

TEST_F(CheckChequesTest, AnIdentificationIsForOnePaymentAndAtTheIssuer) {
  authorized = true;
  const TestHolder payer = shop.make_holder();
  Payment payment = pay_much(5);
  Payment other = pay_much(5);
  shop.identify(other, payer);
  payment.identification = other.identification;
  EXPECT_EQ(refusal(payment), "IDENTIFICATION_WRONG");
  // Signed with another key than the account's.
  TestHolder liar = payer;
  liar.till.key = shop.make_holder().till.key;
  shop.identify(payment, liar);
  EXPECT_EQ(refusal(payment), "IDENTIFICATION_WRONG");
  // An account that the issuer never registered.
  liar = payer;
  liar.credential.receipt =
      protocol::SignedDocument::sign(payer.credential.receipt.frame, payer.till.key);
  shop.identify(payment, liar);
  EXPECT_EQ(refusal(payment), "IDENTIFICATION_WRONG");
}

// Paying back is done on line: there is nothing to wait for.
TEST_F(CheckChequesTest, AHolderNeedsNoAuthorization) {
  till = shop.make_holder().till;
  EXPECT_EQ(refusal(shop.make_payment(till, {{&cheque, 0}})), "AUTHORIZATION_NEEDED");
  is_holder = true;
  EXPECT_EQ(refusal(shop.make_payment(till, {{&cheque, 0}})), "");
}

class HolderOrderTest : public ::testing::Test {
 protected:
  std::string reason(const Bytes& credential, const Till& till) {
    return reason_of(read(credential, till).status());
  }
  absl::StatusOr<Holder> read(const Bytes& credential, const Till& till) {
    const Bytes order = shop.order(till, shop.rng.array<16>(), payments);
    return read_holder(credential, *read_order(order, payments, Shop::kIssuer, 1000), shop.anchors,
                       Shop::kIssuer);
  }

  Shop shop{kNow_s};
  const std::vector<Bytes> payments{{1}, {2, 3}};
  TestHolder holder = shop.make_holder();
  const Bytes credential = holder.credential.encode();
};

TEST_F(HolderOrderTest, IsHersByHerCredential) {
  const auto opened = read(credential, holder.till);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->account, holder.account);
  EXPECT_EQ(opened->key, holder.till.key.public_key());
  EXPECT_EQ(opened->credential, credential);
}

TEST_F(HolderOrderTest, IsRefusedUnderAnybodyElses) {
  const TestHolder other = shop.make_holder();
  EXPECT_EQ(reason(other.credential.encode(), holder.till), "WRONG_PAYEE");
  EXPECT_EQ(reason(credential, shop.make_till()), "WRONG_PAYEE");
  Till till = holder.till;
  till.terminal_id = other.till.terminal_id;
  EXPECT_EQ(reason(credential, till), "WRONG_TERMINAL");
  till = holder.till;
  till.key = other.till.key;
  EXPECT_EQ(reason(credential, till), "BAD_SIGNATURE");
  EXPECT_EQ(reason(holder.till.credential.encode(), holder.till), "WRONG_LABEL");
  Bytes cut = credential;
  cut.pop_back();
  EXPECT_NE(reason(cut, holder.till), "");
}

TEST_F(HolderOrderTest, IsRefusedWhereTheIssuerDidNotSignIt) {
  protocol::HolderCredential forged = holder.credential;
  forged.receipt = protocol::SignedDocument::sign(forged.receipt.frame, holder.till.key);
  EXPECT_EQ(reason(forged.encode(), holder.till), "BAD_SIGNATURE");
  forged = holder.credential;
  forged.withdrawal_key = shop.deposit_key.certificate;
  EXPECT_EQ(reason(forged.encode(), holder.till), "WRONG_PURPOSE");
  // Another issuer's holder, whose issuer is known here.
  Shop foreign(kNow_s, "foreign");
  const TestHolder stranger = foreign.make_holder();
  EXPECT_EQ(reason(stranger.credential.encode(), stranger.till), "BAD_SIGNATURE");
  const Bytes order = shop.order(holder.till, shop.rng.array<16>(), payments);
  const auto elsewhere = read_holder(credential, *read_order(order, payments, Shop::kIssuer, 1000),
                                     shop.anchors, "issuer-b.example");
  EXPECT_EQ(reason_of(elsewhere.status()), "WRONG_ISSUER");
}

}  // namespace
}  // namespace cafe::deposit
