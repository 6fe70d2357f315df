// The attacks of section 6: guardians that lie, choose late and forget, against a real wallet.
#include <gtest/gtest.h>

#include "device-sim/firmware/wallet/call_fixture.h"
#include "libs/protocol/ticks.h"

namespace cafe::wallet {
namespace {

using guardian::Ins;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::Kind;
using protocol::reason_of;
using testing::kLoadedCents;
using testing::kMost;
using testing::kTick;
using testing::kWorldNow_ms;

using CallAttackTest = testing::CallTest;

// [guard] The guardian's points are out, and the whole request with the root over them is durable,
// before it learns y_seed.
TEST_F(CallAttackTest, GivesTheSeedLast) {
  std::vector<Command> log;
  listen(log, true);
  const Bytes offer = call_offer();
  const Bytes payment = *open(offer);
  std::vector<Ins> order;
  for (const Command& command : log) order.push_back(command.ins);
  // 40 points, 15 at a time.
  EXPECT_EQ(order, (std::vector<Ins>{Ins::kDrawTicks, Ins::kTickPoints, Ins::kTickPoints,
                                     Ins::kTickPoints, Ins::kAnswerTicks}));
  const Command asked = log.back();
  const auto request = *protocol::TickRequest::decode(ByteView(asked.data).subspan(4));
  for (const Command& command : log) {
    const bool has_seed =
        std::search(command.data.begin(), command.data.end(), request.y_seed.begin(),
                    request.y_seed.end()) != command.data.end();
    EXPECT_EQ(has_seed, command.ins == Ins::kAnswerTicks);
  }
  // The power fails as the guardian is asked: afterwards it is asked with the same request, draws
  // nothing anew, and the payment is the same.
  log.clear();
  go_back_to(asked);
  EXPECT_EQ(past().state, PaymentState::kPromised);
  EXPECT_EQ(balance().counter, kLoadedCents - kMost * kTick);
  EXPECT_EQ(*open(offer), payment);
  EXPECT_EQ(count(log, Ins::kDrawTicks), 0u);
  ASSERT_EQ(count(log, Ins::kAnswerTicks), 1u);
  for (const Command& command : log) {
    if (command.ins == Ins::kAnswerTicks) {
      EXPECT_EQ(command.data, asked.data);
    }
  }
}

// [guard] A guardian that chooses its ticks after it has seen y_seed could hide a message in the
// root and in every t'. It is the real guardian of this wallet that does so, with an answer that
// fits its root.
TEST_F(CallAttackTest, RefusesTicksThatWereChosenAfterTheSeed) {
  const auto secrets = guardian_secrets({Kind::kCoin, Kind::kCheque, Kind::kCheque, Kind::kCheque});
  int lies = 0;
  device_.chip.tamper = [&](ByteView bytes, protocol::MutableByteView response) {
    firmware::Command command{};
    ASSERT_TRUE(firmware::parse_command(bytes, command));
    if (command.ins != static_cast<uint8_t>(Ins::kAnswerTicks)) return;
    ASSERT_EQ(response.size(), 98u);
    const auto request = *protocol::TickRequest::decode(command.data.subspan(4));
    const auto slot = std::find_if(secrets.slots.begin(), secrets.slots.end(), [&](const auto& s) {
      return std::equal(s.rho.begin(), s.rho.end(), response.begin());
    });
    ASSERT_NE(slot, secrets.slots.end());
    std::vector<protocol::Point> P;
    for (uint32_t i = 0; i < request.tick_count; ++i) {
      P.push_back(*protocol::multiply(protocol::Scalar::from_u64(1000 + i), protocol::g1()));
    }
    const Bytes32 root = protocol::tick_root(*protocol::blind_tick_points(P, request.y_seed));
    const auto d = protocol::spend_challenge(request.issuer_id, request.currency, 0, request.spend,
                                             request.tick_value, request.tick_count, root,
                                             protocol::xor32(slot->rho, request.y));
    const auto answer = protocol::guardian_answer(secrets.keys.o_cheque, slot->o2, d).bytes();
    std::copy(root.begin(), root.end(), response.begin() + 32);
    std::copy(answer.begin(), answer.end(), response.begin() + 64);
    ++lies;
  };
  const Bytes offer = call_offer();
  EXPECT_EQ(reason_of(open(offer).status()), "GUARDIAN_WRONG");
  EXPECT_EQ(lies, 1);
  EXPECT_FALSE(wallet().payment_bytes(terms_of(offer)).ok());
  device_.chip.tamper = nullptr;
  EXPECT_TRUE(open(offer).ok());
}

TEST_F(CallAttackTest, SendsNothingOfAWrongAnswerToTheOpening) {
  for (size_t byte : {5u, 40u, 70u}) {  // of ρ, of the root, of the answer
    device_.chip.tamper = [byte](ByteView command, protocol::MutableByteView response) {
      if (command[1] == static_cast<uint8_t>(Ins::kAnswerTicks)) response[byte] ^= 1;
    };
    const Bytes offer = call_offer(1, 10);
    EXPECT_EQ(reason_of(open(offer).status()), "GUARDIAN_WRONG") << byte;
    EXPECT_FALSE(wallet().payment_bytes(terms_of(offer)).ok());
  }
}

TEST_F(CallAttackTest, SendsNoWrongTick) {
  const Bytes32 terms = talk(call_offer());
  ASSERT_TRUE(tick(terms, 0).ok());
  device_.chip.tamper = [](ByteView command, protocol::MutableByteView response) {
    if (command[1] == static_cast<uint8_t>(Ins::kReleaseTick)) response[31] ^= 1;
  };
  EXPECT_EQ(tick_refused(terms, 1), "GUARDIAN_WRONG");
  EXPECT_EQ(past().ticks, 1u);
  device_.chip.tamper = nullptr;
  // The guardian has taken it from its counter; it is released again for nothing.
  EXPECT_EQ(device_.counter(), kLoadedCents - 2 * kTick);
  ASSERT_TRUE(tick(terms, 1).ok());
  EXPECT_EQ(device_.counter(), kLoadedCents - 2 * kTick);
  ASSERT_TRUE(wallet().hang_up(terms).ok());
  EXPECT_EQ(balance().counter, device_.counter());
}

// The books never show more than the guardian's counter holds: a tick that it may have taken
// without its being sent counts as taken once the call is over.
TEST_F(CallAttackTest, CountsATickInDoubtAsTaken) {
  const Bytes32 terms = talk(call_offer());
  ASSERT_TRUE(tick(terms, 0).ok());
  device_.chip.tamper = [](ByteView command, protocol::MutableByteView response) {
    if (command[1] == static_cast<uint8_t>(Ins::kReleaseTick)) response[31] ^= 1;
  };
  EXPECT_EQ(tick_refused(terms, 1), "GUARDIAN_WRONG");
  device_.chip.tamper = nullptr;
  ASSERT_TRUE(wallet().hang_up(terms).ok());
  EXPECT_EQ(balance().counter, device_.counter());
}

// After a start the points come from the guardian again: others than before would be its choice.
TEST_F(CallAttackTest, RefusesOtherPointsAfterARestart) {
  const Bytes offer = call_offer();
  const Bytes32 terms = talk(offer);
  ASSERT_TRUE(tick(terms, 0).ok());
  ASSERT_TRUE(device_.restart().ok());
  const Bytes other = protocol::to_bytes(
      protocol::multiply(protocol::Scalar::from_u64(77), protocol::g1())->bytes());
  device_.chip.tamper = [&](ByteView command, protocol::MutableByteView response) {
    if (command[1] != static_cast<uint8_t>(Ins::kTickPoints)) return;
    std::copy(other.begin(), other.end(), response.begin());
  };
  EXPECT_EQ(tick_refused(terms, 1), "GUARDIAN_WRONG");
  EXPECT_EQ(reason_of(open(offer).status()), "GUARDIAN_WRONG");
  device_.chip.tamper = nullptr;
  EXPECT_TRUE(tick(terms, 1).ok());
}

// [guard] A guardian that forgets the opening cannot make the wallet open it a second time.
TEST_F(CallAttackTest, AForgetfulGuardianConvictsNobody) {
  const Bytes chip_before = device_.chip.memory().snapshot();
  const Bytes offer = call_offer();
  const Bytes payment = *open(offer);
  EXPECT_EQ(till_refuses(payment), "");
  device_.chip.memory().restore(chip_before);
  ASSERT_TRUE(device_.restart().ok());
  std::vector<Command> log;
  listen(log);
  EXPECT_FALSE(tick(terms_of(offer), 0).ok());
  EXPECT_FALSE(open(offer).ok());
  EXPECT_EQ(*wallet().payment_bytes(terms_of(offer)), payment);
  EXPECT_EQ(count(log, Ins::kAnswerTicks), 0u);
  EXPECT_EQ(count(log, Ins::kDrawTicks), 0u);
}

// [guard] The same where the request is stored and its answer never came: there is one root only.
TEST_F(CallAttackTest, DrawsNoTicksAnewForAStoredRequest) {
  const Bytes chip_before = device_.chip.memory().snapshot();
  device_.chip.tamper = [](ByteView command, protocol::MutableByteView response) {
    if (command[1] == static_cast<uint8_t>(Ins::kAnswerTicks)) response[70] ^= 1;
  };
  const Bytes offer = call_offer();
  ASSERT_FALSE(open(offer).ok());
  device_.chip.tamper = nullptr;
  device_.chip.memory().restore(chip_before);
  ASSERT_TRUE(device_.restart().ok());
  std::vector<Command> log;
  listen(log);
  EXPECT_EQ(reason_of(open(offer).status()), "GUARDIAN_REFUSED");
  EXPECT_EQ(count(log, Ins::kDrawTicks), 0u);
}

TEST_F(CallAttackTest, SendsAtTimesThatDependOnTheWorkAlone) {
  const Bytes offer = call_offer();
  EXPECT_EQ(wallet().on_call_offer(offer, kWorldNow_ms)->send_at_ms,
            kWorldNow_ms + kAnswerTime_ms + kMost / kOpenedTicksPer_ms);
  EXPECT_EQ(till_refuses(*wallet().payment_bytes(terms_of(offer))), "");
  const auto at = [&](uint32_t index) {
    return wallet().on_tick_demand(demand(terms_of(offer), index), kWorldNow_ms)->send_at_ms;
  };
  EXPECT_EQ(at(0), kWorldNow_ms + kAnswerTime_ms);
  EXPECT_EQ(at(1), kWorldNow_ms + kAnswerTime_ms);
  EXPECT_EQ(at(0), kWorldNow_ms + kAnswerTime_ms);
}

}  // namespace
}  // namespace cafe::wallet
