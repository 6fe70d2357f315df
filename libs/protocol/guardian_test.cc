// A guardian answers each slot once, counts what its cheques pay, and gives its wallet no choice of
// what it answers.
#include "libs/protocol/guardian.h"

#include <functional>

#include "gtest/gtest.h"
#include "libs/protocol/testing/market.h"

namespace cafe::protocol {
namespace {

using testing::Market;
using testing::WithdrawnCoin;
using testing::WorldWallet;

constexpr char kIssuer[] = "issuer-a.example";
constexpr TickState kOneTick{1, 0, std::nullopt};

Scalar tick(uint32_t i) { return Scalar::from_u64(12345 + i); }

class GuardianTest : public ::testing::Test {
 protected:
  ChequeRequest cheque_request(uint64_t value) {
    return {kIssuer, "EUR", value, rng_.array<32>(), rng_.array<32>()};
  }

  SeededRng rng_{"guardian"};
  GuardianKeys keys_{rng_.scalar(), rng_.scalar()};
  GuardianSlot coin_slot_{Kind::kCoin, rng_.scalar(), {}};
  GuardianSlot cheque_slot_{Kind::kCheque, rng_.scalar(), rng_.array<32>()};
  GuardianCounter counter_{kIssuer, "EUR", 5000};
};

TEST_F(GuardianTest, AnswersACoinsSlot) {
  const Scalar challenge = rng_.scalar();
  const auto out = answer_coin(keys_, coin_slot_, challenge);
  ASSERT_TRUE(out.ok());
  EXPECT_TRUE(out->write_needed);
  EXPECT_TRUE(out->slot.used);
  EXPECT_TRUE(guardian_answer_ok(out->answer, challenge, *multiply(keys_.o_coin, g1()),
                                 *multiply(coin_slot_.o2, g1())));
}

TEST_F(GuardianTest, TheSameRequestAgainGetsTheSameAnswer) {
  const Scalar challenge = rng_.scalar();
  const auto first = answer_coin(keys_, coin_slot_, challenge);
  const auto again = answer_coin(keys_, first->slot, challenge);
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again->write_needed);
  EXPECT_EQ(again->answer, first->answer);
}

// [guard] Two answers of one slot are two equations in o_coin and o2: the wallet that got them
// could do without its guardian.
TEST_F(GuardianTest, ASecondRequestForACoinsSlotIsRefused) {
  const Scalar d = rng_.scalar(), other = rng_.scalar();
  const auto first = answer_coin(keys_, coin_slot_, d);
  const auto second = answer_coin(keys_, first->slot, other);
  EXPECT_EQ(reason_of(second.status()), "SLOT_USED");
  // The attack, if the guardian had forgotten: its key falls out.
  const auto forgot = answer_coin(keys_, coin_slot_, other);
  EXPECT_EQ((first->answer - forgot->answer) * (d - other).inverse(), keys_.o_coin);
}

TEST_F(GuardianTest, ASlotStaysOfItsKind) {
  EXPECT_EQ(reason_of(answer_coin(keys_, cheque_slot_, rng_.scalar()).status()), "WRONG_KIND");
  EXPECT_EQ(reason_of(answer_cheque(keys_, coin_slot_, counter_, cheque_request(1)).status()),
            "WRONG_KIND");
  const TickRequest request{kIssuer, "EUR", 1, 1, rng_.array<32>(), {}, {}};
  EXPECT_EQ(reason_of(answer_ticks(keys_, coin_slot_, counter_, kOneTick, tick, request).status()),
            "WRONG_KIND");
}

// [guard] Slot and counter come out of one transition, for one atomic write.
TEST_F(GuardianTest, AChequeMarksItsSlotAndSubtractsItsValueAtOnce) {
  const ChequeRequest request = cheque_request(1234);
  const auto out = answer_cheque(keys_, cheque_slot_, counter_, request);
  ASSERT_TRUE(out.ok());
  EXPECT_TRUE(out->write_needed);
  EXPECT_TRUE(out->slot.used);
  EXPECT_EQ(out->slot.request_digest, request.digest());
  EXPECT_EQ(out->counter.amount, 5000u - 1234u);
  EXPECT_EQ(out->rho, cheque_slot_.rho);
  const Scalar d = spend_challenge(kIssuer, "EUR", 1234, request.spend, 0, 0, {},
                                   xor32(cheque_slot_.rho, request.y));
  EXPECT_TRUE(guardian_answer_ok(out->answer, d, *multiply(keys_.o_cheque, g1()),
                                 *multiply(cheque_slot_.o2, g1())));
  // A repeat subtracts nothing more, even where nothing is left.
  const GuardianCounter empty{kIssuer, "EUR", 0};
  const auto again = answer_cheque(keys_, out->slot, empty, request);
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again->write_needed);
  EXPECT_EQ(again->counter.amount, 0u);
  EXPECT_EQ(again->answer, out->answer);
}

// [guard] The power fails between two writes: whichever of the two was written alone, money would
// be made or a slot lost. The state before and the state after are the only ones that exist.
TEST_F(GuardianTest, HalfAWriteWouldPayWithoutTheCounter) {
  const ChequeRequest request = cheque_request(5000);
  const auto out = answer_cheque(keys_, cheque_slot_, counter_, request);
  ASSERT_TRUE(out.ok());
  // The slot without the counter: the repeat would be answered, and the counter still be full.
  const auto torn = answer_cheque(keys_, out->slot, counter_, request);
  ASSERT_TRUE(torn.ok());
  EXPECT_EQ(torn->counter.amount, 5000u) << "why both go into one write";
  // Before the write, nothing has left: the same request is answered afresh and paid for.
  const auto retry = answer_cheque(keys_, cheque_slot_, counter_, request);
  EXPECT_TRUE(retry->write_needed);
  EXPECT_EQ(retry->counter.amount, 0u);
}

// [guard] Anything different in the request is a second request.
TEST_F(GuardianTest, ASecondRequestForAChequesSlotIsRefused) {
  const ChequeRequest request = cheque_request(100);
  const auto out = answer_cheque(keys_, cheque_slot_, counter_, request);
  ASSERT_TRUE(out.ok());
  std::vector<ChequeRequest> others(5, request);
  others[0].value = 101;
  others[1].spend[0] ^= 1;
  others[2].y[31] ^= 1;
  others[3].currency = "USD";
  others[4].issuer_id = "issuer-b.example";
  for (const ChequeRequest& other : others) {
    EXPECT_EQ(reason_of(answer_cheque(keys_, out->slot, out->counter, other).status()),
              "SLOT_USED");
  }
  // Nor is it answered in the other modes: the used mark is one for all.
  const TickRequest tick_request{kIssuer, "EUR", 1, 1, rng_.array<32>(), request.spend, request.y};
  EXPECT_EQ(
      reason_of(
          answer_ticks(keys_, out->slot, out->counter, kOneTick, tick, tick_request).status()),
      "SLOT_USED");
}

// What the wallet stored is what the guardian reads, and nothing else is a request.
TEST_F(GuardianTest, RequestsHaveOneEncoding) {
  const ChequeRequest cheque = cheque_request(1234);
  const TickRequest ticks{kIssuer, "EUR", 3, 20, rng_.array<32>(), cheque.spend, cheque.y};
  const Bytes cheque_bytes = cheque.encode(), tick_bytes = ticks.encode();
  EXPECT_EQ(ChequeRequest::decode(cheque_bytes)->encode(), cheque_bytes);
  EXPECT_EQ(TickRequest::decode(tick_bytes)->encode(), tick_bytes);
  EXPECT_EQ(reason_of(ChequeRequest::decode(tick_bytes).status()), "WRONG_LABEL");
  EXPECT_EQ(reason_of(TickRequest::decode(cheque_bytes).status()), "WRONG_LABEL");
  for (const Bytes& good : {cheque_bytes, tick_bytes}) {
    const auto decodes = [](ByteView bytes) {
      return ChequeRequest::decode(bytes).ok() || TickRequest::decode(bytes).ok();
    };
    for (size_t size = 0; size < good.size(); ++size) {
      EXPECT_FALSE(decodes(ByteView(good).first(size))) << size;
    }
    Bytes longer = good;
    longer.push_back(0);
    EXPECT_FALSE(decodes(longer));
  }
}

TEST_F(GuardianTest, ACounterIsNeverOverdrawn) {
  const auto all = answer_cheque(keys_, cheque_slot_, counter_, cheque_request(5000));
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(all->counter.amount, 0u);
  for (const uint64_t value : {uint64_t{5001}, UINT64_MAX}) {
    EXPECT_EQ(
        reason_of(answer_cheque(keys_, cheque_slot_, counter_, cheque_request(value)).status()),
        "COUNTER_TOO_LOW");
  }
  EXPECT_EQ(reason_of(answer_cheque(keys_, cheque_slot_, counter_, cheque_request(0)).status()),
            "VALUE_ZERO");
}

TEST_F(GuardianTest, AChequeIsPaidFromItsOwnCounterOnly) {
  const GuardianCounter others[] = {{"issuer-b.example", "EUR", 5000}, {kIssuer, "USD", 5000}};
  for (const GuardianCounter& other : others) {
    EXPECT_EQ(reason_of(answer_cheque(keys_, cheque_slot_, other, cheque_request(1)).status()),
              "WRONG_COUNTER");
  }
}

// --- [guard] the salt ----------------------------------------------------------------------------

// The attack on cheques whose challenges the wallet can know before the guardian answers. The
// wallet takes 256 slots and fixes two requests of value 1 for each, with challenges d_i^0 and
// d_i^1. It withdraws a cheque of its own make, whose B is the combination of all the slots' points
// with λ_i = 2^i / (d_i^1 - d_i^0). Whatever the large cheque's challenge d turns out to be, d - Σ
// λ_i·d_i^0 written in binary says which of its two requests to send for each slot, so that Σ
// λ_i·d_i = d: the answers, combined, are an answer to the large cheque, for 2.56 of the counter.
class ChequeCombination {
 public:
  static constexpr size_t kSlots = 256;
  static constexpr uint64_t kLarge = 5000;

  ChequeCombination(Market& market, WorldWallet& wallet) : market_(market), wallet_(wallet) {
    for (size_t i = 0; i < kSlots; ++i) {
      slots_.push_back(market.make_slots(market.cheque.denomination)[0]);
    }
  }

  // Carries it out. `rho_guess(i)` is what the wallet takes slot i's ρ to be when it prepares.
  // Returns the verdict on the payment of the large cheque.
  absl::Status run(const std::function<Bytes32(size_t)>& rho_guess) {
    prepare(rho_guess);
    const Coin coin = withdraw();
    const Terms terms = market_.make_terms(kLarge);
    Spend spend{.coin = 0,
                .slot = 0,
                .value = kLarge,
                .tick_root = {},
                .salt = to_bytes(market_.rng.array<32>()),
                .B = *B_,
                .path = {},
                .r1 = {},
                .r2 = {},
                .tick = std::nullopt};
    const Denomination& denomination = market_.cheque.denomination;
    const Scalar d = challenge_of(denomination, coin, spend, terms.digest());
    const Scalar answer = collect(d);
    // r1, r2 as any wallet makes them of a good answer.
    spend.r1 = s_ * answer + d * wallet_.identity.u1 * s_ + x1_;
    spend.r2 = d * s_ + x2_;
    const SpendCheck check{&denomination, &coin, &spend, terms.digest()};
    return check_spends(std::span(&check, 1))[0];
  }
  uint64_t paid() const { return paid_; }

 private:
  struct Choice {
    std::array<ChequeRequest, 2> requests;
    std::array<Scalar, 2> d;
    Scalar lambda;
  };

  void prepare(const std::function<Bytes32(size_t)>& rho_guess) {
    Scalar power = Scalar::from_u64(1);
    for (size_t i = 0; i < kSlots; ++i) {
      Choice choice;
      for (size_t b = 0; b < 2; ++b) {
        choice.requests[b] = {kIssuer, "EUR", 1, market_.rng.array<32>(), market_.rng.array<32>()};
        choice.d[b] = spend_challenge(kIssuer, "EUR", 1, choice.requests[b].spend, 0, 0, {},
                                      xor32(rho_guess(i), choice.requests[b].y));
      }
      choice.lambda = power * (choice.d[1] - choice.d[0]).inverse();
      choices_.push_back(choice);
      power = power + power;
    }
  }

  Coin withdraw() {
    B_ = linear_combination({{x1_, g1()}, {x2_, g2()}});
    for (size_t i = 0; i < kSlots; ++i) {
      const Point B_O = *multiply(slots_[i].o2, g1());
      B_ = linear_combination({{Scalar::from_u64(1), *B_}, {s_ * choices_[i].lambda, B_O}});
    }
    const Point A = *multiply(s_, wallet_.account.points.m_cheque);
    return market_.sign_coin(market_.cheque, A, merkle_root(point_leaves(std::span(&*B_, 1))));
  }

  // Asks the real guardian for all slots, for 1 each, and combines.
  Scalar collect(const Scalar& d) {
    Scalar rest = d;
    for (const Choice& choice : choices_) rest = rest - choice.lambda * choice.d[0];
    Scalar combined;
    for (size_t i = 0; i < kSlots; ++i) {
      const bool bit = rest.bytes()[31 - i / 8] >> i % 8 & 1;
      const GuardianCounter counter{kIssuer, "EUR", 1};
      const auto out =
          answer_cheque(wallet_.guardian, slots_[i], counter, choices_[i].requests[bit]);
      paid_ += counter.amount - out->counter.amount;
      combined = combined + choices_[i].lambda * out->answer;
    }
    return combined;
  }

 public:
  std::vector<GuardianSlot> slots_;

 private:
  Market& market_;
  WorldWallet& wallet_;
  std::vector<Choice> choices_;
  Scalar s_ = market_.rng.scalar(), x1_ = market_.rng.scalar(), x2_ = market_.rng.scalar();
  std::optional<Point> B_;
  uint64_t paid_ = 0;
};

TEST(ChequeSaltTest, AWalletThatChoosesTheSaltAloneCombinesSmallChequesIntoALargeOne) {
  Market market("combination");
  WorldWallet wallet = market.make_wallet();
  ChequeCombination attack(market, wallet);
  // With ρ known beforehand, salt = ρ ⊕ y is the wallet's to choose.
  const absl::Status verdict = attack.run([&](size_t i) { return attack.slots_[i].rho; });
  EXPECT_TRUE(verdict.ok()) << verdict << ": the attack is what the salt is there for";
  EXPECT_EQ(attack.paid(), 256u);
  EXPECT_LT(attack.paid(), ChequeCombination::kLarge);
}

TEST(ChequeSaltTest, AgainstTheGuardiansSaltTheCombinationIsWorthless) {
  Market market("combination");
  WorldWallet wallet = market.make_wallet();
  ChequeCombination attack(market, wallet);
  // All that the wallet has before it asks is the commitment to ρ.
  const absl::Status verdict =
      attack.run([&](size_t i) { return salt_commitment(attack.slots_[i].rho); });
  EXPECT_EQ(reason_of(verdict), "SPEND_INVALID");
}

// [guard] One wrong guess among 256 is enough to spoil it.
TEST(ChequeSaltTest, OneUnknownSaltSpoilsTheCombination) {
  Market market("combination");
  WorldWallet wallet = market.make_wallet();
  ChequeCombination attack(market, wallet);
  const absl::Status verdict =
      attack.run([&](size_t i) { return i == 137 ? Bytes32{} : attack.slots_[i].rho; });
  EXPECT_EQ(reason_of(verdict), "SPEND_INVALID");
}

// [guard] Coin-mode answers are blind: were there one key for both, a wallet would have a cheque's
// challenge answered in coin mode, past the counter.
TEST(TwoKeysTest, ACoinAnswerFillsInNoCheque) {
  Market market("two keys");
  WorldWallet wallet = market.make_wallet();
  WithdrawnCoin cheque = market.take(wallet, market.cheque);
  // The wallet makes the cheque over a coin slot's point.
  const GuardianSlot coin_slot = market.make_slots(market.coin.denomination)[0];
  const Scalar& s = cheque.secrets.s;
  const SlotSecrets& x = cheque.secrets.slots[0];
  const Point B_O = *multiply(coin_slot.o2, g1());
  const Point B = *linear_combination({{x.x1, g1()}, {x.x2, g2()}, {s, B_O}});
  const Coin coin =
      market.sign_coin(market.cheque, cheque.coin.A, merkle_root(point_leaves(std::span(&B, 1))));
  const Terms terms = market.make_terms(5000);
  Spend spend{.coin = 0,
              .slot = 0,
              .value = 5000,
              .tick_root = {},
              .salt = to_bytes(market.rng.array<32>()),
              .B = B,
              .path = {},
              .r1 = {},
              .r2 = {},
              .tick = std::nullopt};
  const Scalar d = challenge_of(market.cheque.denomination, coin, spend, terms.digest());
  const auto verdict_with = [&](const GuardianKeys& keys) {
    const Scalar answer = answer_coin(keys, coin_slot, d)->answer;
    spend.r1 = s * answer + d * wallet.identity.u1 * s + x.x1;
    spend.r2 = d * s + x.x2;
    const SpendCheck check{&market.cheque.denomination, &coin, &spend, terms.digest()};
    return check_spends(std::span(&check, 1))[0];
  };
  EXPECT_EQ(reason_of(verdict_with(wallet.guardian)), "SPEND_INVALID");
  const GuardianKeys one_key{wallet.guardian.o_cheque, wallet.guardian.o_cheque};
  EXPECT_TRUE(verdict_with(one_key).ok()) << "the attack that two keys prevent";
}

}  // namespace
}  // namespace cafe::protocol
