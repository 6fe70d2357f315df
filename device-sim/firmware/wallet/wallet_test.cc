// The wallet alone: lists, registration, withdrawal. Payments are in payment_test.cc, power cuts in
// power_cut_test.cc.
#include "device-sim/firmware/wallet/wallet.h"

#include <gtest/gtest.h>

#include <set>

#include "device-sim/firmware/testing/device.h"

namespace cafe::wallet {
namespace {

using protocol::Bytes;
using protocol::DenominationList;
using protocol::reason_of;
using protocol::SignedDocument;
using testing::Device;
using testing::kDay_s;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;
using testing::TestIssuer;
using testing::Till;
using testing::World;

class WalletTest : public ::testing::Test {
 protected:
  uint64_t balance() {
    uint64_t sum = 0;
    for (const Balance& each : device_.wallet->balances(kWorldNow_s)) sum += each.amount;
    return sum;
  }
  size_t guardian_slots() {
    GuardianClient client(device_.chip);
    return client.list_slots()->size();
  }
  Bytes sign_list(const DenominationList& list) {
    return SignedDocument::sign(list.encode(), world_.master_key).encode();
  }

  World world_{"wallet"};
  TestIssuer issuer_{world_};
  Till till_{world_, "till"};
  Device device_{world_, "device"};
};

TEST_F(WalletTest, RegistersWithItsGuardian) {
  ASSERT_TRUE(device_.restart().ok());
  ASSERT_TRUE(
      device_.wallet->accept_key_certificate(world_.withdrawal_certificate.encode(), kWorldNow_s)
          .ok());
  const auto nonce = issuer_.nonce();
  const Bytes file = *device_.wallet->begin_registration(nonce);
  EXPECT_EQ(*device_.wallet->begin_registration(nonce), file);  // the same for the same nonce
  EXPECT_FALSE(device_.wallet->registered());
  EXPECT_EQ(guardian_slots(), 0u);  // the slot of the presence is gone
  // The receipt may be lost, and no other file would get it.
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(*device_.wallet->pending_registration(), file);
  const auto receipt = issuer_.register_wallet(file, nonce);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  ASSERT_TRUE(device_.wallet->on_registration_receipt(*receipt).ok());
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_TRUE(device_.wallet->registered());
  EXPECT_EQ(reason_of(device_.wallet->pending_registration().status()), "NO_REGISTRATION");
  EXPECT_EQ(reason_of(device_.wallet->begin_registration(issuer_.nonce()).status()),
            "ALREADY_REGISTERED");
}

TEST_F(WalletTest, RefusesAReceiptThatTheIssuerDidNotSign) {
  ASSERT_TRUE(device_.restart().ok());
  ASSERT_TRUE(
      device_.wallet->accept_key_certificate(world_.withdrawal_certificate.encode(), kWorldNow_s)
          .ok());
  const auto nonce = issuer_.nonce();
  const auto receipt = issuer_.register_wallet(*device_.wallet->begin_registration(nonce), nonce);
  const auto document = *SignedDocument::decode(*receipt);
  const Bytes forged = SignedDocument::sign(document.frame, world_.deposit_key).encode();
  EXPECT_EQ(reason_of(device_.wallet->on_registration_receipt(forged)), "BAD_SIGNATURE");
  EXPECT_FALSE(device_.wallet->registered());
}

TEST_F(WalletTest, RefusesTheGuardianOfAnUnknownManufacturer) {
  testing::Chip chip("foreign");
  chip.manufacture(testing::make_key(world_.rng), protocol::Serial{{1}});
  firmware::MemoryImage memory(64 * 1024);
  EXPECT_EQ(reason_of(Wallet::boot(memory, chip, world_.rng, device_.owner,
                                   {std::string(World::kIssuer), world_.anchors, 1})
                          .status()),
            "UNKNOWN_MANUFACTURER");
}

TEST_F(WalletTest, WithdrawsCoinsOfOneAndOfManySlots) {
  device_.set_up(issuer_, *till_.terminal);
  device_.withdraw(issuer_, {{world_.coin.id, 3}, {world_.split_coin.id, 2}});
  EXPECT_EQ(device_.wallet->coin_count(), 5u);
  EXPECT_EQ(balance(), 3 * 500u + 2 * 900u);
  EXPECT_EQ(device_.owner.last_sums.at(0).amount, 3300u);
  EXPECT_EQ(guardian_slots(), 3u + 10u);
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(balance(), 3300u);
  EXPECT_EQ(guardian_slots(), 13u);
  EXPECT_EQ(device_.wallet->completed_orders(), 1u);
  device_.withdraw(issuer_, {{world_.coin.id, 1}});
  EXPECT_EQ(device_.wallet->completed_orders(), 2u);
}

TEST_F(WalletTest, GivesTheSameBytesAgainAfterAnInterruption) {
  device_.set_up(issuer_, *till_.terminal);
  const Bytes open = *device_.wallet->start_order({{world_.coin.id, 2}}, kWorldNow_s);
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(*device_.wallet->pending_open_bytes(), open);
  const Bytes answer = *issuer_.open(open);
  const Bytes order = *device_.wallet->on_open_answer(answer, kWorldNow_s);
  EXPECT_EQ(*device_.wallet->on_open_answer(answer, kWorldNow_s), order);
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(*device_.wallet->pending_order_bytes(), order);
  // [guard] Another answer to the same N, with other nonces, gets nothing.
  const Bytes later = *issuer_.open(open, kWorldNow_s + 60);
  EXPECT_EQ(reason_of(device_.wallet->on_open_answer(later, kWorldNow_s + 60).status()),
            "ORDER_PENDING");
  const Bytes completion = *issuer_.complete(order);
  EXPECT_EQ(device_.wallet->on_completion(completion)->coins, 2u);
  EXPECT_EQ(device_.wallet->on_completion(completion)->coins, 0u);  // came twice
  EXPECT_EQ(device_.wallet->coin_count(), 2u);
}

TEST_F(WalletTest, OpensTheSameNumberAnewAfterAVoidOnly) {
  device_.set_up(issuer_, *till_.terminal);
  const Bytes open = *device_.wallet->start_order({{world_.coin.id, 2}}, kWorldNow_s);
  const Bytes order = *device_.wallet->on_open_answer(*issuer_.open(open), kWorldNow_s);
  EXPECT_EQ(reason_of(device_.wallet->start_order({{world_.coin.id, 1}}, kWorldNow_s).status()),
            "ORDER_PENDING");
  EXPECT_EQ(reason_of(device_.wallet->cancel_open()), "NO_ORDER");

  const Bytes request = *device_.wallet->void_request();
  const Bytes statement = *issuer_.void_order(request);
  // Not signed by the issuer: nothing happens.
  const Bytes forged =
      SignedDocument::sign(SignedDocument::decode(statement)->frame, world_.deposit_key).encode();
  EXPECT_EQ(reason_of(device_.wallet->on_void_statement(forged)), "BAD_SIGNATURE");
  EXPECT_EQ(device_.wallet->order_phase(), OrderPhase::kOrdered);
  EXPECT_EQ(guardian_slots(), 2u);

  ASSERT_TRUE(device_.wallet->on_void_statement(statement).ok());
  EXPECT_EQ(guardian_slots(), 0u);
  EXPECT_EQ(reason_of(issuer_.complete(order).status()), "ORDER_CLASH");
  const Bytes again = *device_.wallet->start_order({{world_.coin.id, 1}}, kWorldNow_s + 60);
  const Bytes second =
      *device_.wallet->on_open_answer(*issuer_.open(again, kWorldNow_s + 60), kWorldNow_s + 60);
  EXPECT_EQ(device_.wallet->on_completion(*issuer_.complete(second))->order, 1u);
}

TEST_F(WalletTest, KeepsAWrongCompletionAsEvidence) {
  device_.set_up(issuer_, *till_.terminal);
  const Bytes open = *device_.wallet->start_order({{world_.coin.id, 1}}, kWorldNow_s);
  const Bytes order = *device_.wallet->on_open_answer(*issuer_.open(open), kWorldNow_s);
  issuer_.tamper = [](protocol::Completion& completion) {
    completion.responses[0].r = completion.responses[0].r + protocol::Scalar::from_u64(1);
  };
  const Bytes completion = *issuer_.complete(order);
  EXPECT_EQ(reason_of(device_.wallet->on_completion(completion).status()), "WRONG_ANSWER");
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(device_.wallet->order_phase(), OrderPhase::kDisputed);
  EXPECT_EQ(device_.wallet->coin_count(), 0u);
  EXPECT_EQ(reason_of(device_.wallet->start_order({{world_.coin.id, 1}}, kWorldNow_s).status()),
            "ORDER_DISPUTED");
}

TEST_F(WalletTest, TellsADebitOfAnotherSum) {
  device_.set_up(issuer_, *till_.terminal);
  const Bytes open = *device_.wallet->start_order({{world_.coin.id, 1}}, kWorldNow_s);
  const Bytes order = *device_.wallet->on_open_answer(*issuer_.open(open), kWorldNow_s);
  issuer_.tamper = [](protocol::Completion& completion) { completion.debits[0].amount = 501; };
  const auto withdrawn = device_.wallet->on_completion(*issuer_.complete(order));
  ASSERT_TRUE(withdrawn.ok());
  EXPECT_FALSE(withdrawn->debits_as_ordered);
  EXPECT_EQ(withdrawn->coins, 1u);
}

TEST_F(WalletTest, RefusesAStaleOrAForeignAnswerToOpen) {
  device_.set_up(issuer_, *till_.terminal);
  const Bytes open = *device_.wallet->start_order({{world_.coin.id, 1}}, kWorldNow_s);
  const Bytes answer = *issuer_.open(open);
  EXPECT_EQ(reason_of(device_.wallet->on_open_answer(answer, kWorldNow_s + 180).status()),
            "STALE_ANSWER");
  auto other = *protocol::OpenAnswer::decode(answer);
  other.order = 2;
  EXPECT_EQ(reason_of(device_.wallet->on_open_answer(other.encode(), kWorldNow_s).status()),
            "ANSWER_MISMATCH");
  EXPECT_EQ(guardian_slots(), 0u);
  ASSERT_TRUE(device_.wallet->cancel_open().ok());
  EXPECT_EQ(device_.wallet->order_phase(), OrderPhase::kNone);
}

TEST_F(WalletTest, OrdersOnlyWhatItMay) {
  device_.set_up(issuer_, *till_.terminal);
  const auto reason = [&](std::vector<protocol::OrderLine> lines, uint64_t now_s = kWorldNow_s) {
    return reason_of(device_.wallet->start_order(lines, now_s).status());
  };
  EXPECT_EQ(reason({{world_.coin.id, 8}}), "TOO_MANY_COINS");
  EXPECT_EQ(reason({{world_.coin.id, 1}, {world_.coin.id, 1}}), "DENOMINATION_TWICE");
  EXPECT_EQ(reason({{protocol::DenomId{}, 1}}), "UNKNOWN_DENOMINATION");
  EXPECT_EQ(reason({{world_.coin.id, 1}}, kWorldNow_s + 31 * kDay_s), "NOT_OPEN");
  device_.owner.willing = false;
  EXPECT_EQ(reason({{world_.coin.id, 1}}), "OWNER_DECLINED");
  EXPECT_EQ(device_.wallet->order_phase(), OrderPhase::kNone);
}

TEST_F(WalletTest, SaysWhenTheGuardianIsFullAndLeavesNothingBehind) {
  device_.set_up(issuer_, *till_.terminal);
  ASSERT_EQ(device_.chip.verify(PinKind::kWithdrawal, testing::kWithdrawalPin).word, 0x9000);
  while (guardian_slots() + 1 < guardian::kSlots) {
    GuardianClient client(device_.chip);
    ASSERT_TRUE(client.make_slot(protocol::Kind::kCoin, "EUR", 1).ok());
  }
  const Bytes open = *device_.wallet->start_order({{world_.coin.id, 2}}, kWorldNow_s);
  const Bytes answer = *issuer_.open(open);
  EXPECT_EQ(reason_of(device_.wallet->on_open_answer(answer, kWorldNow_s).status()),
            "GUARDIAN_FULL");
  EXPECT_EQ(guardian_slots(), guardian::kSlots - 1);
  // The slots belong to no record: they are freed at the next start, and the order goes on.
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(guardian_slots(), 0u);
  EXPECT_TRUE(device_.wallet->on_open_answer(answer, kWorldNow_s).ok());
}

// --- Lists [guard] ---

TEST_F(WalletTest, WithdrawsOnlyFromAListThatTerminalsShow) {
  device_.set_up(issuer_, *till_.terminal);
  DenominationList next = world_.list;
  next.number = 2;
  ++next.issued_at;
  ASSERT_TRUE(device_.wallet->accept_list(sign_list(next)).ok());
  EXPECT_FALSE(device_.wallet->list_confirmed());
  EXPECT_EQ(reason_of(device_.wallet->start_order({{world_.coin.id, 1}}, kWorldNow_s).status()),
            "LIST_NOT_CONFIRMED");
  ASSERT_TRUE(till_.terminal->accept_list(sign_list(next)).ok());
  ASSERT_TRUE(
      device_.wallet->on_notice(*till_.terminal->make_notice(kWorldNow_ms), kWorldNow_ms).ok());
  EXPECT_TRUE(device_.wallet->list_confirmed());
  EXPECT_TRUE(device_.wallet->start_order({{world_.coin.id, 1}}, kWorldNow_s).ok());
}

// The issuer signs a list for this user alone, with a key of her own: the terminals show another
// digest for its number.
TEST_F(WalletTest, RefusesAListThatOnlyThisUserWasShown) {
  DenominationList tagged = world_.list;
  tagged.denominations[0] = world_.make_denomination(protocol::Kind::kCoin, {500}).denomination;
  ASSERT_TRUE(device_.restart().ok());
  ASSERT_TRUE(device_.wallet->accept_list(sign_list(tagged)).ok());
  EXPECT_EQ(reason_of(device_.wallet->on_notice(*till_.terminal->make_notice(kWorldNow_ms),
                                                kWorldNow_ms)),
            "LIST_DIFFERS");
  EXPECT_FALSE(device_.wallet->list_confirmed());
  // With the other list in hand, it is evidence.
  EXPECT_EQ(reason_of(device_.wallet->accept_list(world_.signed_list.encode())),
            "LIST_EQUIVOCATION");
  ASSERT_TRUE(device_.restart().ok());
  const auto evidence = device_.wallet->equivocation();
  ASSERT_TRUE(evidence.has_value());
  EXPECT_TRUE(protocol::is_equivocation(*SignedDocument::decode(evidence->first),
                                        *SignedDocument::decode(evidence->second),
                                        world_.master_key.public_key()));
}

TEST_F(WalletTest, RemembersWhatTerminalsShowedBeforeItHadTheList) {
  ASSERT_TRUE(device_.restart().ok());
  ASSERT_TRUE(
      device_.wallet->on_notice(*till_.terminal->make_notice(kWorldNow_ms), kWorldNow_ms).ok());
  DenominationList tagged = world_.list;
  ++tagged.issued_at;
  ASSERT_TRUE(device_.wallet->accept_list(sign_list(tagged)).ok());
  EXPECT_FALSE(device_.wallet->list_confirmed());
}

TEST_F(WalletTest, RefusesListsThatBreakTheRules) {
  ASSERT_TRUE(device_.restart().ok());
  const auto reason = [&](const Bytes& list) {
    return reason_of(device_.wallet->accept_list(list));
  };
  EXPECT_EQ(reason(SignedDocument::sign(world_.list.encode(), world_.deposit_key).encode()),
            "BAD_SIGNATURE");
  DenominationList reused = world_.list;
  reused.denominations.push_back(reused.denominations[0]);
  reused.denominations.back().slot_values = {600};
  EXPECT_EQ(reason(sign_list(reused)), "KEY_REUSED");
  ASSERT_EQ(reason(world_.signed_list.encode()), "");
  DenominationList vanished = world_.list;
  vanished.number = 2;
  vanished.denominations.erase(vanished.denominations.begin());
  EXPECT_EQ(reason(sign_list(vanished)), "DENOMINATION_VANISHED");
  EXPECT_EQ(device_.wallet->list()->number, 1u);
}

TEST_F(WalletTest, BelievesNoNoticeOfAnUncertifiedTerminal) {
  ASSERT_TRUE(device_.restart().ok());
  auto message = *firmware::NoticeMessage::decode(*till_.terminal->make_notice(kWorldNow_ms));
  message.notice = SignedDocument::sign(message.notice.frame, testing::make_key(world_.rng));
  EXPECT_EQ(reason_of(device_.wallet->on_notice(message.encode(), kWorldNow_ms)), "BAD_SIGNATURE");
}

}  // namespace
}  // namespace cafe::wallet
