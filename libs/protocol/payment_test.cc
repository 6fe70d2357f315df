// What a terminal and an acquirer accept, and what they refuse, each for its reason.
#include "libs/protocol/payment.h"

#include <functional>

#include "gtest/gtest.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/testing/market.h"

namespace cafe::protocol {
namespace {

using testing::Guardian;
using testing::kWorldNow_s;
using testing::Market;
using testing::WithdrawnCoin;
using testing::WorldWallet;

class PaymentTest : public ::testing::Test {
 protected:
  std::string verdict(const Payment& payment) { return verdict(payment, market_.context()); }
  std::string verdict(const Payment& payment, const PaymentContext& context) {
    const auto checked = check_payment(payment, context);
    return checked.ok() ? "" : reason_of(checked.status());
  }

  Market market_{"payment"};
  WorldWallet wallet_ = market_.make_wallet();
  WithdrawnCoin plain_ = market_.take(wallet_, market_.coin);
  WithdrawnCoin split_ = market_.take(wallet_, market_.split_coin);
  WithdrawnCoin cheque_ = market_.take(wallet_, market_.cheque);
};

TEST_F(PaymentTest, SlotsOfSeveralCoinsAndAChequePayTogether) {
  const Payment payment = market_.pay(
      wallet_, {{&plain_, 0, 500}, {&split_, 1, 200}, {&cheque_, 0, 1234}, {&split_, 4, 100}});
  const auto decoded = Payment::decode(payment.encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, payment);
  const auto prepared = check_payment(*decoded, market_.context());
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->terms.amount, 2034u);
  EXPECT_EQ(prepared->terms_digest, sha256(payment.terms.frame));
  EXPECT_EQ(prepared->coin_ids,
            (std::vector{plain_.coin.id(), split_.coin.id(), cheque_.coin.id()}));
  EXPECT_EQ(prepared->denominations[1]->id(), market_.split_coin.id);
}

TEST_F(PaymentTest, WhoeverIsNotNamedInTheTermsIsRefused) {
  const Payment payment = market_.pay(wallet_, {{&plain_, 0, 500}});
  PaymentContext context = market_.context();
  context.acquirer_id = "issuer-b.example";
  EXPECT_EQ(verdict(payment, context), "WRONG_ACQUIRER");
  context = market_.context();
  context.payee_id.bytes[0] ^= 1;
  EXPECT_EQ(verdict(payment, context), "WRONG_PAYEE");
  context = market_.context();
  context.terminal_id.bytes[0] ^= 1;
  EXPECT_EQ(verdict(payment, context), "WRONG_TERMINAL");
  context = market_.context();
  context.terminal_key = market_.master_key.public_key();
  EXPECT_EQ(verdict(payment, context), "BAD_SIGNATURE");
}

// [guard] A payee that got hold of another's payment rewrites the terms to name itself.
TEST_F(PaymentTest, APaymentIsWorthlessToAnotherPayee) {
  Payment stolen = market_.pay(wallet_, {{&plain_, 0, 500}});
  Terms terms = Terms::decode(stolen.terms.frame).value();
  terms.payee_id = PayeeId{market_.rng.array<16>()};
  const SigningKey thief = testing::make_key(market_.rng);
  stolen.terms = SignedDocument::sign(terms.encode(), thief);
  PaymentContext context = market_.context();
  context.payee_id = terms.payee_id;
  context.terminal_key = thief.public_key();
  EXPECT_EQ(verdict(stolen, context), "SPEND_INVALID");
}

TEST_F(PaymentTest, TermsThatWereAlteredAreRefused) {
  Payment payment = market_.pay(wallet_, {{&plain_, 0, 500}});
  Terms terms = Terms::decode(payment.terms.frame).value();
  terms.nonce[0] ^= 1;
  payment.terms.frame = terms.encode();
  EXPECT_EQ(verdict(payment), "BAD_SIGNATURE");
}

TEST_F(PaymentTest, DatesAreJudgedAtTheTimeInTheTerms) {
  const Denomination& denomination = market_.coin.denomination;
  const struct {
    uint64_t time_ms;
    std::string_view reason;
  } kCases[] = {
      {denomination.withdraw_from * 1000 - 1, "NOT_SPENDABLE_YET"},
      {denomination.withdraw_from * 1000, ""},
      {denomination.spend_until * 1000 - 1, ""},
      {denomination.spend_until * 1000, "SPEND_DATE_PASSED"},
      {UINT64_MAX, "SPEND_DATE_PASSED"},
      {0, "NOT_SPENDABLE_YET"},
  };
  for (const auto& c : kCases) {
    Terms terms = market_.make_terms(500);
    terms.time_ms = c.time_ms;
    const Payment payment = market_.pay(wallet_, {{&plain_, 0, 500}}, terms, Guardian::kForgetful);
    EXPECT_EQ(verdict(payment), c.reason) << c.time_ms;
  }
}

TEST_F(PaymentTest, UnknownDenominationsAreRefused) {
  const Payment payment = market_.pay(wallet_, {{&plain_, 0, 500}});
  const DenominationTable empty;
  PaymentContext context = market_.context();
  context.denominations = &empty;
  EXPECT_EQ(verdict(payment, context), "UNKNOWN_DENOMINATION");
}

TEST_F(PaymentTest, ValuesMustSumToTheAmount) {
  for (const uint64_t amount : {0u, 699u, 701u}) {
    const Payment payment = market_.pay(wallet_, {{&plain_, 0, 500}, {&split_, 1, 200}},
                                        market_.make_terms(amount), Guardian::kForgetful);
    EXPECT_EQ(verdict(payment), "AMOUNT_MISMATCH") << amount;
  }
}

// [guard] Four values that wrap around 2^64 to the amount.
TEST_F(PaymentTest, ValuesThatWrapAroundToTheAmountAreRefused) {
  const DenominationKey huge = market_.make_denomination(Kind::kCheque, {uint64_t{1} << 62});
  DenominationList list = market_.list;
  list.number = 2;
  list.denominations.push_back(huge.denomination);
  market_.table.add(list);
  Payment payment{{}, {}, {}};
  for (uint32_t i = 0; i < 5; ++i) {
    Spend spend = market_.pay(wallet_, {{&cheque_, 0, 1}}, Guardian::kForgetful).spends[0];
    spend.coin = i;
    spend.value = i < 4 ? uint64_t{1} << 62 : 200;
    payment.spends.push_back(spend);
    payment.coins.push_back(
        market_.sign_coin(huge, *multiply(market_.rng.scalar(), g1()), plain_.coin.root));
  }
  payment.terms = market_.sign_terms(market_.make_terms(200));
  EXPECT_EQ(verdict(payment), "AMOUNT_OVERFLOW");
}

TEST_F(PaymentTest, AboveTheOffLineLimitAPaymentNeedsAuthorization) {
  std::vector<WithdrawnCoin> cheques = market_.withdraw(wallet_, {{market_.cheque.id, 4}});
  const auto pay = [&](uint64_t last) {
    return market_.pay(wallet_,
                       {{&cheques[0], 0, 5000},
                        {&cheques[1], 0, 5000},
                        {&cheques[2], 0, 4999},
                        {&cheques[3], 0, last}},
                       Guardian::kForgetful);
  };
  EXPECT_EQ(verdict(pay(1)), "") << "at the limit of 150.00";
  const Payment above = pay(2);
  EXPECT_EQ(verdict(above), "AUTHORIZATION_NEEDED");
  PaymentContext on_line = market_.context();
  on_line.authorized = true;
  EXPECT_EQ(verdict(above, on_line), "");
}

TEST_F(PaymentTest, WithoutAStatedLimitEveryPaymentNeedsAuthorization) {
  DenominationList list = market_.list;
  list.limits.clear();
  DenominationTable table;
  table.add(list);
  PaymentContext context = market_.context();
  context.denominations = &table;
  const Payment payment = market_.pay(wallet_, {{&plain_, 0, 500}});
  EXPECT_EQ(verdict(payment, context), "AUTHORIZATION_NEEDED");
  context.authorized = true;
  EXPECT_EQ(verdict(payment, context), "");
}

TEST_F(PaymentTest, CoinsOfTwoCurrenciesDoNotPayTogether) {
  DenominationKey dollars = market_.make_denomination(Kind::kCoin, {500});
  dollars.denomination.currency = "USD";
  dollars.id = dollars.denomination.id();
  DenominationList list = market_.list;
  list.number = 2;
  list.limits.push_back({"USD", 15000, 100000});
  list.denominations.push_back(dollars.denomination);
  market_.table.add(list);
  Payment payment = market_.pay(wallet_, {{&plain_, 0, 500}}, market_.make_terms(1000));
  payment.coins.push_back(market_.sign_coin(dollars, plain_.coin.A, plain_.coin.root));
  payment.spends.push_back(payment.spends[0]);
  payment.spends[1].coin = 1;
  EXPECT_EQ(verdict(payment), "MIXED_CURRENCIES");
}

// --- quotes ------------------------------------------------------------------------------------

class QuotedPaymentTest : public PaymentTest {
 protected:
  // 1.09 USD for a EUR, rounded down.
  Quote quote_{std::string(Market::kIssuer),
               "EUR",
               "USD",
               109,
               100,
               Rounding::kDown,
               kWorldNow_s * 1000 - 1000,
               kWorldNow_s * 1000 + 1000};

  // A cheque over 12.34 EUR under terms of `amount` in `currency`.
  Payment pay(uint64_t amount, std::string currency, Bytes quote_id) {
    Terms terms = market_.make_terms(amount);
    terms.currency = std::move(currency);
    terms.quote_id = std::move(quote_id);
    return market_.pay(wallet_, {{&cheque_, 0, 1234}}, terms, Guardian::kForgetful);
  }
  std::string under(const Quote& quote, const Payment& payment) {
    PaymentContext context = market_.context();
    context.quote = &quote;
    return verdict(payment, context);
  }
};

TEST_F(QuotedPaymentTest, AQuoteFixesTheAmountAndItsRounding) {
  const Bytes id = to_bytes(quote_.id());
  EXPECT_EQ(under(quote_, pay(1345, "USD", id)), "");
  EXPECT_EQ(under(quote_, pay(1346, "USD", id)), "AMOUNT_MISMATCH");
  EXPECT_EQ(under(quote_, pay(1234, "USD", id)), "AMOUNT_MISMATCH");
}

TEST_F(QuotedPaymentTest, WithoutItsQuoteAPaymentInAnotherCurrencyIsRefused) {
  EXPECT_EQ(verdict(pay(1345, "USD", to_bytes(quote_.id()))), "QUOTE_MISSING");
  EXPECT_EQ(under(quote_, pay(1345, "USD", {})), "QUOTE_MISSING");
  EXPECT_EQ(under(quote_, pay(1234, "EUR", to_bytes(quote_.id()))), "QUOTE_MISMATCH");
}

TEST_F(QuotedPaymentTest, AQuoteThatDoesNotFitIsRefused) {
  const std::pair<std::string_view, std::function<void(Quote&)>> kAlterations[] = {
      {"acquirer", [](Quote& q) { q.acquirer_id = "issuer-b.example"; }},
      {"coin currency", [](Quote& q) { q.coin_currency = "CHF"; }},
      {"terms currency", [](Quote& q) { q.terms_currency = "CHF"; }},
      {"not yet valid", [](Quote& q) { q.valid_from_ms = kWorldNow_s * 1000 + 1; }},
      {"no longer valid", [](Quote& q) { q.valid_until_ms = kWorldNow_s * 1000; }},
  };
  for (const auto& [what, alter] : kAlterations) {
    Quote other = quote_;
    alter(other);
    EXPECT_EQ(under(other, pay(1345, "USD", to_bytes(other.id()))), "QUOTE_MISMATCH") << what;
  }
  Quote better = quote_;
  better.numerator = 100;
  EXPECT_EQ(under(better, pay(1234, "USD", to_bytes(quote_.id()))), "QUOTE_MISMATCH");
}

}  // namespace
}  // namespace cafe::protocol
