// [guard] The attack on cheques whose challenges a wallet can know before its guardian answers,
// carried out against the firmware.
//
// The wallet takes 256 slots and fixes two requests of value 1 for each, with challenges d_i^0 and
// d_i^1. It withdraws a cheque of its own make, whose B is the combination of all the slots' points
// with λ_i = 2^i / (d_i^1 - d_i^0). Whatever the large cheque's challenge d turns out to be, d - Σ
// λ_i·d_i^0 written in binary says which of its two requests to send for each slot, so that Σ
// λ_i·d_i = d: the answers, combined, are an answer to the large cheque, for 2.56 of the counter.
#include <gtest/gtest.h>

#include <functional>

#include "device-sim/firmware/testing/loaded_chip.h"
#include "libs/protocol/testing/market.h"

namespace cafe::guardian {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::ChequeRequest;
using protocol::Kind;
using protocol::Point;
using protocol::Scalar;

constexpr size_t kAttackSlots = 256;
constexpr uint64_t kLarge = 5000;

class GuardianSaltAttack : public ::testing::Test {
 protected:
  GuardianSaltAttack() {
    for (size_t i = 0; i < kAttackSlots; ++i) {
      const testing::Response made = loaded_.chip.make_slot(Kind::kCheque);
      handles_.push_back(handle_of(made));
      points_.push_back(point_of(made));
      commitments_.push_back(commitment_of(made));
    }
  }

  // The verdict on the payment of the large cheque. `rho_guess(i)` is what the wallet takes slot
  // i's ρ to be when it prepares.
  absl::Status run(const std::function<Bytes32(size_t)>& rho_guess) {
    prepare(rho_guess);
    // B = x1·G1 + x2·G2 + s·Σ λ_i·B_O,i, and a cheque over it.
    Point B = *protocol::linear_combination({{x1_, protocol::g1()}, {x2_, protocol::g2()}});
    for (size_t i = 0; i < kAttackSlots; ++i) {
      B = *protocol::add(B, *protocol::multiply(s_ * choices_[i].lambda, points_[i]));
    }
    const Point U = *protocol::multiply(u1_, protocol::g1());
    const Point m = *protocol::add(*protocol::add(loaded_.certificate.A_Q, U), protocol::g2());
    const protocol::Coin coin =
        market_.sign_coin(market_.cheque, *protocol::multiply(s_, m),
                          protocol::merkle_root(protocol::point_leaves(std::span(&B, 1))));
    const Bytes32 terms = market_.make_terms(kLarge).digest();
    protocol::Spend spend{.coin = 0,
                          .slot = 0,
                          .value = kLarge,
                          .tick_root = {},
                          .salt = protocol::to_bytes(market_.rng.array<32>()),
                          .B = B,
                          .path = {},
                          .r1 = {},
                          .r2 = {},
                          .tick = std::nullopt};
    const protocol::Denomination& denomination = market_.cheque.denomination;
    const Scalar d = protocol::challenge_of(denomination, coin, spend, terms);
    spend.r1 = s_ * collect(d) + d * u1_ * s_ + x1_;
    spend.r2 = d * s_ + x2_;
    const protocol::SpendCheck check{&denomination, &coin, &spend, terms};
    return protocol::check_spends(std::span(&check, 1))[0];
  }

  // ρ of slot i, read out of the memory as no wallet can.
  Bytes32 rho_of(size_t i) {
    Slot slot;
    EXPECT_TRUE(Records(loaded_.chip.memory()).load(i, slot));
    return slot.secret.rho;
  }

  testing::LoadedChip loaded_{"combination"};
  std::vector<Bytes32> commitments_;

 private:
  struct Choice {
    std::array<ChequeRequest, 2> requests;
    std::array<Scalar, 2> d;
    Scalar lambda;
  };

  void prepare(const std::function<Bytes32(size_t)>& rho_guess) {
    Scalar power = Scalar::from_u64(1);
    for (size_t i = 0; i < kAttackSlots; ++i) {
      Choice choice;
      for (size_t b = 0; b < 2; ++b) {
        choice.requests[b] = loaded_.cheque(1);
        choice.d[b] =
            protocol::spend_challenge(testing::kIssuerA, "EUR", 1, choice.requests[b].spend, 0, 0,
                                      {}, protocol::xor32(rho_guess(i), choice.requests[b].y));
      }
      choice.lambda = power * (choice.d[1] - choice.d[0]).inverse();
      choices_.push_back(choice);
      power = power + power;
    }
  }

  // Asks the guardian for 1 on each slot, and combines.
  Scalar collect(const Scalar& d) {
    Scalar rest = d;
    for (const Choice& choice : choices_) rest = rest - choice.lambda * choice.d[0];
    Scalar combined;
    for (size_t i = 0; i < kAttackSlots; ++i) {
      const bool bit = rest.bytes()[31 - i / 8] >> i % 8 & 1;
      const testing::Response answer =
          loaded_.chip.answer_cheque(handles_[i], choices_[i].requests[bit]);
      EXPECT_EQ(answer.word, 0x9000);
      combined = combined + choices_[i].lambda * *Scalar::decode(ByteView(answer.data).subspan(32));
    }
    return combined;
  }

  testing::Market market_{"combination"};
  std::vector<Bytes> handles_;
  std::vector<Point> points_;
  std::vector<Choice> choices_;
  Scalar u1_ = market_.rng.scalar(), s_ = market_.rng.scalar(), x1_ = market_.rng.scalar(),
         x2_ = market_.rng.scalar();
};

TEST_F(GuardianSaltAttack, WithKnownSaltsManySmallChequesMakeALargeOne) {
  const absl::Status verdict = run([&](size_t i) { return rho_of(i); });
  EXPECT_TRUE(verdict.ok()) << verdict << ": the attack is what the salt is there for";
  EXPECT_EQ(loaded_.euros(), testing::kLoaded - kAttackSlots);
}

TEST_F(GuardianSaltAttack, AgainstTheGuardiansSaltTheCombinationIsWorthless) {
  // All that a wallet has before it asks are the commitments.
  const absl::Status verdict = run([&](size_t i) { return commitments_[i]; });
  EXPECT_EQ(protocol::reason_of(verdict), "SPEND_INVALID");
}

// One salt that was not known spoils it.
TEST_F(GuardianSaltAttack, OneUnknownSaltSpoilsTheCombination) {
  const absl::Status verdict = run([&](size_t i) { return i == 137 ? Bytes32{} : rho_of(i); });
  EXPECT_EQ(protocol::reason_of(verdict), "SPEND_INVALID");
}

}  // namespace
}  // namespace cafe::guardian
