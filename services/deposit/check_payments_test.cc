#include "services/deposit/check_payments.h"

#include <gtest/gtest.h>

#include "services/deposit/testing/shop.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::Payment;
using protocol::Terms;
using testing::kDay_s;
using testing::Shop;
using testing::SlotOf;
using testing::TestCoin;
using testing::Till;

constexpr uint64_t kNow_s = 1'800'000'000;

class CheckPaymentsTest : public ::testing::Test {
 protected:
  CheckPaymentsTest() { enrol(till); }

  void enrol(const Till& enrolled, std::optional<uint64_t> revoked_ms = std::nullopt) {
    terminals.insert_or_assign(enrolled.terminal_id, Terminal{enrolled.certificate, revoked_ms});
  }
  CheckContext context() {
    return {.denominations = shop.table,
            .stopped = stopped,
            .acquirer_id = std::string(Shop::kIssuer),
            .received_ms = received_ms,
            .anchors = shop.anchors,
            .voided = voided};
  }
  std::vector<CheckedPayment> check_all(std::span<const ReadPayment> payments, uint32_t first = 0) {
    std::vector<Candidate> candidates;
    for (const ReadPayment& payment : payments) {
      candidates.push_back(candidate_of(payment, first + static_cast<uint32_t>(candidates.size()),
                                        till.payee_id, terminals));
      candidates.back().authorized = authorized;
    }
    return check_payments(candidates, context());
  }
  CheckedPayment check(const Bytes& payment) {
    const ReadPayment read = read_payment(payment);
    return check_all({&read, 1}).front();
  }
  std::string refusal(const Payment& payment) { return check(payment.encode()).refusal; }
  Payment pay(const Terms& terms) { return shop.make_payment(till, {{&coin, 0}}, terms); }

  Shop shop{kNow_s};
  Till till = shop.make_till();
  TestCoin coin = shop.mint(shop.five);
  Terminals terminals;
  absl::flat_hash_set<protocol::DenomId> stopped;
  absl::flat_hash_set<VoidedTerms> voided;
  bool authorized = false;
  uint64_t received_ms = kNow_s * 1000;
};

TEST_F(CheckPaymentsTest, TellsWhatAValidPaymentSpends) {
  const TestCoin split = shop.mint(shop.split);
  const Payment payment = shop.make_payment(till, {{&coin, 0}, {&split, 1}, {&split, 4}});
  const ReadPayment read = read_payment(payment.encode());
  const CheckedPayment checked = check_all({&read, 1}, 7).front();

  ASSERT_EQ(checked.refusal, "");
  EXPECT_EQ(checked.currency, "EUR");
  ASSERT_EQ(checked.slots.size(), 3u);
  const SpentSlot& last = checked.slots[2];
  EXPECT_EQ(last.payment, 7u);
  EXPECT_EQ(last.position(), 7 * 128 + 2u);
  EXPECT_EQ(last.coin_id, split.coin.id());
  EXPECT_EQ(last.slot, 4u);
  EXPECT_EQ(last.value, 100u);
  EXPECT_EQ(last.denom_id, shop.split.id);
  EXPECT_EQ(last.deposit_until, shop.split.denomination.deposit_until);
  EXPECT_EQ(last.claim_until, shop.split.denomination.claim_until);
  EXPECT_EQ(last.trace.r1, payment.spends[2].r1);
  EXPECT_EQ(last.trace.d, challenge_of(shop.split.denomination, split.coin, payment.spends[2],
                                       payment.terms.digest()));
}

// One wrong thing a row.
TEST_F(CheckPaymentsTest, RefusesWithItsReason) {
  const TestCoin other = shop.mint(shop.five);
  const TestCoin unlisted = shop.mint(shop.unlisted);
  const TestCoin dollar = shop.mint(shop.dollar);
  const Payment good = shop.make_payment(till, {{&coin, 0}});
  const auto altered = [&](auto&& alter) {
    Payment payment = good;
    alter(payment);
    return payment;
  };
  const auto with_terms = [&](auto&& alter) {
    Terms terms = shop.terms(till, 500);
    alter(terms);
    return pay(terms);
  };
  struct Row {
    std::string_view reason;
    Payment payment;
  };
  const Row rows[] = {
      {"", good},
      {"SPEND_INVALID", altered([&](Payment& p) { p.spends[0].r1 = p.spends[0].r2; })},
      {"SPEND_INVALID", altered([&](Payment& p) { p.spends[0].r2 = p.spends[0].r1; })},
      {"BAD_PATH", altered([&](Payment& p) { p.spends[0].B = other.B[0]; })},
      {"COIN_INVALID", altered([&](Payment& p) { p.coins[0].r = p.spends[0].r1; })},
      {"COIN_INVALID", altered([&](Payment& p) { p.coins[0].A = other.coin.A; })},
      {"COIN_INVALID", altered([&](Payment& p) { p.coins[0].Z = other.coin.Z; })},
      {"SLOT_OUTSIDE_COIN", altered([&](Payment& p) { p.spends[0].slot = 1; })},
      {"BAD_COMBINATION", altered([&](Payment& p) { p.spends[0].value = 499; })},
      {"BAD_SIGNATURE", altered([&](Payment& p) { p.terms.signature[5] ^= 1; })},
      {"AMOUNT_MISMATCH", with_terms([&](Terms& t) { t.amount = 501; })},
      {"WRONG_ACQUIRER", with_terms([&](Terms& t) { t.acquirer_id = "issuer-b.example"; })},
      {"WRONG_PAYEE", with_terms([&](Terms& t) { t.payee_id.bytes[0] ^= 1; })},
      {"UNKNOWN_TERMINAL", with_terms([&](Terms& t) { t.terminal_id.bytes[0] ^= 1; })},
      {"NOT_SPENDABLE_YET",
       with_terms([&](Terms& t) { t.time_ms = (kNow_s - 11 * kDay_s) * 1000; })},
      {"SPEND_DATE_PASSED",
       with_terms([&](Terms& t) { t.time_ms = (kNow_s + 90 * kDay_s) * 1000; })},
      {"KEY_EXPIRED", with_terms([&](Terms& t) { t.time_ms = (kNow_s + 180 * kDay_s) * 1000; })},
      {"QUOTE_MISSING", with_terms([&](Terms& t) { t.currency = "USD"; })},
      {"MIXED_CURRENCIES",
       shop.make_payment(till, {{&coin, 0}, {&dollar, 0}}, shop.terms(till, 600))},
      {"UNKNOWN_DENOMINATION", shop.make_payment(till, {{&unlisted, 0}})},
  };
  for (const Row& row : rows) {
    const CheckedPayment checked = check(row.payment.encode());
    EXPECT_EQ(checked.refusal, row.reason);
    EXPECT_EQ(checked.slots.empty(), !row.reason.empty()) << row.reason;
  }
}

TEST_F(CheckPaymentsTest, RefusesTermsThatTheirOwnTerminalRefused) {
  const Payment payment = shop.make_payment(till, {{&coin, 0}});
  const VoidedTerms own{payment.terms.digest(), till.payee_id, till.terminal_id};
  VoidedTerms of_others = own;
  of_others.terminal_id.bytes[0] ^= 1;
  VoidedTerms of_another_payee = own;
  of_another_payee.payee_id.bytes[0] ^= 1;
  VoidedTerms other_terms = own;
  other_terms.terms_digest[0] ^= 1;
  voided = {of_others, of_another_payee, other_terms};
  EXPECT_EQ(refusal(payment), "");
  voided.insert(own);
  EXPECT_EQ(refusal(payment), "TERMS_VOIDED");
  Payment forged = payment;
  forged.terms.signature[5] ^= 1;
  EXPECT_EQ(refusal(forged), "BAD_SIGNATURE") << "whose terms they are comes first";
}

TEST_F(CheckPaymentsTest, RefusesWhatCannotBeRead) {
  const Bytes good = shop.pay(till, {{&coin, 0}});
  for (const size_t length : {size_t{0}, size_t{3}, good.size() / 2, good.size() - 1}) {
    const CheckedPayment checked = check({good.begin(), good.begin() + length});
    EXPECT_NE(checked.refusal, "");
    EXPECT_EQ(checked.currency, "");
  }
}

TEST_F(CheckPaymentsTest, TakesPaymentsUntilTheDepositDeadlineAsReceived) {
  const Payment payment = shop.make_payment(till, {{&coin, 0}});
  received_ms = shop.five.denomination.deposit_until * 1000 - 1;
  EXPECT_EQ(refusal(payment), "");
  received_ms += 1;
  EXPECT_EQ(refusal(payment), "DEPOSIT_DATE_PASSED");
}

TEST_F(CheckPaymentsTest, TakesWhatATerminalSignedBeforeItWasRevoked) {
  const Payment payment = shop.make_payment(till, {{&coin, 0}});
  enrol(till, kNow_s * 1000 + 1);
  EXPECT_EQ(refusal(payment), "");
  enrol(till, kNow_s * 1000);
  EXPECT_EQ(refusal(payment), "TERMINAL_REVOKED");
}

TEST_F(CheckPaymentsTest, RefusesTermsSignedByAnotherTerminalOfThePayee) {
  const Till second = shop.make_till(till.payee_id);
  enrol(second);
  Terms terms = shop.terms(second, 500);
  EXPECT_EQ(refusal(shop.make_payment(second, {{&coin, 0}}, terms)), "");
  EXPECT_EQ(refusal(shop.make_payment(till, {{&coin, 0}}, terms)), "BAD_SIGNATURE");
}

TEST_F(CheckPaymentsTest, NeedsAnAuthorizationAboveTheOfflineLimit) {
  std::vector<TestCoin> coins;
  for (int i = 0; i < 5; ++i) coins.push_back(shop.mint(shop.five));
  std::vector<SlotOf> four, five;
  for (const TestCoin& each : coins) {
    if (four.size() < 4) four.push_back({&each, 0});
    five.push_back({&each, 0});
  }
  EXPECT_EQ(refusal(shop.make_payment(till, four)), "");  // exactly the limit
  const Payment above = shop.make_payment(till, five);
  EXPECT_EQ(refusal(above), "AUTHORIZATION_NEEDED");
  authorized = true;
  EXPECT_EQ(refusal(above), "");
}

TEST_F(CheckPaymentsTest, RefusesAStoppedDenomination) {
  const TestCoin split = shop.mint(shop.split);
  stopped.insert(shop.split.id);
  EXPECT_EQ(refusal(shop.make_payment(till, {{&coin, 0}})), "");
  EXPECT_EQ(refusal(shop.make_payment(till, {{&coin, 0}, {&split, 0}})), "DENOMINATION_STOPPED");
}

TEST_F(CheckPaymentsTest, JudgesEachPaymentOfABatchForItself) {
  std::vector<ReadPayment> batch;
  for (int i = 0; i < 9; ++i) {
    Payment payment = shop.make_payment(till, {{&coin, 0}});  // all spend the same slot
    if (i % 3 == 1) payment.spends[0].r1 = payment.spends[0].r2;
    batch.push_back(read_payment(payment.encode()));
  }
  const std::vector<CheckedPayment> checked = check_all(batch);
  for (uint32_t i = 0; i < 9; ++i) {
    EXPECT_EQ(checked[i].refusal, i % 3 == 1 ? "SPEND_INVALID" : "") << i;
    if (i % 3 != 1) {
      EXPECT_EQ(checked[i].slots.at(0).payment, i);
    }
  }
}

TEST_F(CheckPaymentsTest, FindsTheOneWrongSignatureOfABatch) {
  std::vector<ReadPayment> batch;
  for (int i = 0; i < 9; ++i) {
    Payment payment = shop.make_payment(till, {{&coin, 0}});
    if (i == 4) payment.terms.signature[63] ^= 1;
    batch.push_back(read_payment(payment.encode()));
  }
  const std::vector<CheckedPayment> checked = check_all(batch);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(checked[i].refusal, i == 4 ? "BAD_SIGNATURE" : "") << i;
}

// A signature is judged by the key of the terminal that the terms name, and by no other of the
// batch.
TEST_F(CheckPaymentsTest, JudgesEachSignatureByItsOwnTerminalsKey) {
  const Till second = shop.make_till(till.payee_id);
  enrol(second);
  Payment swapped = shop.make_payment(second, {{&coin, 0}});
  swapped.terms.signature = protocol::SignedDocument::sign(swapped.terms.frame, till.key).signature;
  const std::vector<ReadPayment> batch = {
      read_payment(shop.pay(till, {{&coin, 0}})),
      read_payment(swapped.encode()),
      read_payment(shop.pay(second, {{&coin, 0}})),
  };
  const std::vector<CheckedPayment> checked = check_all(batch);
  EXPECT_EQ(checked[0].refusal, "");
  EXPECT_EQ(checked[1].refusal, "BAD_SIGNATURE");
  EXPECT_EQ(checked[2].refusal, "");
}

TEST_F(CheckPaymentsTest, TellsTheFirstOfSeveralReasons) {
  Payment payment = shop.make_payment(till, {{&coin, 0}});
  payment.spends[0].r1 = payment.spends[0].r2;
  EXPECT_EQ(refusal(payment), "SPEND_INVALID");
  stopped.insert(shop.five.id);
  EXPECT_EQ(refusal(payment), "DENOMINATION_STOPPED");
  payment.terms.signature[63] ^= 1;
  EXPECT_EQ(refusal(payment), "BAD_SIGNATURE");
  payment.spends[0].value += 1;
  EXPECT_EQ(refusal(payment), "BAD_COMBINATION");
  enrol(till, /*revoked_ms=*/1);
  EXPECT_EQ(refusal(payment), "TERMINAL_REVOKED");
  terminals.clear();
  EXPECT_EQ(refusal(payment), "UNKNOWN_TERMINAL");
  payment = shop.make_payment(shop.make_till(), {{&coin, 0}});
  EXPECT_EQ(refusal(payment), "WRONG_PAYEE");
}

TEST_F(CheckPaymentsTest, IsRestoredAsItWas) {
  const TestCoin split = shop.mint(shop.split);
  std::vector<ReadPayment> batch = {
      read_payment(shop.pay(till, {{&coin, 0}})),
      read_payment({}),
      read_payment(shop.pay(till, {{&split, 0}, {&split, 3}})),
  };
  const std::vector<CheckedPayment> checked = check_all(batch);
  std::vector<std::string> refusals;
  for (const CheckedPayment& each : checked) refusals.push_back(each.refusal);
  const auto restored = restore_payments(batch, refusals, shop.table);
  ASSERT_TRUE(restored.ok()) << restored.status();
  for (size_t i = 0; i < checked.size(); ++i) {
    EXPECT_EQ((*restored)[i].refusal, checked[i].refusal);
    EXPECT_EQ((*restored)[i].currency, checked[i].currency);
    ASSERT_EQ((*restored)[i].slots.size(), checked[i].slots.size());
    for (size_t j = 0; j < checked[i].slots.size(); ++j) {
      const SpentSlot& a = (*restored)[i].slots[j];
      const SpentSlot& b = checked[i].slots[j];
      EXPECT_EQ(a.position(), b.position());
      EXPECT_EQ(a.coin_id, b.coin_id);
      EXPECT_EQ(a.slot, b.slot);
      EXPECT_EQ(a.trace.d, b.trace.d);
      EXPECT_EQ(a.trace.r1, b.trace.r1);
      EXPECT_EQ(a.trace.r2, b.trace.r2);
      EXPECT_EQ(a.denom_id, b.denom_id);
      EXPECT_EQ(a.value, b.value);
      EXPECT_EQ(a.deposit_until, b.deposit_until);
      EXPECT_EQ(a.claim_until, b.claim_until);
    }
  }
}

TEST_F(CheckPaymentsTest, CannotBeRestoredWithoutItsDenominationsOrItsBytes) {
  const std::vector<ReadPayment> batch = {read_payment(shop.pay(till, {{&coin, 0}}))};
  const std::string valid[] = {""};
  EXPECT_EQ(
      protocol::reason_of(restore_payments(batch, valid, protocol::DenominationTable()).status()),
      "DENOMINATIONS_UNKNOWN");
  const std::vector<ReadPayment> damaged = {read_payment({})};
  EXPECT_EQ(protocol::reason_of(restore_payments(damaged, valid, shop.table).status()),
            "ARCHIVE_DAMAGED");
}

TEST(CheckTotal, RefusesSumsThatNoLedgerHolds) {
  const auto paying = [](std::string currency, uint64_t value) {
    CheckedPayment payment{"", std::move(currency), {SpentSlot{}}};
    payment.slots[0].value = value;
    return payment;
  };
  constexpr uint64_t kHalf = uint64_t{1} << 62;
  EXPECT_TRUE(check_total(std::vector{paying("EUR", kHalf), paying("USD", kHalf)}).ok());
  EXPECT_EQ(
      protocol::reason_of(check_total(std::vector{paying("EUR", kHalf), paying("EUR", kHalf)})),
      "AMOUNT_OVERFLOW");
}

}  // namespace
}  // namespace cafe::deposit
