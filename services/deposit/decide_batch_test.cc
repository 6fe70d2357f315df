#include "services/deposit/decide_batch.h"

#include <gtest/gtest.h>

#include "libs/protocol/rng.h"

namespace cafe::deposit {
namespace {

using Outcome = RecordedSlot::Outcome;
using protocol::CoinId;
using protocol::DenomId;
using protocol::PayeeId;
using protocol::VerdictCode;

constexpr uint64_t kNow_ms = 1'800'000'000'000;
constexpr uint64_t kHour_ms = 3'600'000;
constexpr uint64_t kFirstBatch = 41;

// A batch in the making, with the coin store's answers beside it.
class DecideBatchTest : public ::testing::Test {
 protected:
  DecideBatchTest() {
    facts.payee_id.bytes[0] = 1;
    facts.received_ms = kNow_ms;
    facts.cover = 1000;
    facts.cover_currency = "EUR";
    PayeeId other;
    other.bytes[0] = 2;
    facts.first_deposits[kFirstBatch] = {other, kNow_ms - kHour_ms};
  }

  static CoinId coin_of(uint8_t number) {
    CoinId id;
    id.bytes[31] = number;
    return id;
  }
  static DenomId denom_of(uint8_t number) {
    DenomId id;
    id.bytes[31] = number;
    return id;
  }

  void add_cheque(uint8_t coin, uint64_t value, RecordedSlot answer) {
    add(coin, value, std::move(answer));
    payments.back().slots.back().cheque_issuer = "a.example";
  }
  void start_payment(std::string currency = "EUR") {
    payments.push_back({"", std::move(currency), {}});
  }
  void add(uint8_t coin, uint64_t value, RecordedSlot answer, uint8_t denom = 1) {
    CheckedPayment& payment = payments.back();
    payment.slots.push_back({.payment = static_cast<uint32_t>(payments.size() - 1),
                             .spend = static_cast<uint32_t>(payment.slots.size()),
                             .coin_id = coin_of(coin),
                             .slot = 0,
                             .trace = {},
                             .denom_id = denom_of(denom),
                             .value = value,
                             .deposit_until = 0,
                             .claim_until = 0});
    recorded.push_back(std::move(answer));
  }
  // A call of ticks of 3 each.
  void add_call(uint8_t coin, uint32_t ticks, RecordedSlot answer) {
    add(coin, 3 * ticks, std::move(answer));
    SpentSlot& slot = payments.back().slots.back();
    slot.cheque_issuer = "a.example";
    slot.ticks = ticks;
    slot.tick_value = 3;
  }
  RecordedSlot shown_before(uint32_t ticks) {
    RecordedSlot answer = repeat();
    answer.ticks_before = ticks;
    return answer;
  }
  RecordedSlot fresh() { return {.outcome = Outcome::kFresh, .other = {}}; }
  RecordedSlot repeat() {
    return {.outcome = Outcome::kRepeat, .other_batch = kFirstBatch, .other = {}};
  }
  RecordedSlot spent(uint64_t case_number, uint64_t batch = kFirstBatch) {
    return {Outcome::kDouble, case_number, batch,
            protocol::SpendTrace{rng.scalar(), rng.scalar(), rng.scalar()}};
  }
  BatchDecision decide() {
    absl::StatusOr<BatchDecision> decision = decide_batch(payments, recorded, facts);
    EXPECT_TRUE(decision.ok()) << decision.status();
    return *std::move(decision);
  }
  // The verdict on one payment of one double slot worth `value`.
  VerdictCode decide_double(uint64_t value = 500) {
    start_payment();
    add(9, value, spent(7));
    return decide().verdicts.back().code;
  }

  protocol::SeededRng rng{"decide"};
  BatchFacts facts;
  std::vector<CheckedPayment> payments;
  std::vector<RecordedSlot> recorded;
};

TEST_F(DecideBatchTest, CreditsFreshSlotsByCurrencyAndDenomination) {
  start_payment();
  add(1, 500, fresh(), 1);
  add(2, 200, fresh(), 2);
  start_payment("USD");
  add(3, 100, fresh(), 3);
  start_payment();
  add(4, 500, fresh(), 1);

  const BatchDecision decision = decide();
  EXPECT_EQ(decision.verdicts[0], (protocol::PaymentVerdict{VerdictCode::kAccepted,
                                                            "",
                                                            700,
                                                            "EUR",
                                                            {{VerdictCode::kAccepted, 500, 0},
                                                             {VerdictCode::kAccepted, 200, 0}}}));
  const std::map<std::string, Movement> expected = {
      {"EUR", {{{denom_of(1), 1000}, {denom_of(2), 200}}, 0}},
      {"USD", {{{denom_of(3), 100}}, 0}},
  };
  EXPECT_EQ(decision.movements, expected);
  EXPECT_TRUE(decision.evidence.empty());
  EXPECT_TRUE(decision.spent_before.empty());
}

// Cheques are taken from loads by issuer, whatever their denomination.
TEST_F(DecideBatchTest, TakesChequesFromTheirIssuersLoads) {
  start_payment();
  add(1, 500, fresh(), 1);
  add(2, 70, fresh(), 2);
  add(3, 30, fresh(), 3);
  payments.back().slots[1].cheque_issuer = "a.example";
  payments.back().slots[2].cheque_issuer = "a.example";
  const BatchDecision decision = decide();
  EXPECT_EQ(decision.verdicts[0].credited, 600u);
  EXPECT_EQ(decision.movements.at("EUR"),
            (Movement{.coins = {{denom_of(1), 500}}, .loss = 0, .cheques = {{"a.example", 100}}}));
}

TEST_F(DecideBatchTest, CreditsTheTicksThatAreNew) {
  start_payment();
  add_call(1, 10, {.outcome = Outcome::kFresh, .other = {}});
  add_call(2, 10, shown_before(4));
  add_call(3, 10, shown_before(10));
  const BatchDecision decision = decide();
  EXPECT_EQ(decision.verdicts[0].slots,
            (std::vector<protocol::SlotVerdict>{{VerdictCode::kAccepted, 30, 0},
                                                {VerdictCode::kAccepted, 18, 0},
                                                {VerdictCode::kRepeat, 0, 0}}));
  EXPECT_EQ(decision.verdicts[0].credited, 48u);
  EXPECT_EQ(decision.movements.at("EUR").cheques.at("a.example"), 48u);
}

// What an owner who claims her cheques has spent of the loads; no coins, and nothing that is not
// credited from the loads.
TEST_F(DecideBatchTest, RemembersTheChequesThatItCredits) {
  start_payment();
  add(1, 500, fresh());
  add_cheque(2, 70, fresh());
  add_cheque(3, 30, repeat());
  start_payment();
  add_call(4, 10, shown_before(4));
  add_call(5, 10, shown_before(10));
  add_cheque(6, 20, spent(7));
  add_call(7, 2, fresh());
  EXPECT_EQ(decide().cheque_spends,
            (std::vector<ChequeSpend>{
                {coin_of(2), 1, 0}, {coin_of(4), 128, 10}, {coin_of(7), 128 + 3, 2}}));
}

TEST_F(DecideBatchTest, RemembersNoChequeOfARefusedPayment) {
  start_payment();
  add_cheque(1, 70, fresh());
  payments.back().refusal = "PAYMENT_INVALID";
  payments.back().slots.clear();
  recorded.clear();
  start_payment();
  add_cheque(2, 70, fresh());
  add(3, 500, fresh(), /*denom=*/9);
  facts.stopped.insert(denom_of(9));
  EXPECT_TRUE(decide().cheque_spends.empty());
}

// More ticks of a call that was spent twice: the double was decided once.
TEST_F(DecideBatchTest, CreditsNoMoreTicksOfADouble) {
  start_payment();
  RecordedSlot again = shown_before(0);
  again.case_number = 7;
  add_call(1, 10, again);
  const BatchDecision decision = decide();
  EXPECT_EQ(decision.verdicts[0].code, VerdictCode::kRepeat);
  EXPECT_TRUE(decision.movements.empty());
}

TEST_F(DecideBatchTest, RefusesAnswersThatDoNotSayWhatWasShown) {
  for (const uint32_t before : {0u, 11u}) {
    payments.clear();
    recorded.clear();
    start_payment();
    add_call(1, 10, shown_before(before));
    EXPECT_EQ(protocol::reason_of(decide_batch(payments, recorded, facts).status()), "PEER_ANSWER");
  }
}

TEST_F(DecideBatchTest, CreditsNoRepeat) {
  start_payment();
  add(1, 500, repeat());
  const BatchDecision decision = decide();
  EXPECT_EQ(decision.verdicts[0].code, VerdictCode::kRepeat);
  EXPECT_EQ(decision.verdicts[0].credited, 0u);
  EXPECT_TRUE(decision.movements.empty());
}

TEST_F(DecideBatchTest, NamesAPaymentAfterTheWorstOfItsSlots) {
  start_payment();
  add(1, 500, fresh());
  add(2, 300, repeat());
  add(3, 400, spent(7));
  add(4, 1000, spent(8));  // beyond what is left of the cover
  const protocol::PaymentVerdict verdict = decide().verdicts[0];
  EXPECT_EQ(verdict.code, VerdictCode::kSpentBefore);
  EXPECT_EQ(verdict.credited, 900u);
  const std::vector<protocol::SlotVerdict> expected = {{VerdictCode::kAccepted, 500, 0},
                                                       {VerdictCode::kRepeat, 0, 0},
                                                       {VerdictCode::kCreditedSpentBefore, 400, 7},
                                                       {VerdictCode::kSpentBefore, 0, 8}};
  EXPECT_EQ(verdict.slots, expected);
}

TEST_F(DecideBatchTest, BearsTheLossOfAPaymentTakenInGoodFaith) {
  start_payment();
  add(1, 500, fresh());
  add(2, 400, spent(7));
  const BatchDecision decision = decide();
  EXPECT_EQ(decision.verdicts[0].code, VerdictCode::kCreditedSpentBefore);
  EXPECT_EQ(decision.movements.at("EUR"), (Movement{{{denom_of(1), 500}}, 400}));
  ASSERT_EQ(decision.spent_before.size(), 1u);
  EXPECT_EQ(decision.spent_before[0].credited, 400u);
  EXPECT_EQ(decision.spent_before[0].case_number, 7u);
  EXPECT_EQ(decision.spent_before[0].position, 1u);
}

TEST_F(DecideBatchTest, GivesEvidenceForEverySlotSpentBefore) {
  start_payment();
  add(1, 500, spent(7));
  start_payment();
  add(2, 600, spent(8));
  const BatchDecision decision = decide();
  ASSERT_EQ(decision.evidence.size(), 2u);
  EXPECT_EQ(decision.evidence[0].payment, 0u);
  EXPECT_EQ(decision.evidence[1].payment, 1u);
  EXPECT_EQ(decision.evidence[1].first.r1, recorded[1].other->r1);
}

// Section 9, one condition at a time.
TEST_F(DecideBatchTest, DoesNotCreditThePayeeOfTheFirstPayment) {
  facts.first_deposits[kFirstBatch].payee_id = facts.payee_id;
  EXPECT_EQ(decide_double(), VerdictCode::kSpentBefore);
}

TEST_F(DecideBatchTest, DoesNotCreditAPayeesSecondPaymentOfASlot) {
  facts.had.insert({coin_of(9), 0});
  EXPECT_EQ(decide_double(), VerdictCode::kSpentBefore);
  EXPECT_TRUE(decide().spent_before.empty());
}

TEST_F(DecideBatchTest, DoesNotCreditTheSameSlotTwiceInABatch) {
  start_payment();
  add(9, 300, spent(7));
  start_payment();
  add(9, 300, spent(8));
  const BatchDecision decision = decide();
  EXPECT_EQ(decision.verdicts[0].code, VerdictCode::kCreditedSpentBefore);
  EXPECT_EQ(decision.verdicts[1].code, VerdictCode::kSpentBefore);
  EXPECT_EQ(decision.spent_before.size(), 1u);
  EXPECT_EQ(decision.movements.at("EUR").loss, 300u);
}

TEST_F(DecideBatchTest, RemembersAFirstPaymentThatWasNotCredited) {
  facts.cover = 0;
  start_payment();
  add(9, 300, spent(7));
  const BatchDecision decision = decide();
  ASSERT_EQ(decision.spent_before.size(), 1u);
  EXPECT_EQ(decision.spent_before[0].credited, 0u);
  EXPECT_EQ(decision.spent_before[0].value, 300u);
}

TEST_F(DecideBatchTest, CreditsWithin24HoursOfTheFirstDeposit) {
  facts.first_deposits[kFirstBatch].received_ms = kNow_ms - 24 * kHour_ms;
  EXPECT_EQ(decide_double(), VerdictCode::kCreditedSpentBefore);
}

TEST_F(DecideBatchTest, DoesNotCreditAfter24Hours) {
  facts.first_deposits[kFirstBatch].received_ms = kNow_ms - 24 * kHour_ms - 1;
  EXPECT_EQ(decide_double(), VerdictCode::kSpentBefore);
}

TEST_F(DecideBatchTest, DoesNotCreditWhereTheFirstDepositIsNotKnown) {
  facts.first_deposits.clear();
  EXPECT_EQ(decide_double(), VerdictCode::kSpentBefore);
}

TEST_F(DecideBatchTest, CreditsUpToTheCoverAndNotBeyond) {
  facts.covered_last_30_days = 500;
  EXPECT_EQ(decide_double(500), VerdictCode::kCreditedSpentBefore);
  payments.clear();
  recorded.clear();
  facts.covered_last_30_days = 501;
  EXPECT_EQ(decide_double(500), VerdictCode::kSpentBefore);
}

TEST_F(DecideBatchTest, CountsEarlierPaymentsOfTheBatchAgainstTheCover) {
  for (uint8_t coin = 1; coin <= 3; ++coin) {
    start_payment();
    add(coin, 400, spent(coin));
  }
  const BatchDecision decision = decide();
  EXPECT_EQ(decision.verdicts[1].code, VerdictCode::kCreditedSpentBefore);
  EXPECT_EQ(decision.verdicts[2].code, VerdictCode::kSpentBefore);
  EXPECT_EQ(decision.movements.at("EUR").loss, 800u);
}

TEST_F(DecideBatchTest, CoversTheContractsCurrencyOnly) {
  start_payment("USD");
  add(1, 100, spent(7));
  EXPECT_EQ(decide().verdicts[0].code, VerdictCode::kSpentBefore);
}

TEST_F(DecideBatchTest, KeepsRefusalsAndTakesNoAnswerForThem) {
  payments.push_back({"SPEND_INVALID", "EUR", {}});
  start_payment();
  add(1, 500, fresh());
  const BatchDecision decision = decide();
  EXPECT_EQ(decision.verdicts[0],
            (protocol::PaymentVerdict{VerdictCode::kRefused, "SPEND_INVALID", 0, "EUR", {}}));
  EXPECT_EQ(decision.verdicts[1].code, VerdictCode::kAccepted);
}

TEST_F(DecideBatchTest, RefusesPaymentsOfAStoppedDenominationAndOnlyThose) {
  start_payment();
  add(1, 500, fresh(), 1);
  add(2, 200, fresh(), 2);
  start_payment();
  add(3, 200, spent(7), 2);
  start_payment();
  add(4, 500, fresh(), 1);
  facts.stopped.insert(denom_of(2));
  const BatchDecision decision = decide();
  EXPECT_EQ(decision.verdicts[0].reason, "DENOMINATION_STOPPED");
  EXPECT_EQ(decision.verdicts[1].reason, "DENOMINATION_STOPPED");
  EXPECT_EQ(decision.verdicts[2].code, VerdictCode::kAccepted);
  EXPECT_EQ(decision.movements.at("EUR"), (Movement{{{denom_of(1), 500}}, 0}));
  EXPECT_TRUE(decision.evidence.empty());
}

TEST_F(DecideBatchTest, DoesNotGuessWhereAnswersAreMissing) {
  start_payment();
  add(1, 500, fresh());
  recorded.clear();
  EXPECT_EQ(protocol::reason_of(decide_batch(payments, recorded, facts).status()), "PEER_ANSWER");
  recorded.push_back({.outcome = Outcome::kDouble, .case_number = 7, .other = {}});
  EXPECT_EQ(protocol::reason_of(decide_batch(payments, recorded, facts).status()), "PEER_ANSWER");
}

}  // namespace
}  // namespace cafe::deposit
