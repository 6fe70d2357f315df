// A wallet that is lost and a new one that gets its money back, for tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "device-sim/firmware/testing/recovery_desk.h"

namespace cafe::testing {

inline constexpr uint64_t kDay_ms = kDay_s * 1000;

class RecoveryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    lost_.set_up(issuer_, *till_.terminal);
    fresh_.set_up(issuer_, *till_.terminal);
    lost_account_ = *lost_.wallet->account();
  }
  // 15.00 EUR in coins of one slot, 18.00 in coins of five.
  void withdraw_coins() {
    lost_.withdraw(issuer_, {{world_.coin.id, 3}});
    lost_.withdraw(issuer_, {{world_.split_coin.id, 2}});
  }
  static constexpr uint64_t kCoins = 1500 + 1800;

  // A payment at the till, to its acceptance; it waits there for its deposit.
  protocol::Payment pay(Device& device, uint64_t amount) {
    const uint64_t now_ms = desk_.now_ms();
    const auto offer = till_.terminal->make_offer("EUR", amount, now_ms);
    const auto outgoing = device.wallet->on_offer(*offer, now_ms);
    EXPECT_TRUE(outgoing.ok()) << outgoing.status();
    const auto result = till_.terminal->on_payment(outgoing->payment, now_ms);
    EXPECT_EQ(result->decision, pos::Decision::kAccepted) << result->reason;
    EXPECT_TRUE(device.wallet->on_payment_answer(result->message).ok());
    return *protocol::Payment::decode(outgoing->payment);
  }
  void pay_and_deposit(Device& device, uint64_t amount) {
    pay(device, amount);
    desk_.deposit(*till_.terminal);
  }

  wallet::BackupCard card() { return *wallet::BackupCard::decode(*lost_.wallet->backup_card()); }
  // The key of a device's account.
  protocol::SigningKey card_key_of(Device& device) {
    return *wallet::BackupCard::decode(*device.wallet->backup_card())->account_key(world_.anchors);
  }
  // The loss is recorded and the new account takes the place of the old one, both by the card.
  std::unique_ptr<wallet::Recovery> begin() {
    auto recovery = wallet::Recovery::with_card(*fresh_.wallet, card());
    EXPECT_TRUE(recovery.ok()) << recovery.status();
    report(**recovery);
    return *std::move(recovery);
  }
  void report(wallet::Recovery& recovery) {
    const auto recorded = desk_.report_loss(*recovery.loss_report(desk_.now_ms()));
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    const auto taken = recovery.on_loss_recorded(*recorded, desk_.withdrawal_certificate());
    ASSERT_TRUE(taken.ok()) << taken;
    const auto replaced = desk_.replace(*recovery.replacement(desk_.now_ms()));
    ASSERT_TRUE(replaced.ok()) << replaced.status();
    ASSERT_TRUE(recovery.on_replaced(*replaced, desk_.withdrawal_certificate()).ok());
  }
  // The whole way to the claims' receipts.
  std::vector<protocol::Bytes32> recover_all(const wallet::Consent& consent = {}) {
    const auto recovery = begin();
    const auto claims = recover(*fresh_.wallet, desk_, *recovery, consent);
    EXPECT_TRUE(claims.ok()) << claims.status();
    return claims.value_or(std::vector<protocol::Bytes32>());
  }
  void poll() {
    const absl::Status polled = poll_claims(*fresh_.wallet, desk_);
    ASSERT_TRUE(polled.ok()) << polled;
  }
  std::vector<wallet::ClaimView> views() { return wallet::Claims(*fresh_.wallet).all(); }
  uint64_t credited() { return desk_.credited(*fresh_.wallet->account()); }
  // What is claimed in euros by all claims that the issuer took.
  uint64_t claimed() {
    uint64_t sum = 0;
    for (const wallet::ClaimView& view : views()) {
      if (view.status == wallet::ClaimStatus::kRefused) continue;
      for (const auto& amount : view.claimed) sum += amount.amount;
    }
    return sum;
  }

  World world_{"recovery"};
  TestIssuer issuer_{world_};
  Till till_{world_, "till"};
  RecoveryDesk desk_{world_, issuer_};
  Device lost_{world_, "lost"};
  Device fresh_{world_, "fresh", size_t{1024} * 1024};
  protocol::AccountId lost_account_;
};

}  // namespace cafe::testing
