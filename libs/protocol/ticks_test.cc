// Ticks, from the guardian that draws them to the payee that is owed for the last one shown.
#include "libs/protocol/ticks.h"

#include <functional>

#include "gtest/gtest.h"
#include "libs/protocol/testing/market.h"

namespace cafe::protocol {
namespace {

using testing::Market;
using testing::WithdrawnCoin;
using testing::WorldWallet;

constexpr uint64_t kTickValue = 3;
constexpr uint32_t kTicks = 20;

// A call, paid by a cheque: guardian, wallet and payee.
class CallTest : public ::testing::Test {
 protected:
  CallTest() {
    for (uint32_t i = 0; i < kTicks; ++i) {
      t_.push_back(market_.rng.scalar());
      P_.push_back(*multiply(t_.back(), g1()));
    }
    request_ = {Market::kIssuer,
                "EUR",
                kTickValue,
                kTicks,
                market_.rng.array<32>(),
                spend_digest(cheque_.coin.id(), 0, terms_.digest()),
                market_.rng.array<32>()};
    blinded_ = blind_tick_points(P_, request_.y_seed).value();
  }

  absl::StatusOr<TickOpening> open() {
    CAFE_ASSIGN_OR_RETURN(TickOpening out, answer_ticks(wallet_.guardian, cheque_.slots[0],
                                                        counter_, ticks_, secrets_, request_));
    cheque_.slots[0] = out.slot;
    ticks_ = out.ticks;
    return out;
  }
  absl::Status release(uint32_t i) {
    CAFE_ASSIGN_OR_RETURN(TickRelease out, release_tick(ticks_, counter_, secrets_, i));
    ticks_ = out.ticks;
    counter_ = out.counter;
    return absl::OkStatus();
  }
  TickReveal reveal(uint32_t i) {
    return {i, wallet_tick(t_[i], P_[i], request_.y_seed, i).value(),
            merkle_path(point_leaves(blinded_), i)};
  }
  // The payment of the call, with `shown` as the last tick.
  Payment payment(const TickOpening& opening, std::optional<TickReveal> shown) {
    const Bytes salt = to_bytes(xor32(opening.rho, request_.y));
    const Scalar d = spend_challenge(cheque_.denomination, 0, request_.spend, request_.tick_value,
                                     request_.tick_count, opening.tick_root, salt);
    const auto response =
        wallet_respond(opening.answer, d, cheque_.secrets.slots[0], wallet_.identity.u1,
                       cheque_.secrets.s, wallet_.guardian_point(Kind::kCheque), cheque_.B_O[0])
            .value();
    return {market_.sign_terms(terms_),
            {cheque_.coin},
            {{.coin = 0,
              .slot = 0,
              .value = 0,
              .tick_value = request_.tick_value,
              .tick_count = request_.tick_count,
              .tick_root = to_bytes(opening.tick_root),
              .salt = salt,
              .B = cheque_.secrets.B[0],
              .path = {},
              .r1 = response.r1,
              .r2 = response.r2,
              .tick = std::move(shown)}}};
  }
  std::string verdict(const Payment& payment) {
    return reason_of(check_payment(payment, market_.context()).status());
  }

  Market market_{"call"};
  WorldWallet wallet_ = market_.make_wallet();
  WithdrawnCoin cheque_ = market_.take(wallet_, market_.cheque);
  Terms terms_ = market_.make_terms(0);
  GuardianCounter counter_{Market::kIssuer, "EUR", 1000};
  std::vector<Scalar> t_;
  const std::function<Scalar(uint32_t)> secrets_ = [this](uint32_t i) { return t_.at(i); };
  TickState ticks_{kTicks};
  std::vector<Point> P_, blinded_;
  TickRequest request_;
};

TEST_F(CallTest, EachTickIsWorthOneMore) {
  const auto opening = open();
  ASSERT_TRUE(opening.ok()) << opening.status();
  EXPECT_EQ(opening->tick_root, tick_root(blinded_));
  EXPECT_EQ(counter_.amount, 1000u) << "the counter pays tick by tick";
  Payment nothing_shown = payment(*opening, std::nullopt);
  EXPECT_EQ(verdict(nothing_shown), "");
  EXPECT_EQ(worth_of(nothing_shown.spends[0]), 0u);
  for (uint32_t i = 0; i < kTicks; ++i) {
    ASSERT_TRUE(release(i).ok());
    EXPECT_EQ(counter_.amount, 1000u - (i + 1) * kTickValue);
    const Payment shown = payment(*opening, reveal(i));
    EXPECT_EQ(verdict(shown), "");
    EXPECT_EQ(worth_of(shown.spends[0]), (i + 1) * kTickValue);
    EXPECT_EQ(Payment::decode(shown.encode()).value(), shown);
    // The same spend: what a later deposit earns is a difference, and no one is convicted.
    EXPECT_EQ(
        reason_of(extract_secret(market_.trace(nothing_shown), market_.trace(shown)).status()),
        "SAME_CHALLENGE");
  }
  EXPECT_EQ(reason_of(release(kTicks)), "TICK_ORDER");
}

// [guard] A tick out of order would be worth all those before it, and subtracted once.
TEST_F(CallTest, TicksAreReleasedInOrderOnly) {
  EXPECT_EQ(reason_of(release(0)), "TICK_ORDER") << "before the call is opened";
  ASSERT_TRUE(open().ok());
  for (const uint32_t i : {1u, 12u, kTicks - 1, kTicks, UINT32_MAX}) {
    EXPECT_EQ(reason_of(release(i)), "TICK_ORDER") << i;
  }
  ASSERT_TRUE(release(0).ok());
  EXPECT_EQ(reason_of(release(2)), "TICK_ORDER");
  ASSERT_TRUE(release(1).ok());
  EXPECT_EQ(counter_.amount, 1000u - 2 * kTickValue);
}

TEST_F(CallTest, AReleasedTickMayBeAskedForAgainForNothing) {
  ASSERT_TRUE(open().ok());
  ASSERT_TRUE(release(0).ok());
  ASSERT_TRUE(release(1).ok());
  const uint64_t before = counter_.amount;
  const auto again = release_tick(ticks_, counter_, secrets_, 0);
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again->write_needed);
  EXPECT_EQ(again->t, t_[0]);
  EXPECT_EQ(again->counter.amount, before);
  EXPECT_EQ(again->ticks.next_index, 2u);
}

// [guard] Index and counter go together: neither moves alone.
TEST_F(CallTest, AnEmptyCounterReleasesNothing) {
  counter_.amount = 2 * kTickValue + 2;
  ASSERT_TRUE(open().ok());
  ASSERT_TRUE(release(0).ok());
  ASSERT_TRUE(release(1).ok());
  EXPECT_EQ(reason_of(release(2)), "COUNTER_TOO_LOW");
  EXPECT_EQ(counter_.amount, 2u);
  EXPECT_EQ(ticks_.next_index, 2u);
}

TEST_F(CallTest, TicksAreSubtractedFromTheCallsOwnCounter) {
  const GuardianCounter dollars{Market::kIssuer, "USD", 1000};
  EXPECT_EQ(reason_of(answer_ticks(wallet_.guardian, cheque_.slots[0], dollars, ticks_, secrets_,
                                   request_)
                          .status()),
            "WRONG_COUNTER");
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(reason_of(release_tick(ticks_, dollars, secrets_, 0).status()), "WRONG_COUNTER");
}

// [guard] The ticks of one call under the root of another: each release would pay both.
TEST_F(CallTest, TicksServeOneCallOnly) {
  ASSERT_TRUE(open().ok());
  GuardianSlot other_slot = market_.make_slots(market_.cheque.denomination)[0];
  TickRequest other = request_;
  other.spend[0] ^= 1;
  EXPECT_EQ(
      reason_of(
          answer_ticks(wallet_.guardian, other_slot, counter_, ticks_, secrets_, other).status()),
      "TICKS_USED");
  ASSERT_TRUE(release(0).ok());
  EXPECT_EQ(
      reason_of(
          answer_ticks(wallet_.guardian, other_slot, counter_, ticks_, secrets_, other).status()),
      "TICKS_USED");
}

TEST_F(CallTest, TheSameOpeningAgainGetsTheSameAnswerAndNoOtherDoes) {
  const auto first = open();
  const auto again = open();
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again->write_needed);
  EXPECT_EQ(again->answer, first->answer);
  std::vector<TickRequest> others(5, request_);
  others[0].tick_value += 1;
  others[1].tick_count -= 1;
  others[2].y_seed[0] ^= 1;
  others[3].spend[0] ^= 1;
  others[4].y[0] ^= 1;
  for (const TickRequest& other : others) {
    EXPECT_EQ(reason_of(answer_ticks(wallet_.guardian, cheque_.slots[0], counter_, ticks_, secrets_,
                                     other)
                            .status()),
              "SLOT_USED");
  }
  // Nor as a cheque for an amount.
  const ChequeRequest cheque{request_.issuer_id, "EUR", 5, request_.spend, request_.y};
  EXPECT_EQ(reason_of(answer_cheque(wallet_.guardian, cheque_.slots[0], counter_, cheque).status()),
            "SLOT_USED");
}

TEST_F(CallTest, ACallHasTicksAndTheyAreWorthSomething) {
  TickRequest none = request_;
  none.tick_value = 0;
  TickRequest other_count = request_;
  other_count.tick_count = kTicks + 1;
  TickRequest no_count = request_;
  no_count.tick_count = 0;
  const auto reason = [&](const TickRequest& request) {
    return reason_of(
        answer_ticks(wallet_.guardian, cheque_.slots[0], counter_, ticks_, secrets_, request)
            .status());
  };
  EXPECT_EQ(reason(none), "VALUE_ZERO");
  EXPECT_EQ(reason(no_count), "VALUE_ZERO");
  EXPECT_EQ(reason(other_count), "TICK_COUNT");
  EXPECT_EQ(reason_of(blind_tick_points({}, request_.y_seed).status()), "TICK_COUNT");
}

// --- what a payee may show -----------------------------------------------------------------------

TEST_F(CallTest, OnlyTheTicksOfTheRootCount) {
  const auto opening = open();
  const TickReveal good = reveal(12);
  const auto reason = [&](const TickReveal& shown) { return verdict(payment(*opening, shown)); };
  EXPECT_EQ(reason(good), "");
  TickReveal other = good;
  other.index = 13;
  EXPECT_EQ(reason(other), "BAD_TICK") << "an earlier tick as a later one";
  other = good;
  other.t = other.t + Scalar::from_u64(1);
  EXPECT_EQ(reason(other), "BAD_TICK");
  other.t = Scalar();
  EXPECT_EQ(reason(other), "BAD_TICK") << "the identity is no point";
  other = good;
  other.path.pop_back();
  EXPECT_EQ(reason(other), "BAD_TICK");
  other = good;
  other.path.push_back({});
  EXPECT_EQ(reason(other), "BAD_TICK");
  other = good;
  other.index = UINT32_MAX;
  EXPECT_EQ(reason(other), "BAD_TICK");
}

// [guard] Raw, a guardian's t_i could carry a message: what goes out is blinded by y.
TEST_F(CallTest, AnUnblindedTickIsNoTick) {
  const auto opening = open();
  TickReveal raw = reveal(5);
  raw.t = t_[5];
  EXPECT_EQ(verdict(payment(*opening, raw)), "BAD_TICK");
}

// [guard] A broken guardian's tree of 40 ticks under a count of 20: without the check of the size,
// whoever shows tick 39 would be owed twice what the cheque says.
TEST_F(CallTest, ATreeOfMoreTicksThanTheCountPaysNothing) {
  for (uint32_t i = kTicks; i < 2 * kTicks; ++i) {
    t_.push_back(market_.rng.scalar());
    P_.push_back(*multiply(t_.back(), g1()));
  }
  blinded_ = blind_tick_points(P_, request_.y_seed).value();
  const Bytes32 root = tick_root(blinded_);
  const Bytes salt = to_bytes(market_.rng.array<32>());
  const Scalar d =
      spend_challenge(cheque_.denomination, 0, request_.spend, kTickValue, kTicks, root, salt);
  TickOpening opening{cheque_.slots[0],
                      ticks_,
                      true,
                      {},
                      root,
                      guardian_answer(wallet_.guardian.o_cheque, cheque_.slots[0].o2, d)};
  opening.rho = xor32(to_array<32>(salt).value(), request_.y);
  EXPECT_EQ(verdict(payment(opening, std::nullopt)), "") << "the spend itself is in order";
  for (const uint32_t i : {0u, kTicks - 1, kTicks, 2 * kTicks - 1}) {
    // The premise: in a tree of its true size, it is there.
    ASSERT_TRUE(check_tick(root, 2 * kTicks, reveal(i)).ok());
    EXPECT_EQ(verdict(payment(opening, reveal(i))), "BAD_TICK") << i;
  }
}

TEST_F(CallTest, TermsOfACallAskForNothingBeforehand) {
  const auto opening = open();
  Payment priced = payment(*opening, std::nullopt);
  terms_.amount = 60;
  priced.terms = market_.sign_terms(terms_);
  EXPECT_EQ(verdict(priced), "AMOUNT_MISMATCH");
}

// 20 ticks of 0.03 may come to 0.60, whatever has been shown so far.
TEST_F(CallTest, TicksCountTowardsTheOffLineLimit) {
  const auto opening = open();
  const Payment call = payment(*opening, std::nullopt);
  for (const auto& [limit, reason] : {std::pair{60, ""}, std::pair{59, "AUTHORIZATION_NEEDED"}}) {
    DenominationList list = market_.list;
    list.limits[0].offline_limit = limit;
    DenominationTable table;
    table.add(list);
    PaymentContext context = market_.context();
    context.denominations = &table;
    EXPECT_EQ(reason_of(check_payment(call, context).status()), reason);
  }
}

TEST_F(CallTest, ACallAndAnAmountAreNotPaidTogether) {
  WithdrawnCoin coin = market_.take(wallet_, market_.coin);
  terms_ = market_.make_terms(500);
  request_.spend = spend_digest(cheque_.coin.id(), 0, terms_.digest());
  const auto opening = open();
  Payment mixed = payment(*opening, std::nullopt);
  mixed.coins.push_back(coin.coin);
  mixed.spends.push_back(market_.spend(wallet_, {&coin, 0, 500}, terms_.digest(), 1));
  EXPECT_EQ(verdict(mixed), "AMOUNT_MISMATCH");
}

TEST_F(CallTest, ACallIsPaidInTheChequesOwnCurrency) {
  const Quote quote{
      std::string(Market::kIssuer), "EUR", "USD", 109, 100, Rounding::kDown, 0, UINT64_MAX};
  terms_.currency = "USD";
  terms_.quote_id = to_bytes(quote.id());
  request_.spend = spend_digest(cheque_.coin.id(), 0, terms_.digest());
  const auto opening = open();
  PaymentContext context = market_.context();
  context.quote = &quote;
  EXPECT_EQ(reason_of(check_payment(payment(*opening, std::nullopt), context).status()),
            "TICKS_FOREIGN_CURRENCY");
}

}  // namespace
}  // namespace cafe::protocol
