// The power of the whole device fails at every write of a withdrawal and of a payment, in the
// wallet's memory and in the guardian's: after a restart it goes on, and no money is lost, made or
// promised twice.
#include <gtest/gtest.h>

#include <set>

#include "device-sim/firmware/wallet/power_cut_fixture.h"
#include "libs/protocol/payment.h"

namespace cafe::wallet {
namespace {

using protocol::Bytes;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;

using PowerCutTest = testing::PowerCutTest;

TEST_F(PowerCutTest, AnOrderIsSignedOnceOrNotAtAll) {
  const Bytes open = *device_.wallet->start_order({{world_.split_coin.id, 1}}, kWorldNow_s);
  const Bytes first = *issuer_.open(open);
  const Bytes second = *issuer_.open(open, kWorldNow_s + 60);
  cut_everywhere(
      {&device_.memory, &device_.chip.memory()},
      [&] { device_.wallet->on_open_answer(first, kWorldNow_s).IgnoreError(); },
      [&](uint64_t cut) {
        if (device_.wallet->order_phase() == OrderPhase::kOrdered) {
          // Stored: this order and no other, ever.
          ASSERT_EQ(protocol::reason_of(
                        device_.wallet->on_open_answer(second, kWorldNow_s + 60).status()),
                    "ORDER_PENDING");
          const auto order =
              *protocol::SignedDocument::decode(*device_.wallet->pending_order_bytes());
          ASSERT_EQ(protocol::Order::decode(order.frame)->opened.encode(), first) << cut;
          ASSERT_EQ(guardian_slots(), 5u);
        } else {
          // Not stored, so never sent; the guardian's slots were freed, and it goes on.
          ASSERT_EQ(device_.wallet->order_phase(), OrderPhase::kOpening) << cut;
          ASSERT_EQ(guardian_slots(), 0u) << cut;
          ASSERT_TRUE(device_.wallet->on_open_answer(second, kWorldNow_s + 60).ok());
        }
      });
}

TEST_F(PowerCutTest, ACompletionBringsItsCoinsOnce) {
  const Bytes open = *device_.wallet->start_order({{world_.coin.id, 2}}, kWorldNow_s);
  const Bytes order = *device_.wallet->on_open_answer(*issuer_.open(open), kWorldNow_s);
  const Bytes completion = *issuer_.complete(order);
  cut_everywhere(
      {&device_.memory}, [&] { device_.wallet->on_completion(completion).IgnoreError(); },
      [&](uint64_t cut) {
        if (device_.wallet->order_phase() == OrderPhase::kOrdered) {
          // The same bytes again, and the issuer's answer again.
          ASSERT_EQ(*device_.wallet->pending_order_bytes(), order);
          ASSERT_TRUE(device_.wallet->on_completion(*issuer_.complete(order)).ok());
        }
        ASSERT_EQ(device_.wallet->coin_count(), 2u) << cut;
        ASSERT_EQ(device_.wallet->completed_orders(), 1u);
        ASSERT_EQ(guardian_slots(), 2u);
      });
}

TEST_F(PowerCutTest, APaymentIsOneOrNone) {
  device_.withdraw(issuer_, {{world_.coin.id, 1}, {world_.split_coin.id, 1}});
  const Bytes bill = *till_.terminal->make_offer("EUR", 600, kWorldNow_ms);
  const Bytes rival = *till_.terminal->make_offer("EUR", 600, kWorldNow_ms);
  // What an undisturbed device pays with.
  const Bytes reference = [&] {
    const testing::Image before = testing::image_of(device_);
    const Bytes payment = device_.wallet->on_offer(bill, kWorldNow_ms)->payment;
    testing::restore(device_, before);
    return payment;
  }();
  bool promised_seen = false, fresh_seen = false;
  cut_everywhere(
      {&device_.memory, &device_.chip.memory()},
      [&] { device_.wallet->on_offer(bill, kWorldNow_ms).IgnoreError(); },
      [&](uint64_t cut) {
        const bool promised = !device_.wallet->payments().empty();
        (promised ? promised_seen : fresh_seen) = true;
        // Another bill comes first. Slots that are promised do not pay it.
        const auto other = device_.wallet->on_offer(rival, kWorldNow_ms);
        const auto same = device_.wallet->on_offer(bill, kWorldNow_ms);
        if (promised) {
          ASSERT_EQ(same->payment, reference) << cut;
        } else {
          ASSERT_TRUE(other.ok()) << cut << other.status();
        }
        // Whatever both payments hold, they share no slot.
        std::set<std::string> keys;
        size_t spends = 0;
        for (const auto* outgoing : {&other, &same}) {
          if (!outgoing->ok()) continue;
          const auto payment = *protocol::Payment::decode((*outgoing)->payment);
          for (const auto& spend : payment.spends) {
            ++spends;
            keys.insert(payment.coins[spend.coin].id().hex() + std::to_string(spend.slot));
          }
        }
        ASSERT_EQ(keys.size(), spends) << cut;
      });
  EXPECT_TRUE(promised_seen);
  EXPECT_TRUE(fresh_seen);
}

// The wallet's journal wraps many times over a life of payments; the memory stays small.
TEST_F(PowerCutTest, ALifeOfPaymentsFitsTheMemory) {
  for (int round = 0; round < 6; ++round) {
    device_.withdraw(issuer_, {{world_.coin.id, 7}});
    for (int i = 0; i < 7; ++i) {
      const auto outgoing = device_.wallet->on_offer(
          *till_.terminal->make_offer("EUR", 500, kWorldNow_ms), kWorldNow_ms);
      ASSERT_TRUE(outgoing.ok()) << outgoing.status();
      const auto result = *till_.terminal->on_payment(outgoing->payment, kWorldNow_ms);
      ASSERT_EQ(result.decision, pos::Decision::kAccepted) << result.reason;
      ASSERT_TRUE(device_.wallet->on_payment_answer(result.message).ok());
    }
    ASSERT_EQ(device_.wallet->coin_count(), 0u);
    ASSERT_EQ(guardian_slots(), 0u);
  }
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(device_.wallet->payments().size(), 42u);
}

}  // namespace
}  // namespace cafe::wallet
