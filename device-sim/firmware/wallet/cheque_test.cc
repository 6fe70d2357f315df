// Cheques: real wallet, guardian and terminal firmware, and the attacks of section 5 on them.
#include <gtest/gtest.h>

#include <set>

#include "device-sim/firmware/wallet/money_fixture.h"
#include "libs/protocol/case_file.h"
#include "libs/protocol/hash.h"

namespace cafe::wallet {
namespace {

using guardian::Ins;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::Kind;
using protocol::Payment;
using protocol::reason_of;
using testing::kLoadedCents;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;
using testing::terms_of;
using testing::World;

class ChequeTest : public testing::MoneyTest {};

TEST_F(ChequeTest, BlankChequesCostNothing) {
  EXPECT_EQ(device_.owner.last_sums.at(0).amount, 1000u);  // the two coins
  EXPECT_EQ(balance().cheques, 3u);
  EXPECT_EQ(balance().cheques_up_to, 15'000u);
  EXPECT_EQ(balance().counter, kLoadedCents);
  EXPECT_EQ(balance().amount, 1000u);
  const Bytes open = *wallet().start_order({{world_.cheque.id, 7}}, kWorldNow_s);
  EXPECT_EQ(device_.owner.last_sums.at(0).amount, 0u);
  const Bytes order = *wallet().on_open_answer(*issuer_.open(open), kWorldNow_s);
  const auto withdrawn = wallet().on_completion(*issuer_.complete(order));
  ASSERT_TRUE(withdrawn.ok()) << withdrawn.status();
  EXPECT_TRUE(withdrawn->debits_as_ordered);
  EXPECT_EQ(withdrawn->coins, 7u);
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(balance().cheques, 10u);
  EXPECT_EQ(balance().counter, kLoadedCents);
  EXPECT_EQ(guardian_slots(), 12u);
}

TEST_F(ChequeTest, PaysWhatCoinsDoNot) {
  const auto payment = pay(offer(1234));
  ASSERT_TRUE(payment.ok()) << payment.status();
  EXPECT_EQ(till_refuses(*payment), "");
  EXPECT_EQ(wallet().payments().at(0).state, PaymentState::kAccepted);
  EXPECT_EQ(wallet().payments().at(0).kind, PaymentKind::kBill);
  const Payment decoded = *Payment::decode(*payment);
  uint64_t by_cheque = 0;
  for (const auto& spend : decoded.spends) {
    if (!spend.salt.empty()) by_cheque += spend.value;
  }
  EXPECT_GT(by_cheque, 0u);
  EXPECT_EQ(device_.counter(), kLoadedCents - by_cheque);
  EXPECT_EQ(balance().counter, kLoadedCents - by_cheque);
  EXPECT_FALSE(decoded.identification.has_value());
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(balance().counter, kLoadedCents - by_cheque);
  EXPECT_EQ(balance().cheques, 2u);
}

TEST_F(ChequeTest, PaysNoMoreThanTheCounterHolds) {
  // Two cheques could be written out for 9,000; the counter and the coins hold 7,000.
  EXPECT_EQ(reason_of(pay(offer(9000)).status()), "AMOUNT_NOT_PAYABLE");
  EXPECT_TRUE(wallet().payments().empty());
  EXPECT_EQ(device_.owner.payments_asked, 0);
  ASSERT_TRUE(pay(offer(7000)).ok());
  EXPECT_EQ(device_.counter(), 0u);
  EXPECT_EQ(reason_of(pay(offer(1)).status()), "AMOUNT_NOT_PAYABLE");
}

// [guard] The whole request is durable before the guardian is asked, and the same after a restart.
TEST_F(ChequeTest, StoresTheWholeRequestBeforeTheGuardianIsAsked) {
  std::vector<Command> log;
  listen(log, true);
  const Bytes bill = offer(4321);
  const Bytes payment = *pay(bill);
  ASSERT_EQ(count(log, Ins::kAnswerCheque), 1u);
  const Command asked = *std::find_if(log.begin(), log.end(),
                                      [](const Command& c) { return c.ins == Ins::kAnswerCheque; });
  // The power fails at the very moment at which the guardian was asked.
  log.clear();
  go_back_to(asked);
  ASSERT_EQ(wallet().payments().size(), 1u);
  EXPECT_EQ(wallet().payments()[0].state, PaymentState::kPromised);
  // The cheque has no other use than this.
  EXPECT_EQ(balance().cheques, 2u);
  EXPECT_EQ(*pay(bill), payment);
  ASSERT_EQ(count(log, Ins::kAnswerCheque), 1u);
  const auto again = std::find_if(log.begin(), log.end(),
                                  [](const Command& c) { return c.ins == Ins::kAnswerCheque; });
  EXPECT_EQ(again->data, asked.data);
  EXPECT_EQ(device_.counter(), kLoadedCents - 4321);
}

// [guard] y is fresh for each cheque: otherwise the guardian would choose the salt.
TEST_F(ChequeTest, DrawsItsHalfOfTheSaltAnew) {
  std::vector<Command> log;
  listen(log);
  ASSERT_TRUE(pay(offer(11)).ok());
  ASSERT_TRUE(pay(offer(11)).ok());
  std::vector<Bytes32> ys;
  for (const Command& command : log) {
    if (command.ins != Ins::kAnswerCheque) continue;
    const protocol::ByteView request = protocol::ByteView(command.data).subspan(4);
    ys.push_back(protocol::ChequeRequest::decode(request)->y);
  }
  ASSERT_EQ(ys.size(), 2u);
  EXPECT_NE(ys[0], ys[1]);
}

// A guardian that chooses ρ when it sees the request could hide a message in the salt. It is the
// real guardian of this wallet that does so here, with an answer that fits its salt.
TEST_F(ChequeTest, RefusesASaltThatWasNotCommittedTo) {
  const auto secrets = guardian_secrets(
      {Kind::kCoin, Kind::kCheque, Kind::kCheque, Kind::kCheque, Kind::kCoin, Kind::kCoin});
  int lies = 0;
  bool lying = true;
  device_.chip.tamper = [&](protocol::ByteView bytes, protocol::MutableByteView response) {
    firmware::Command command{};
    ASSERT_TRUE(firmware::parse_command(bytes, command));
    if (command.ins != static_cast<uint8_t>(Ins::kAnswerCheque) || !lying) return;
    ASSERT_EQ(response.size(), 66u);
    const auto request = *protocol::ChequeRequest::decode(command.data.subspan(4));
    const auto slot = std::find_if(secrets.slots.begin(), secrets.slots.end(), [&](const auto& s) {
      return std::equal(s.rho.begin(), s.rho.end(), response.begin());
    });
    ASSERT_NE(slot, secrets.slots.end());
    Bytes32 rho = slot->rho;
    rho[31] ^= 1;
    const auto challenge = [&](const Bytes32& of) {
      return protocol::spend_challenge(request.issuer_id, request.currency, request.value,
                                       request.spend, 0, 0, {}, protocol::xor32(of, request.y));
    };
    // Its honest answer is as expected, so the other one would pass all checks but one.
    const auto honest =
        protocol::guardian_answer(secrets.keys.o_cheque, slot->o2, challenge(slot->rho));
    ASSERT_TRUE(std::equal(response.begin() + 32, response.end() - 2, honest.bytes().begin()));
    const auto answer = protocol::guardian_answer(secrets.keys.o_cheque, slot->o2, challenge(rho));
    const auto bytes_of_answer = answer.bytes();
    std::copy(rho.begin(), rho.end(), response.begin());
    std::copy(bytes_of_answer.begin(), bytes_of_answer.end(), response.begin() + 32);
    ++lies;
  };
  const Bytes bill = offer(4321);
  EXPECT_EQ(reason_of(pay(bill).status()), "GUARDIAN_WRONG");
  EXPECT_EQ(lies, 1);
  EXPECT_FALSE(wallet().payment_bytes(terms_of(bill).digest()).ok());
  lying = false;
  EXPECT_TRUE(pay(bill).ok());
}

TEST_F(ChequeTest, SendsNothingOfAWrongAnswer) {
  device_.chip.tamper = [](protocol::ByteView command, protocol::MutableByteView response) {
    if (command[1] == static_cast<uint8_t>(Ins::kAnswerCheque)) response[63] ^= 1;
  };
  const Bytes bill = offer(4321);
  EXPECT_EQ(reason_of(pay(bill).status()), "GUARDIAN_WRONG");
  EXPECT_FALSE(wallet().payment_bytes(terms_of(bill).digest()).ok());
  EXPECT_EQ(balance().cheques, 2u);  // the cheque stays bound to these terms
  device_.chip.tamper = nullptr;
  EXPECT_EQ(till_refuses(*pay(bill)), "");
}

// The time on the wire is that of the slots, however long the guardian takes.
TEST_F(ChequeTest, SendsAtATimeThatDependsOnTheSlotsAlone) {
  EXPECT_EQ(wallet().on_offer(offer(321), kWorldNow_ms)->send_at_ms, kWorldNow_ms + kAnswerTime_ms);
  EXPECT_EQ(wallet().on_offer(offer(5500), kWorldNow_ms)->send_at_ms,
            kWorldNow_ms + 2 * kAnswerTime_ms);
}

// [guard] An honest wallet whose guardian forgets: its memory is put back to before each cheque.
// The wallet never asks with another request and never sends a second answer.
TEST_F(ChequeTest, AForgetfulGuardianConvictsNobody) {
  const Bytes chip_before = device_.chip.memory().snapshot();
  const Bytes bill = offer(4321);
  const Bytes payment = *pay(bill);
  const auto forget = [&] {
    device_.chip.memory().restore(chip_before);
    ASSERT_TRUE(device_.restart().ok());
  };
  forget();
  std::vector<Command> log;
  listen(log);
  // The same bill gets the stored bytes; the guardian is not even asked.
  EXPECT_EQ(*pay(bill), payment);
  EXPECT_EQ(count(log, Ins::kAnswerCheque), 0u);
  // Other bills get other cheques, and no more than the books allow, whatever the guardian says.
  EXPECT_EQ(device_.counter(), kLoadedCents);
  EXPECT_EQ(balance().counter, kLoadedCents - 4321);
  const Payment first = *Payment::decode(payment);
  const auto second = pay(offer(2679));
  ASSERT_TRUE(second.ok()) << second.status();
  const Payment other = *Payment::decode(*second);
  for (const auto& coin : other.coins) {
    for (const auto& spent : first.coins) EXPECT_NE(coin.id(), spent.id());
  }
  EXPECT_EQ(reason_of(pay(offer(1)).status()), "AMOUNT_NOT_PAYABLE");
}

// [guard] The same while the request is stored and its answer never came.
TEST_F(ChequeTest, AsksAForgetfulGuardianWithTheSameRequestOnly) {
  const Bytes chip_before = device_.chip.memory().snapshot();
  device_.chip.tamper = [](protocol::ByteView command, protocol::MutableByteView response) {
    if (command[1] == static_cast<uint8_t>(Ins::kAnswerCheque)) response[63] ^= 1;
  };
  const Bytes bill = offer(4321);
  ASSERT_FALSE(pay(bill).ok());
  device_.chip.memory().restore(chip_before);
  ASSERT_TRUE(device_.restart().ok());
  std::vector<Command> log;
  listen(log);
  const Bytes payment = *pay(bill);
  EXPECT_EQ(till_refuses(payment), "");
  device_.chip.memory().restore(chip_before);
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(*pay(bill), payment);
  EXPECT_EQ(count(log, Ins::kAnswerCheque), 1u);
}

// A cheating owner with a real guardian: she reads her wallet out and asks it herself, or forgets.
TEST_F(ChequeTest, ACheatingWalletGetsOneAnswerForACheque) {
  const Bytes before = device_.memory.snapshot();
  const Bytes first = *pay(offer(4321));
  const uint64_t left = device_.counter();
  EXPECT_EQ(left, kLoadedCents - 4321);
  // Her wallet forgets that it paid. The guardian has freed the slot, so that the cheque is worth
  // nothing, and its counter does not come back for other cheques.
  device_.memory.restore(before);
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(balance().counter, kLoadedCents);
  std::set<std::string> reasons;
  for (int i = 0; i < 3; ++i) {
    const auto second = pay(offer(2000));
    if (!second.ok()) reasons.insert(reason_of(second.status()));
  }
  EXPECT_EQ(reasons, (std::set<std::string>{"COUNTER_TOO_LOW", "SLOT_UNKNOWN"}));
  EXPECT_EQ(device_.counter(), left);
}

// With a broken guardian, both memories put back, she writes one cheque out twice; both payments
// are valid, and together they name her.
TEST_F(ChequeTest, AChequeWrittenOutTwiceConvicts) {
  const Bytes wallet_copy = device_.memory.snapshot();
  const Bytes chip_copy = device_.chip.memory().snapshot();
  const Bytes first_bytes = *pay(offer(4321));
  device_.memory.restore(wallet_copy);
  device_.chip.memory().restore(chip_copy);
  ASSERT_TRUE(device_.restart().ok());
  const Bytes second_bytes = *pay(offer(4400));
  ASSERT_TRUE(check(first_bytes, world_.table).ok());
  ASSERT_TRUE(check(second_bytes, world_.table).ok());
  const auto cheque_in = [&](const Bytes& bytes, protocol::CoinId& id) {
    const Payment payment = *Payment::decode(bytes);
    for (const auto& spend : payment.spends) {
      if (spend.salt.empty()) continue;
      id = payment.coins[spend.coin].id();
      const auto d = protocol::challenge_of(world_.cheque.denomination, payment.coins[spend.coin],
                                            spend, payment.terms.digest());
      return protocol::SpendTrace{d, spend.r1, spend.r2};
    }
    ADD_FAILURE() << "no cheque";
    return protocol::SpendTrace{};
  };
  protocol::CoinId first_id, second_id;
  const auto first = cheque_in(first_bytes, first_id);
  const auto second = cheque_in(second_bytes, second_id);
  ASSERT_EQ(first_id, second_id);
  const auto secret = protocol::extract_secret(first, second);
  ASSERT_TRUE(secret.ok()) << secret.status();
  const auto I = protocol::multiply(*secret, protocol::g1());
  ASSERT_TRUE(I.has_value());
  EXPECT_EQ(issuer_.account_of(*I), *wallet().account());
}

}  // namespace
}  // namespace cafe::wallet
