// What an issuer may say of a claim that it holds: nothing that its own documents do not bear out.
#include "libs/protocol/testing/claim_fixture.h"

namespace cafe::protocol {
namespace {

using testing::Guardian;
using testing::kDay_s;

class ClaimStatementTest : public testing::ClaimFixture {
 protected:
  // The verdict after the issuer has changed its last statement, or another one, and signed it.
  template <typename Change>
  std::string verdict_after(const ClaimFile& file, Change change, size_t which = SIZE_MAX) {
    ClaimFile altered = file;
    SignedDocument& document = altered.statements[std::min(which, file.statements.size() - 1)];
    ClaimStatement statement = ClaimStatement::decode(document.frame).value();
    change(statement);
    document = SignedDocument::sign(statement.encode(), market_.recovery_key);
    return verdict(altered);
  }
  template <typename Change>
  std::string verdict_after_receipt(const ClaimFile& file, Change change) {
    ClaimFile altered = file;
    ClaimReceipt receipt = ClaimReceipt::decode(file.claim_receipt.frame).value();
    change(receipt);
    altered.claim_receipt = SignedDocument::sign(receipt.encode(), market_.recovery_key);
    return verdict(altered);
  }
};

TEST_F(ClaimStatementTest, ItsSumsFollowFromItsDocuments) {
  const ClaimFile file = charged_claim();
  EXPECT_EQ(verdict_after(file, [](ClaimStatement&) {}), "");
  EXPECT_EQ(verdict_after(file, [](ClaimStatement& s) { s.totals[0].credited = 1099; }),
            "SUM_MISMATCH");
  EXPECT_EQ(verdict_after(file, [](ClaimStatement& s) { s.totals[0].deducted = 199; }),
            "SUM_MISMATCH");
  EXPECT_EQ(verdict_after(file, [](ClaimStatement& s) { s.totals[0].charged = 601; }),
            "SUM_MISMATCH");
  EXPECT_EQ(verdict_after(file, [](ClaimStatement& s) { s.totals[0].currency = "USD"; }),
            "SUM_MISMATCH");
  EXPECT_EQ(verdict_after(file, [](ClaimStatement& s) { s.totals.clear(); }), "SUM_MISMATCH");
  EXPECT_EQ(verdict_after(file,
                          [](ClaimStatement& s) {
                            s.totals.push_back({"USD", 1, 0, 1, 0, 0});
                          }),
            "SUM_MISMATCH");
  // The first statement as well.
  EXPECT_EQ(verdict_after(
                file, [](ClaimStatement& s) { s.totals[0].credited = 1; }, 0),
            "SUM_MISMATCH");
  // Less than the coins are worth.
  EXPECT_EQ(verdict_after_receipt(file, [](ClaimReceipt& r) { r.claimed[0].amount = 1299; }),
            "SUM_MISMATCH");
  EXPECT_EQ(verdict_after_receipt(file, [](ClaimReceipt& r) { r.claimed.clear(); }),
            "SUM_MISMATCH");
  // What the claimant's account did not hold is for the books to say.
  EXPECT_EQ(verdict_after(file, [](ClaimStatement& s) { s.totals[0].uncollected = 600; }), "");
}

TEST_F(ClaimStatementTest, IsAboutThisClaim) {
  const ClaimFile file = charged_claim();
  const std::string mismatch = "DOCUMENT_MISMATCH";
  EXPECT_EQ(verdict_after(file, [](ClaimStatement& s) { ++s.number; }), mismatch);
  EXPECT_EQ(verdict_after(file, [](ClaimStatement& s) { s.claim_digest[0] ^= 1; }), mismatch);
  EXPECT_EQ(verdict_after(file, [](ClaimStatement& s) { s.account.bytes[0] ^= 1; }), mismatch);
  EXPECT_EQ(verdict_after(file, [](ClaimStatement& s) { s.issuer_id = "issuer-b.example"; }),
            mismatch);
  EXPECT_EQ(verdict_after_receipt(file, [](ClaimReceipt& r) { ++r.number; }), mismatch);
  EXPECT_EQ(verdict_after_receipt(file, [](ClaimReceipt& r) { r.claim_digest[0] ^= 1; }), mismatch);
  EXPECT_EQ(verdict_after_receipt(file, [](ClaimReceipt& r) { r.account.bytes[0] ^= 1; }),
            mismatch);
}

TEST_F(ClaimStatementTest, GoesOnFromTheOneBefore) {
  const ClaimFile file = charged_claim();
  EXPECT_EQ(verdict_after(file, [](ClaimStatement& s) { ++s.sequence; }), "STATEMENT_ORDER");
  ClaimFile gap = file;
  gap.statements.erase(gap.statements.begin());
  EXPECT_EQ(verdict(gap), "STATEMENT_ORDER");
  gap = file;
  std::swap(gap.statements[0], gap.statements[1]);
  EXPECT_EQ(verdict(gap), "STATEMENT_ORDER");
  // A deduction that is dropped, turns from charged to deducted, or changes its value.
  const auto drop = [](ClaimStatement& s) {
    s.deductions.pop_back();
    s.totals[0].charged -= 100;
  };
  EXPECT_EQ(verdict_after(file, drop), "STATEMENT_MISMATCH");
  EXPECT_EQ(verdict_after(file, [](ClaimStatement& s) { s.deductions[0].charged = false; }),
            "STATEMENT_MISMATCH");
  EXPECT_EQ(verdict_after(file, [](ClaimStatement& s) { s.deductions[1].value = 201; }),
            "STATEMENT_MISMATCH");
  // Charged with the credit itself; held after it was held; credited after it was final.
  EXPECT_EQ(verdict_after(
                file, [](ClaimStatement& s) { s.deductions[0].charged = true; }, 0),
            "STATEMENT_MISMATCH");
  EXPECT_EQ(verdict_after(
                file, [](ClaimStatement& s) { s.state = ClaimState::kHeld; }, 0),
            "STATEMENT_MISMATCH");
  EXPECT_EQ(verdict_after(
                file, [](ClaimStatement& s) { s.state = ClaimState::kFinal; }, 1),
            "STATEMENT_MISMATCH");
  ClaimFile one_more = file;
  ClaimStatement last = ClaimStatement::decode(file.statements.back().frame).value();
  ++last.sequence;
  one_more.statements.push_back(SignedDocument::sign(last.encode(), market_.recovery_key));
  EXPECT_EQ(verdict(one_more), "STATEMENT_MISMATCH");
}

// --- deductions ----------------------------------------------------------------------------------

TEST_F(ClaimStatementTest, EveryDeductionStandsOnAPaymentOfItsSlot) {
  ClaimFile file = coins_claim();
  const Payment payment = pay({{&split_, 1, 200}, {&plain_, 0, 500}});
  const Payment other = pay({{&split_, 3, 100}});
  market_.state(file, ClaimState::kCredited,
                {market_.deduct(file, payment, 0), market_.deduct(file, payment, 1)}, {payment});
  EXPECT_EQ(verdict(file), "");
  const std::string unproved = "DEDUCTION_UNPROVED";
  ClaimFile without = file;
  without.payments.clear();
  EXPECT_EQ(verdict(without), unproved);
  without = file;
  without.payments[0].payment = other;
  EXPECT_EQ(verdict(without), unproved);
  without = file;
  ++without.payments[0].spend;  // the first deduction is of the plain coin: spend 1
  EXPECT_EQ(verdict(without), unproved);
  without = file;
  without.payments.push_back({other, 0, market_.terminal_credential});
  EXPECT_EQ(verdict(without), "NOT_CANONICAL");
  // One more deduction by a payment that is not of that slot, or of a slot that was not claimed.
  const auto one_more = [&](uint32_t slot, uint64_t value) {
    return verdict_after(file, [&](ClaimStatement& s) {
      Deduction more = s.deductions.back();
      more.slot = slot;
      more.value = value;
      s.deductions.push_back(more);
      s.totals[0].deducted += value;
      s.totals[0].credited -= value;
    });
  };
  EXPECT_EQ(one_more(3, 100), unproved);
  EXPECT_EQ(one_more(2, 100), unproved);
  EXPECT_EQ(verdict_after(file, [](ClaimStatement& s) { s.deductions[0].payment_digest[0] ^= 1; }),
            unproved);
}

TEST_F(ClaimStatementTest, ADeductionIsOfThePaymentsTimeAndValue) {
  ClaimFile file = coins_claim();
  const Payment before = pay({{&split_, 1, 200}});
  market_.state(file, ClaimState::kCredited, {market_.deduct(file, before, 0)}, {before});
  EXPECT_EQ(verdict(file), "");
  const auto after = [](ClaimStatement& s) { s.deductions[0].code = Deduction::Code::kPaidAfter; };
  EXPECT_EQ(verdict_after(file, after), "DEDUCTION_UNPROVED");
  EXPECT_EQ(verdict_after(file,
                          [](ClaimStatement& s) {
                            s.deductions[0].value = 1300;
                            s.totals[0].deducted = 1300;
                            s.totals[0].credited = 0;
                          }),
            "DEDUCTION_UNPROVED");
  // In the very millisecond of the claim it was made before; in the next one after.
  for (const uint64_t late_ms : {0, 1}) {
    Terms terms = market_.make_terms(100);
    terms.time_ms = market_.claim_s * 1000 + late_ms;
    ClaimFile at_once = coins_claim();
    const Payment payment = market_.pay(lost_, {{&split_, 3, 100}}, terms, Guardian::kForgetful);
    market_.state(at_once, ClaimState::kCredited, {market_.deduct(at_once, payment, 0)}, {payment});
    EXPECT_EQ(judged(at_once).paid_after.size(), late_ms);
  }
}

// The issuer cannot make up a payment: it needs the wallet's answers and a payee's terms.
TEST_F(ClaimStatementTest, APaymentCannotBeMadeUp) {
  ClaimFile file = coins_claim();
  Payment forged = pay({{&split_, 1, 200}});
  forged.spends[0].slot = 3;
  forged.spends[0].value = 100;
  market_.state(file, ClaimState::kCredited, {market_.deduct(file, forged, 0)}, {forged});
  EXPECT_EQ(verdict(file), "BAD_PATH");
  file = coins_claim();
  Payment unsigned_terms = pay({{&split_, 3, 100}});
  unsigned_terms.terms = SignedDocument::sign(unsigned_terms.terms.frame, market_.recovery_key);
  market_.state(file, ClaimState::kCredited, {market_.deduct(file, unsigned_terms, 0)},
                {unsigned_terms});
  EXPECT_EQ(verdict(file), "BAD_SIGNATURE");
  file = coins_claim();
  Payment later_terms = pay({{&split_, 0, 400}});
  later_terms.terms = market_.sign_terms(market_.make_terms(400));
  market_.state(file, ClaimState::kCredited, {market_.deduct(file, later_terms, 0)}, {later_terms});
  EXPECT_EQ(verdict(file), "SPEND_INVALID");
}

}  // namespace
}  // namespace cafe::protocol
