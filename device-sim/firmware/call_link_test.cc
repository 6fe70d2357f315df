// Calls over the link: wallet, guardian and terminal firmware, with lines that are cut anywhere.
#include "device-sim/firmware/pos/contact.h"
#include "device-sim/firmware/testing/caller.h"
#include "device-sim/firmware/wallet/contact.h"
#include "device-sim/firmware/wallet/money_fixture.h"
#include "device-sim/link/lossy_medium.h"

namespace cafe {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::reason_of;
using testing::kLoadedCents;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;
using testing::terms_of;
using AtTill = pos::ContactResult;
using AtWallet = wallet::ContactResult;

constexpr uint64_t kTick = 20;

enum class Who { kTerminal, kWallet, kNobody };

struct Talk {
  uint32_t ticks = 3;  // after which
  Who hangs_up = Who::kTerminal;
  uint32_t tick_interval_ms = 0;
};

struct Meeting {
  AtWallet wallet;
  AtTill terminal;
  uint32_t ticks_sent, ticks_taken;
  uint64_t took_ms;
  absl::Status wallet_error, terminal_error;
};

class CallLinkTest : public testing::MoneyTest {
 protected:
  Bytes call_offer(uint32_t count = 40) {
    return *till_.terminal->make_call_offer("EUR", kTick, count, "10 s", kWorldNow_ms);
  }
  // Holds the two together until both are done, or a minute has passed.
  Meeting meet(link::LossyMedium& medium, const Bytes& opening, uint32_t session,
               const Talk& talk = {}) {
    const link::LinkOptions options{.max_retries = 60, .idle_ms = 20'000};
    const Bytes32 terms = terms_of(opening).digest();
    pos::Contact at_till(*till_.terminal, medium.a(), session, opening, options,
                         talk.tick_interval_ms);
    wallet::Contact at_wallet(wallet(), medium.b(), options);
    uint64_t t = 0;
    for (; t < 60'000; t += 5) {
      if (ticks_at_till(terms) >= talk.ticks && talk.hangs_up == Who::kTerminal) at_till.hang_up();
      if (ticks_of_wallet() >= talk.ticks && talk.hangs_up == Who::kWallet) at_wallet.hang_up();
      at_till.tick(kWorldNow_ms + t);
      at_wallet.tick(kWorldNow_ms + t);
      if (at_till.result() != AtTill::kRunning && at_wallet.result() != AtWallet::kRunning) break;
    }
    return {at_wallet.result(), at_till.result(), at_wallet.ticks(), at_till.ticks(), t,
            at_wallet.error(),  at_till.error()};
  }
  Meeting meet_again(const Bytes& opening, const Talk& talk = {}) {
    link::LossyMedium medium("again", {});
    return meet(medium, *till_.terminal->repeat_offer(terms_of(opening).digest(), kWorldNow_ms), 2,
                talk);
  }
  uint32_t ticks_at_till(const Bytes32& terms) {
    const auto call = till_.terminal->call(terms);
    return call.ok() ? call->ticks : 0;
  }
  uint32_t ticks_of_wallet() {
    const auto past = wallet().payments();
    return past.empty() ? 0 : past.back().ticks;
  }
  void expect_ended(const Meeting& meeting, uint32_t ticks, const Bytes& opening) {
    ASSERT_EQ(meeting.wallet, AtWallet::kEnded) << meeting.wallet_error;
    ASSERT_EQ(meeting.terminal, AtTill::kEnded) << meeting.terminal_error;
    const Bytes32 terms = terms_of(opening).digest();
    ASSERT_EQ(ticks_at_till(terms), ticks);
    ASSERT_EQ(wallet().payments().back().state, wallet::PaymentState::kEnded);
    ASSERT_EQ(*wallet().call_end(terms), *till_.terminal->end_call(terms, kWorldNow_ms));
  }
  // What the acquirer would find the call's deposit to be worth.
  uint64_t deposited() {
    const auto batch = *till_.terminal->next_deposit();
    if (!batch || batch->payments.size() != 1) return 0;
    const auto payment = *protocol::Payment::decode(batch->payments[0]);
    EXPECT_TRUE(check(batch->payments[0], till_.terminal->denominations()).ok());
    return protocol::worth_of(payment.spends[0]);
  }
  // All memories as they are now, to start from again.
  struct World {
    Bytes wallet, chip, till;
  };
  World save() {
    return {device_.memory.snapshot(), device_.chip.memory().snapshot(), till_.memory.snapshot()};
  }
  void restart() {
    ASSERT_TRUE(device_.restart().ok());
    ASSERT_TRUE(till_.restart().ok());
  }
  void put_back(const World& world) {
    device_.memory.restore(world.wallet);
    device_.chip.memory().restore(world.chip);
    till_.memory.restore(world.till);
    restart();
    device_.owner.calls_asked = 0;
  }
};

TEST_F(CallLinkTest, ThePayeeHangsUp) {
  const Bytes opening = call_offer();
  link::LossyMedium medium("perfect", {});
  const Meeting meeting = meet(medium, opening, 1, {.ticks = 5});
  expect_ended(meeting, 5, opening);
  EXPECT_EQ(meeting.ticks_sent, 5u);
  EXPECT_EQ(meeting.ticks_taken, 5u);
  EXPECT_EQ(device_.counter(), kLoadedCents - 5 * kTick);
  EXPECT_EQ(deposited(), 5 * kTick);
}

TEST_F(CallLinkTest, TheWalletHangsUp) {
  const Bytes opening = call_offer();
  link::LossyMedium medium("perfect", {});
  expect_ended(meet(medium, opening, 1, {.ticks = 4, .hangs_up = Who::kWallet}), 4, opening);
  EXPECT_EQ(device_.counter(), kLoadedCents - 4 * kTick);
  EXPECT_EQ(deposited(), 4 * kTick);
}

TEST_F(CallLinkTest, EndsWithItsLastTick) {
  const Bytes opening = call_offer(3);
  link::LossyMedium medium("perfect", {});
  expect_ended(meet(medium, opening, 1, {.hangs_up = Who::kNobody}), 3, opening);
  EXPECT_EQ(deposited(), 3 * kTick);
}

TEST_F(CallLinkTest, TicksComeAtTheTerminalsPace) {
  const Bytes opening = call_offer(6);
  link::LossyMedium medium("paced", {});
  const Meeting meeting =
      meet(medium, opening, 1, {.hangs_up = Who::kNobody, .tick_interval_ms = 4000});
  expect_ended(meeting, 6, opening);
  // The first at once, five more, and the next demand finds nothing left.
  EXPECT_GE(meeting.took_ms, 6u * 4000);
  EXPECT_LT(meeting.took_ms, 6u * 4000 + 500);
}

TEST_F(CallLinkTest, NothingIsOpenedWhereTheOwnerDeclines) {
  device_.owner.willing = false;
  const Bytes opening = call_offer();
  link::LossyMedium medium("declined", {});
  const Meeting meeting = meet(medium, opening, 1);
  EXPECT_EQ(meeting.wallet, AtWallet::kDeclined);
  EXPECT_EQ(reason_of(meeting.wallet_error), "OWNER_DECLINED");
  EXPECT_EQ(meeting.terminal, AtTill::kCut);
  EXPECT_TRUE(till_.terminal->running_calls().empty());
}

TEST_F(CallLinkTest, TalksOverABadLink) {
  const Bytes opening = call_offer();
  link::LossyMedium medium("bad", {.drop = 200, .duplicate = 200, .corrupt = 150, .reorder = 150});
  expect_ended(meet(medium, opening, 1, {.ticks = 6}), 6, opening);
  EXPECT_EQ(device_.counter(), kLoadedCents - 6 * kTick);
}

// The line is cut after every number of transmissions that a call takes, both devices lose their
// power, and are held together again: the call goes on after the last tick that the terminal holds,
// and no tick is paid twice.
TEST_F(CallLinkTest, GoesOnAfterACutAnywhere) {
  const Bytes opening = call_offer(10);
  const World before = save();
  link::LossyMedium rehearsal("rehearsal", {});
  expect_ended(meet(rehearsal, opening, 1), 3, opening);
  for (uint64_t cut = 0; cut < rehearsal.transmissions(); ++cut) {
    put_back(before);
    link::LossyMedium medium("cut", {});
    medium.cut_after(cut);
    meet(medium, opening, 1);
    restart();
    expect_ended(meet_again(opening), 3, opening);
    if (HasFatalFailure()) FAIL() << "cut after " << cut;
    EXPECT_EQ(device_.owner.calls_asked, 1) << cut;
    EXPECT_EQ(device_.counter(), kLoadedCents - 3 * kTick) << cut;
    EXPECT_EQ(balance().counter, device_.counter()) << cut;
    EXPECT_EQ(deposited(), 3 * kTick) << cut;
  }
}

// The same where the wallet hangs up. A wallet that has hung up pays nothing more; what it released
// last may have been lost with the line, and costs the payee that one tick at most.
TEST_F(CallLinkTest, HangsUpOnceWhereverTheLineIsCut) {
  const Talk talk{.ticks = 2, .hangs_up = Who::kWallet};
  const Bytes opening = call_offer(10);
  const World before = save();
  link::LossyMedium rehearsal("rehearsal", {});
  expect_ended(meet(rehearsal, opening, 1, talk), 2, opening);
  for (uint64_t cut = 0; cut < rehearsal.transmissions(); ++cut) {
    put_back(before);
    link::LossyMedium medium("cut", {});
    medium.cut_after(cut);
    meet(medium, opening, 1, talk);
    restart();
    const Meeting meeting = meet_again(opening, talk);
    const uint32_t taken = ticks_at_till(terms_of(opening).digest());
    expect_ended(meeting, taken, opening);
    if (HasFatalFailure()) FAIL() << "cut after " << cut;
    EXPECT_GE(taken + 1, ticks_of_wallet()) << cut;
    EXPECT_LE(taken, ticks_of_wallet()) << cut;
    EXPECT_EQ(device_.counter(), kLoadedCents - ticks_of_wallet() * kTick) << cut;
    EXPECT_EQ(deposited(), taken * kTick) << cut;
  }
}

// Hung up while the devices were apart: the terminal hears of it the next time.
TEST_F(CallLinkTest, TellsTheTerminalLater) {
  const Bytes opening = call_offer();
  const Bytes32 terms = terms_of(opening).digest();
  {
    link::LossyMedium medium("cut", {});
    medium.cut_after(60);
    meet(medium, opening, 1, {.hangs_up = Who::kNobody});
  }
  const uint32_t before = ticks_at_till(terms);
  ASSERT_GT(before, 0u);
  ASSERT_TRUE(till_.terminal->call(terms)->running);
  ASSERT_TRUE(wallet().hang_up(terms).ok());
  expect_ended(meet_again(opening), before, opening);
}

// [guard] A guardian that takes its time for a tick says nothing by it: the line goes dead, and the
// tick comes the next time.
TEST_F(CallLinkTest, ALateGuardianIsNotHeardOnTheLine) {
  const Bytes opening = call_offer();
  const Bytes32 terms = terms_of(opening).digest();
  link::LossyMedium medium("late", {});
  pos::Contact at_till(*till_.terminal, medium.a(), 1, opening);
  wallet::Contact at_wallet(wallet(), medium.b());
  uint64_t now_ms = kWorldNow_ms;
  while (ticks_of_wallet() < 3) {
    at_till.tick(now_ms);
    at_wallet.tick(now_ms);
    now_ms += 5;
  }
  now_ms += 10'000;  // as long as the guardian took for the third
  for (int i = 0; i < 100; ++i, now_ms += 5) {
    at_wallet.tick(now_ms);
    at_till.tick(now_ms);
  }
  EXPECT_EQ(at_wallet.result(), AtWallet::kCut);
  EXPECT_EQ(ticks_at_till(terms), 2u);
  EXPECT_EQ(device_.counter(), kLoadedCents - 3 * kTick);
  expect_ended(meet_again(opening, {.ticks = 3}), 3, opening);
  EXPECT_EQ(device_.counter(), kLoadedCents - 3 * kTick);
}

// What was asked for is paid for: the payee takes it before it hangs up, at whatever moment.
TEST_F(CallLinkTest, ThePayeeTakesATickOnItsWayBeforeItHangsUp) {
  const Bytes opening = call_offer();
  const World before = save();
  for (uint64_t at_ms = 0; at_ms < 400; at_ms += 5) {
    put_back(before);
    link::LossyMedium medium("hurried", {});
    pos::Contact at_till(*till_.terminal, medium.a(), 1, opening);
    wallet::Contact at_wallet(wallet(), medium.b());
    for (uint64_t t = 0; t < 2000; t += 5) {
      at_till.tick(kWorldNow_ms + t);
      at_wallet.tick(kWorldNow_ms + t);
      if (t == at_ms) at_till.hang_up();
    }
    ASSERT_EQ(at_till.result(), AtTill::kEnded) << at_ms;
    ASSERT_EQ(at_wallet.result(), AtWallet::kEnded) << at_ms;
    EXPECT_EQ(device_.counter(), kLoadedCents - at_till.ticks() * kTick) << at_ms;
    EXPECT_EQ(ticks_of_wallet(), at_till.ticks()) << at_ms;
  }
}

// A tick that the wallet does not get from its guardian ends the call on both sides.
TEST_F(CallLinkTest, HangsUpOnAWrongGuardian) {
  const Bytes opening = call_offer();
  int released = 0;
  device_.chip.tamper = [&](protocol::ByteView command, protocol::MutableByteView response) {
    if (command[1] == static_cast<uint8_t>(guardian::Ins::kReleaseTick) && ++released == 3) {
      response[20] ^= 1;
    }
  };
  link::LossyMedium medium("wrong", {});
  const Meeting meeting = meet(medium, opening, 1, {.hangs_up = Who::kNobody});
  expect_ended(meeting, 2, opening);
  EXPECT_EQ(reason_of(meeting.wallet_error), "GUARDIAN_WRONG");
}

// --- One side that does not keep to the rules ---

// Speaks for the side that cheats, one message at a time.
class Cheat {
 public:
  explicit Cheat(link::Endpoint endpoint) : endpoint_(std::move(endpoint)) {}
  void say(Bytes message) { ASSERT_TRUE(endpoint_.send(std::move(message)).ok()); }
  // The next message that comes while `other` is driven.
  template <typename Contact>
  Bytes hear(Contact& other) {
    for (int i = 0; i < 1000; ++i, now_ms_ += 5) {
      endpoint_.tick(now_ms_);
      other.tick(now_ms_);
      if (auto message = endpoint_.receive()) return *std::move(message);
    }
    return {};
  }

 private:
  link::Endpoint endpoint_;
  uint64_t now_ms_ = kWorldNow_ms;
};

TEST_F(CallLinkTest, TheTerminalEndsACallOfWrongTicks) {
  testing::Market market("money");  // the same world, with its secrets
  testing::WorldWallet mallory = market.make_wallet();
  testing::WithdrawnCoin cheque = market.take(mallory, market.cheque);
  testing::Till till(market, "till");
  const Bytes opening = *till.terminal->make_call_offer("EUR", kTick, 10, "10 s", kWorldNow_ms);
  const testing::Caller caller(market, mallory, cheque, terms_of(opening), {kTick, 10});
  link::LossyMedium medium("cheat", {});
  pos::Contact at_till(*till.terminal, medium.a(), 1, opening);
  Cheat cheat(link::Endpoint::listener(medium.b()));
  EXPECT_EQ(firmware::message_label(cheat.hear(at_till)), "cafe/v1/call-offer");
  cheat.say(caller.payment().encode());
  EXPECT_EQ(firmware::message_label(cheat.hear(at_till)), "cafe/v1/payment-answer");
  EXPECT_EQ(firmware::message_label(cheat.hear(at_till)), "cafe/v1/tick-demand");
  cheat.say(caller.tick(0));
  EXPECT_EQ(firmware::message_label(cheat.hear(at_till)), "cafe/v1/tick-demand");
  // [guard] Unblinded, as the guardian said it.
  protocol::TickReveal raw = caller.reveal(1);
  raw.t = caller.unblinded(1);
  cheat.say(testing::tick_message(caller.payment().terms.digest(), raw));
  EXPECT_EQ(firmware::message_label(cheat.hear(at_till)), "cafe/v1/call-end");
  cheat.hear(at_till);
  EXPECT_EQ(at_till.result(), AtTill::kEnded);
  EXPECT_EQ(reason_of(at_till.error()), "BAD_TICK");
  EXPECT_EQ(till.terminal->call(caller.payment().terms.digest())->ticks, 1u);
}

TEST_F(CallLinkTest, TheWalletHangsUpOnATerminalThatAsksForMore) {
  const Bytes opening = call_offer();
  const Bytes32 terms = terms_of(opening).digest();
  link::LossyMedium medium("greedy", {});
  wallet::Contact at_wallet(wallet(), medium.b());
  Cheat cheat(link::Endpoint::caller(medium.a(), 1));
  cheat.say(opening);
  const Bytes payment = cheat.hear(at_wallet);
  const auto result = till_.terminal->on_payment(payment, kWorldNow_ms);
  ASSERT_TRUE(result.ok()) << result.status();
  cheat.say(result->message);
  cheat.say(firmware::TickDemand{terms, 0}.encode());
  EXPECT_EQ(firmware::message_label(cheat.hear(at_wallet)), "cafe/v1/tick");
  cheat.say(firmware::TickDemand{terms, 4}.encode());
  const Bytes hang_up = cheat.hear(at_wallet);
  EXPECT_EQ(firmware::message_label(hang_up), "cafe/v1/hang-up");
  EXPECT_EQ(ticks_of_wallet(), 1u);
  EXPECT_EQ(device_.counter(), kLoadedCents - kTick);
  cheat.say(*till_.terminal->on_hang_up(hang_up, kWorldNow_ms));
  cheat.hear(at_wallet);
  EXPECT_EQ(at_wallet.result(), AtWallet::kEnded);
  EXPECT_EQ(reason_of(at_wallet.error()), "TICK_ORDER");
}

}  // namespace
}  // namespace cafe
