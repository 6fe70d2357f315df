// Payments: real wallet, guardian and terminal firmware, with and without the link between them.
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "device-sim/firmware/pos/contact.h"
#include "device-sim/firmware/testing/device.h"
#include "device-sim/firmware/wallet/contact.h"
#include "device-sim/link/lossy_medium.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/hash.h"

namespace cafe::wallet {
namespace {

using pos::Decision;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::Payment;
using protocol::reason_of;
using protocol::SignedDocument;
using testing::Device;
using testing::kDay_s;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;
using testing::terms_of;
using testing::TestIssuer;
using testing::Till;
using testing::World;

class PaymentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    device_.set_up(issuer_, *till_.terminal);
    device_.withdraw(issuer_, {{world_.coin.id, 2}, {world_.split_coin.id, 1}});
  }
  Bytes offer(uint64_t amount) { return *till_.terminal->make_offer("EUR", amount, kWorldNow_ms); }
  uint64_t balance() {
    const auto balances = device_.wallet->balances(kWorldNow_s);
    return balances.empty() ? 0 : balances[0].amount;
  }
  std::string refused_for(const firmware::Offer& offer, uint64_t now_ms = kWorldNow_ms) {
    const uint64_t before = balance();
    const std::string reason = reason_of(device_.wallet->on_offer(offer.encode(), now_ms).status());
    EXPECT_EQ(balance(), before);  // nothing was bound to it
    return reason;
  }

  World world_{"payment"};
  TestIssuer issuer_{world_};
  Till till_{world_, "till"};
  Device device_{world_, "device"};
};

TEST_F(PaymentTest, PaysExactlyAndIsAccepted) {
  const Bytes bill = offer(1200);
  const auto outgoing = device_.wallet->on_offer(bill, kWorldNow_ms);
  ASSERT_TRUE(outgoing.ok()) << outgoing.status();
  EXPECT_EQ(device_.owner.last_bill.payee_name, "Corner Shop");
  EXPECT_EQ(device_.owner.last_bill.amount, 1200u);
  const auto result = till_.terminal->on_payment(outgoing->payment, kWorldNow_ms);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->decision, Decision::kAccepted) << result->reason;
  ASSERT_TRUE(device_.wallet->on_payment_answer(result->message).ok());
  EXPECT_EQ(balance(), 1900u - 1200u);
  const auto past = device_.wallet->payments();
  ASSERT_EQ(past.size(), 1u);
  EXPECT_EQ(past[0].state, PaymentState::kAccepted);
  EXPECT_EQ(past[0].payee_name, "Corner Shop");
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(balance(), 700u);
  EXPECT_EQ(device_.wallet->payments().at(0).state, PaymentState::kAccepted);
}

TEST_F(PaymentTest, SaysWhatItCannotPayBeforeAnythingIsSpent) {
  EXPECT_EQ(refused_for(*firmware::Offer::decode(offer(150))), "AMOUNT_NOT_PAYABLE");
  EXPECT_EQ(refused_for(*firmware::Offer::decode(offer(100'000))), "AMOUNT_NOT_PAYABLE");
  EXPECT_EQ(device_.owner.payments_asked, 0);
  EXPECT_TRUE(device_.wallet->payments().empty());
}

TEST_F(PaymentTest, GivesTheSameBytesForTheSameTermsWithoutAskingAgain) {
  const Bytes bill = offer(500);
  const Bytes first = device_.wallet->on_offer(bill, kWorldNow_ms)->payment;
  EXPECT_EQ(device_.wallet->on_offer(bill, kWorldNow_ms)->payment, first);
  ASSERT_TRUE(device_.restart().ok());
  // The terminal repeats its bill much later, with another notice around it.
  const Bytes repeated =
      *till_.terminal->repeat_offer(terms_of(bill).digest(), kWorldNow_ms + 3'600'000);
  EXPECT_EQ(device_.wallet->on_offer(repeated, kWorldNow_ms + 3'600'000)->payment, first);
  EXPECT_EQ(device_.owner.payments_asked, 1);
  EXPECT_EQ(balance(), 1400u);
}

TEST_F(PaymentTest, RefusesBillsThatAreNotWhatTheySay) {
  const auto good = *firmware::Offer::decode(offer(500));
  const auto terms = *protocol::Terms::decode(good.terms.frame);
  const auto with_terms = [&](auto change, const protocol::SigningKey& key) {
    firmware::Offer bad = good;
    protocol::Terms altered = terms;
    change(altered);
    bad.terms = SignedDocument::sign(altered.encode(), key);
    return bad;
  };
  // Tampered on the way.
  firmware::Offer tampered = good;
  protocol::Terms cheaper = terms;
  cheaper.amount = 400;
  tampered.terms.frame = cheaper.encode();
  EXPECT_EQ(refused_for(tampered), "BAD_SIGNATURE");
  // A certified terminal that asks in another payee's name.
  EXPECT_EQ(refused_for(with_terms([](auto& t) { t.payee_id.bytes[0] ^= 1; }, world_.terminal_key)),
            "WRONG_PAYEE");
  EXPECT_EQ(
      refused_for(with_terms([](auto& t) { t.terminal_id.bytes[0] ^= 1; }, world_.terminal_key)),
      "WRONG_PAYEE");
  EXPECT_EQ(refused_for(with_terms([](auto& t) { t.amount = 0; }, world_.terminal_key)),
            "AMOUNT_ZERO");
  EXPECT_EQ(
      refused_for(with_terms([](auto& t) { t.quote_id = Bytes(32, 1); }, world_.terminal_key)),
      "CURRENCY_UNSUPPORTED");
  EXPECT_EQ(refused_for(with_terms([](auto& t) { t.currency = "USD"; }, world_.terminal_key)),
            "AMOUNT_NOT_PAYABLE");
  EXPECT_EQ(refused_for(with_terms([](auto& t) { t.time_ms += 3'600'000; }, world_.terminal_key)),
            "TERMS_STALE");
  EXPECT_EQ(refused_for(good, kWorldNow_ms + 3'600'000), "TERMS_STALE");
}

TEST_F(PaymentTest, RefusesAPayeeWithoutACertificate) {
  const auto good = *firmware::Offer::decode(offer(500));
  // Enrolled by a key that the acquirer did not certify.
  const auto impostor = testing::make_key(world_.rng);
  firmware::Offer bad = good;
  bad.credential.terminal = SignedDocument::sign(bad.credential.terminal.frame, impostor);
  EXPECT_EQ(refused_for(bad), "BAD_SIGNATURE");
  // Certified for another purpose.
  bad = good;
  bad.credential.enrolment_key = world_.deposit_certificate;
  bad.credential.terminal = SignedDocument::sign(bad.credential.terminal.frame, world_.deposit_key);
  EXPECT_EQ(refused_for(bad), "WRONG_PURPOSE");
  // Expired.
  EXPECT_EQ(refused_for(good, kWorldNow_ms + 200 * kDay_s * 1000), "KEY_EXPIRED");
}

TEST_F(PaymentTest, SpendsNothingWhereTheOwnerDeclines) {
  device_.owner.willing = false;
  EXPECT_EQ(refused_for(*firmware::Offer::decode(offer(500))), "OWNER_DECLINED");
}

// A guardian that answers wrongly would leak through its answers: nothing of them goes out.
TEST_F(PaymentTest, SendsNothingOfAWrongAnswerOfTheGuardian) {
  device_.chip.tamper = [](protocol::ByteView command, protocol::MutableByteView response) {
    if (command[1] == static_cast<uint8_t>(guardian::Ins::kAnswerCoin)) response[5] ^= 1;
  };
  const Bytes bill = offer(500);
  EXPECT_EQ(reason_of(device_.wallet->on_offer(bill, kWorldNow_ms).status()), "GUARDIAN_WRONG");
  EXPECT_FALSE(device_.wallet->payment_bytes(terms_of(bill).digest()).ok());
  // The slot stays bound to these terms: it never pays others.
  EXPECT_EQ(balance(), 1400u);
  device_.chip.tamper = nullptr;
  EXPECT_TRUE(device_.wallet->on_offer(bill, kWorldNow_ms).ok());
}

// A payment's time on the wire is the wallet's choice, not the guardian's.
TEST_F(PaymentTest, SendsAtATimeThatDependsOnTheSlotsAlone) {
  EXPECT_EQ(device_.wallet->on_offer(offer(500), kWorldNow_ms)->send_at_ms,
            kWorldNow_ms + kAnswerTime_ms);
  EXPECT_EQ(device_.wallet->on_offer(offer(600), kWorldNow_ms)->send_at_ms,
            kWorldNow_ms + 2 * kAnswerTime_ms);
}

// The wallet's owner reads the wallet out and asks the guardian herself.
TEST_F(PaymentTest, ACheatingWalletGetsOneAnswerFromTheGuardian) {
  const Bytes before = device_.memory.snapshot();
  const auto first = *Payment::decode(device_.wallet->on_offer(offer(500), kWorldNow_ms)->payment);
  // Her wallet forgets that it paid, and pays again with the same coins. Boot knows nothing of the
  // first payment; the guardian has freed its slots.
  device_.memory.restore(before);
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(balance(), 1900u);
  std::set<std::pair<protocol::CoinId, uint32_t>> spent;
  for (const auto& spend : first.spends) {
    spent.insert({first.coins[spend.coin].id(), spend.slot});
  }
  int refused = 0;
  for (int i = 0; i < 2; ++i) {
    const auto second = device_.wallet->on_offer(offer(500), kWorldNow_ms);
    if (!second.ok()) {
      ++refused;
      continue;
    }
    const auto payment = *Payment::decode(second->payment);
    for (const auto& spend : payment.spends) {
      EXPECT_FALSE(spent.contains({payment.coins[spend.coin].id(), spend.slot}));
    }
  }
  EXPECT_EQ(refused, 1);
}

TEST_F(PaymentTest, ACloneOfAllMemoriesSpendsTwice) {
  const Bytes wallet_copy = device_.memory.snapshot();
  const Bytes chip_copy = device_.chip.memory().snapshot();
  const auto first = *Payment::decode(device_.wallet->on_offer(offer(500), kWorldNow_ms)->payment);
  device_.memory.restore(wallet_copy);
  device_.chip.memory().restore(chip_copy);
  ASSERT_TRUE(device_.restart().ok());
  const auto second = *Payment::decode(device_.wallet->on_offer(offer(500), kWorldNow_ms)->payment);
  // Both are valid, and they convict: (r1 - r1*) / (r2 - r2*) is the logarithm of I.
  ASSERT_EQ(first.coins[0], second.coins[0]);
  const auto secret = (first.spends[0].r1 - second.spends[0].r1) *
                      (first.spends[0].r2 - second.spends[0].r2).inverse();
  const auto I = protocol::multiply(secret, protocol::g1());
  ASSERT_TRUE(I.has_value());
  EXPECT_EQ(protocol::account_id(World::kIssuer, *I), *device_.wallet->account());
}

// --- Answers of the terminal ---

TEST_F(PaymentTest, BelievesOnlyTheTerminalsOwnAnswer) {
  const Bytes bill = offer(500);
  const Bytes payment = device_.wallet->on_offer(bill, kWorldNow_ms)->payment;
  const auto result = *till_.terminal->on_payment(payment, kWorldNow_ms);
  auto answer = *firmware::PaymentAnswer::decode(result.message);
  auto forged = answer;
  forged.document = SignedDocument::sign(answer.document.frame, testing::make_key(world_.rng));
  EXPECT_EQ(reason_of(device_.wallet->on_payment_answer(forged.encode())), "BAD_SIGNATURE");
  auto other = *protocol::Acceptance::decode(answer.document.frame);
  other.payment_digest[0] ^= 1;
  forged.document = SignedDocument::sign(other.encode(), world_.terminal_key);
  EXPECT_EQ(reason_of(device_.wallet->on_payment_answer(forged.encode())), "PAYMENT_MISMATCH");
  other = *protocol::Acceptance::decode(answer.document.frame);
  other.terms_digest[0] ^= 1;
  forged.document = SignedDocument::sign(other.encode(), world_.terminal_key);
  EXPECT_EQ(reason_of(device_.wallet->on_payment_answer(forged.encode())), "UNKNOWN_TERMS");
  EXPECT_EQ(device_.wallet->payments()[0].state, PaymentState::kReady);
  EXPECT_TRUE(device_.wallet->on_payment_answer(result.message).ok());
  EXPECT_TRUE(device_.wallet->on_payment_answer(result.message).ok());  // came twice
}

TEST_F(PaymentTest, KeepsARefusalAndThePaymentItVoids) {
  const Bytes bill = offer(500);
  const Bytes payment = device_.wallet->on_offer(bill, kWorldNow_ms)->payment;
  const Bytes32 terms = terms_of(bill).digest();
  ASSERT_TRUE(till_.terminal->cancel_offer(terms, kWorldNow_ms).ok());
  const auto result = *till_.terminal->on_payment(payment, kWorldNow_ms);
  EXPECT_EQ(result.decision, Decision::kRefused);
  ASSERT_TRUE(device_.wallet->on_payment_answer(result.message).ok());
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(device_.wallet->payments()[0].state, PaymentState::kRefused);
  EXPECT_EQ(*device_.wallet->payment_bytes(terms), payment);
  EXPECT_EQ(*device_.wallet->payment_answer(terms), result.message);
  // The slot's answer is out: it pays nobody else.
  EXPECT_EQ(balance(), 1400u);
}

// --- Over the link ---

struct Meeting {
  ContactResult wallet;
  pos::ContactResult terminal;
};

// Holds the two together until both are done or a minute has passed.
Meeting meet(Device& device, Till& till, link::LossyMedium& medium, const Bytes& opening,
             uint32_t session) {
  const link::LinkOptions options{.max_retries = 60, .idle_ms = 20'000};
  pos::Contact at_till(*till.terminal, medium.a(), session, opening, options);
  Contact at_wallet(*device.wallet, medium.b(), options);
  for (uint64_t t = 0; t < 60'000; t += 5) {
    at_till.tick(kWorldNow_ms + t);
    at_wallet.tick(kWorldNow_ms + t);
    if (at_till.result() != pos::ContactResult::kRunning &&
        at_wallet.result() != ContactResult::kRunning) {
      break;
    }
  }
  return {at_wallet.result(), at_till.result()};
}

TEST_F(PaymentTest, PaysOverAPerfectLink) {
  link::LossyMedium medium("perfect", {});
  const Meeting meeting = meet(device_, till_, medium, offer(900), 1);
  EXPECT_EQ(meeting.wallet, ContactResult::kAccepted);
  EXPECT_EQ(meeting.terminal, pos::ContactResult::kAccepted);
  EXPECT_EQ(till_.terminal->waiting_payments(), 1u);
}

// [guard] A guardian that takes its time cannot say anything by it: the line goes dead, whatever it
// was late by, and the payment goes out the next time.
TEST_F(PaymentTest, ALateGuardianIsNotHeardOnTheLine) {
  const Bytes bill = offer(900);
  const Bytes32 terms = terms_of(bill).digest();
  link::LossyMedium medium("late", {});
  pos::Contact at_till(*till_.terminal, medium.a(), 1, bill);
  Contact at_wallet(*device_.wallet, medium.b());
  uint64_t now_ms = kWorldNow_ms;
  while (device_.wallet->payments().empty()) {
    at_till.tick(now_ms);
    at_wallet.tick(now_ms);
    now_ms += 5;
  }
  now_ms += 10'000;  // as long as the guardian took
  for (int i = 0; i < 100; ++i, now_ms += 5) {
    at_wallet.tick(now_ms);
    at_till.tick(now_ms);
  }
  EXPECT_EQ(at_wallet.result(), ContactResult::kCut);
  EXPECT_FALSE(at_till.decision().has_value());
  link::LossyMedium again("again", {});
  EXPECT_EQ(
      meet(device_, till_, again, *till_.terminal->repeat_offer(terms, kWorldNow_ms), 2).wallet,
      ContactResult::kAccepted);
  EXPECT_EQ(till_.terminal->waiting_payments(), 1u);
}

TEST_F(PaymentTest, ShowsItsListsOverTheLink) {
  link::LossyMedium medium("notice", {.drop = 100});
  const Meeting meeting =
      meet(device_, till_, medium, *till_.terminal->make_notice(kWorldNow_ms), 1);
  EXPECT_EQ(meeting.wallet, ContactResult::kNoticed);
  EXPECT_EQ(meeting.terminal, pos::ContactResult::kDelivered);
}

TEST_F(PaymentTest, PaysOverABadLink) {
  for (int i = 0; i < 4; ++i) {
    link::LossyMedium medium(absl::StrCat("bad", i),
                             {.drop = 300, .duplicate = 300, .corrupt = 200, .reorder = 200});
    const Meeting meeting = meet(device_, till_, medium, offer(100), 1 + i);
    // What it pays is exact: three slots of 1 EUR, and no fourth.
    EXPECT_EQ(meeting.wallet, i < 3 ? ContactResult::kAccepted : ContactResult::kDeclined) << i;
  }
  EXPECT_EQ(till_.terminal->waiting_payments(), 3u);
  EXPECT_EQ(balance(), 1600u);
}

// The link is cut after every number of transmissions that a payment takes; the devices are held
// together again, and it is paid once.
TEST_F(PaymentTest, ResumesAfterACutAnywhere) {
  const Bytes bill = offer(600);
  const Bytes32 terms = terms_of(bill).digest();
  const Bytes wallet_before = device_.memory.snapshot();
  const Bytes chip_before = device_.chip.memory().snapshot();
  const Bytes till_before = till_.memory.snapshot();
  uint64_t transmissions;
  {
    link::LossyMedium medium("rehearsal", {});
    ASSERT_EQ(meet(device_, till_, medium, bill, 1).wallet, ContactResult::kAccepted);
    transmissions = medium.transmissions();
  }
  for (uint64_t cut = 0; cut < transmissions; ++cut) {
    device_.memory.restore(wallet_before);
    device_.chip.memory().restore(chip_before);
    till_.memory.restore(till_before);
    ASSERT_TRUE(device_.restart().ok());
    ASSERT_TRUE(till_.restart().ok());
    device_.owner.payments_asked = 0;
    {
      link::LossyMedium medium("cut", {});
      medium.cut_after(cut);
      meet(device_, till_, medium, bill, 1);
    }
    ASSERT_TRUE(device_.restart().ok());
    ASSERT_TRUE(till_.restart().ok());
    link::LossyMedium medium("again", {});
    const Meeting meeting =
        meet(device_, till_, medium, *till_.terminal->repeat_offer(terms, kWorldNow_ms), 2);
    ASSERT_EQ(meeting.wallet, ContactResult::kAccepted) << cut;
    ASSERT_EQ(meeting.terminal, pos::ContactResult::kAccepted) << cut;
    EXPECT_EQ(device_.owner.payments_asked, 1);
    EXPECT_EQ(balance(), 1300u);
    EXPECT_EQ(till_.terminal->waiting_payments(), 1u);
  }
}

}  // namespace
}  // namespace cafe::wallet
