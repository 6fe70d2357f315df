// Authorization on line.
#include <deque>
#include <set>
#include <thread>

#include "absl/time/clock.h"
#include "services/deposit/testing/deposit_fixture.h"

namespace cafe::deposit {
namespace {

using protocol::Authorization;
using protocol::Bytes;
using protocol::Payment;
using protocol::reason_of;
using protocol::VerdictCode;
using testing::DepositTest;
using testing::kNow_s;
using testing::SlotOf;
using testing::TestCoin;
using testing::Till;

class AuthorizationTest : public DepositTest {
 protected:
  AuthorizationTest() {
    for (int i = 0; i < 5; ++i) coins.push_back(shop.mint(shop.five));  // 25.00, above the limit
  }
  std::vector<SlotOf> all() const {
    std::vector<SlotOf> slots;
    for (const TestCoin& coin : coins) slots.push_back({&coin, 0});
    return slots;
  }
  Bytes payment_of_all() { return shop.make_payment(till, all(), terms_now(till, 2500)).encode(); }
  Authorization authorize(const Bytes& payment) {
    const auto response = payee->authorize(payment);
    EXPECT_TRUE(response.ok()) << response.status();
    const auto document =
        protocol::SignedDocument::decode(protocol::view_of(response->authorization()));
    EXPECT_TRUE(document->check(shop.deposit_key.key.public_key()).ok());
    EXPECT_EQ(response->key_certificate(),
              protocol::to_string(shop.deposit_key.certificate.encode()));
    return *Authorization::decode(document->frame);
  }
  std::string refusal(const Bytes& payment) {
    return reason_of(payee->authorize(payment).status());
  }

  std::vector<TestCoin> coins;
};

TEST_F(AuthorizationTest, IsNeededAboveTheOfflineLimitAndHonouredAtTheDeposit) {
  const Bytes payment = payment_of_all();
  EXPECT_EQ(deposit_one(till, payment).reason, "AUTHORIZATION_NEEDED");
  const Authorization granted = authorize(payment);
  EXPECT_TRUE(granted.granted);
  EXPECT_EQ(granted.reason, "");
  EXPECT_EQ(granted.payee_id, till.payee_id);
  EXPECT_EQ(granted.terms_digest, Payment::decode(payment)->terms.digest());
  EXPECT_EQ(granted.reserved_until_ms, kNow_s * 1000 + 120'000);
  clock.advance(absl::Hours(48));  // long after the reservation
  EXPECT_EQ(deposit_one(till, payment).code, VerdictCode::kAccepted);
  EXPECT_EQ(back_end.credited(till), 2500);
}

// One thread for all: questions that wait meanwhile are answered together, each for itself.
TEST_F(AuthorizationTest, AnswersManyAtOnceEachByItself) {
  DepositOptions options = back_end.options();
  options.authorize_threads = 1;
  service.reset();
  start(options);
  struct Case {
    Bytes payment;
    std::string expected;  // reason of the answer or of the error; "" where granted
    std::string got{};
  };
  const protocol::Terms now = terms_now(till, 500);
  const auto pay = [&](const TestCoin& coin) { return shop.make_payment(till, {{&coin, 0}}, now); };
  const auto id_of = [](size_t i) { return "till-" + std::to_string(i); };
  const Till stranger = shop.make_till();
  std::deque<TestCoin> fresh;
  std::vector<Case> cases;
  for (int i = 0; i < 24; ++i) {
    Payment payment = pay(fresh.emplace_back(shop.mint(shop.five)));
    std::string expected;
    switch (i % 6) {
      case 1:
        payment.terms.signature[63] ^= 1;
        expected = "BAD_SIGNATURE";
        break;
      case 2:
        payment.spends[0].r1 = payment.spends[0].r2;
        expected = "SPEND_INVALID";
        break;
      case 3:
        payment = shop.make_payment(stranger, {{&fresh.back(), 0}}, terms_now(stranger, 500));
        expected = "UNKNOWN_PAYEE";
        break;
      case 4: {
        protocol::Terms old = now;
        old.time_ms -= 600'000;
        payment = shop.make_payment(till, {{&fresh.back(), 0}}, old);
        expected = "TERMS_TIME";
        break;
      }
      default:
        break;
    }
    cases.push_back({payment.encode(), expected});
    if (i % 6 == 5) cases.push_back(cases.back());  // the same payment twice
  }
  cases.push_back({Bytes{1, 2, 3}, "TRUNCATED"});
  std::vector<std::thread> threads;
  for (size_t i = 0; i < cases.size(); ++i) {
    threads.emplace_back([&, i] {
      Case& each = cases[i];
      const auto response = payee->authorize(each.payment, id_of(i));
      if (!response.ok()) {
        each.got = reason_of(response.status());
        return;
      }
      const auto document =
          protocol::SignedDocument::decode(protocol::view_of(response->authorization()));
      each.got = Authorization::decode(document->frame)->reason;
    });
  }
  for (std::thread& thread : threads) thread.join();
  size_t granted = 0;
  std::set<std::string> ids;
  for (size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(cases[i].got, cases[i].expected) << i;
    if (!cases[i].expected.empty()) continue;
    ++granted;
    ids.insert(id_of(i));
  }
  EXPECT_EQ(back_end.peers.coin_store.reserved_ids(), ids) << "each under its own id";
  EXPECT_LE(back_end.peers.coin_store.reserve_calls, static_cast<int>(granted));
  EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.granted_authorization"),
            static_cast<int64_t>(granted - 4))
      << "four were asked about twice";
  EXPECT_NE(
      service->metrics().find("cafe_batch_items_sum{service=\"deposit\",pool=\"authorize\"} " +
                              std::to_string(cases.size())),
      std::string::npos);
}

TEST_F(AuthorizationTest, TellsTheClientToBackOffWhenTheCoinStoreIsFull) {
  back_end.peers.coin_store.full = true;
  const Bytes payment = payment_of_all();
  const absl::Status refused = payee->authorize(payment).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(reason_of(refused), "QUEUE_FULL");
  EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.granted_authorization"), 0);
  back_end.peers.coin_store.full = false;
  EXPECT_TRUE(authorize(payment).granted);
}

TEST_F(AuthorizationTest, DoesNothingForWhoHasGivenUp) {
  clock.advance(absl::Hours(24 * 365 * 50));  // the service judges deadlines by this clock
  const absl::Status late =
      payee->authorize(payment_of_all(), "till-1", absl::Now() + absl::Minutes(5)).status();
  EXPECT_EQ(late.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(reason_of(late), "DEADLINE_PASSED");
  EXPECT_EQ(back_end.peers.coin_store.reserve_calls, 0);
}

TEST_F(AuthorizationTest, IsForThisPaymentOnly) {
  ASSERT_TRUE(authorize(payment_of_all()).granted);
  const Bytes another = payment_of_all();
  EXPECT_EQ(deposit_one(till, another).reason, "AUTHORIZATION_NEEDED");
  EXPECT_EQ(authorize(another).reason, "SLOT_HELD");
}

TEST_F(AuthorizationTest, HoldsItsSlotsForItsTimeOnly) {
  ASSERT_TRUE(authorize(payment_of_all()).granted);
  back_end.peers.coin_store.now_ms = kNow_s * 1000 + 120'001;
  EXPECT_TRUE(authorize(payment_of_all()).granted);
}

TEST_F(AuthorizationTest, CanBeAskedForAgain) {
  const Bytes payment = payment_of_all();
  ASSERT_TRUE(authorize(payment).granted);
  EXPECT_TRUE(authorize(payment).granted);
  EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.granted_authorization"), 1);
}

TEST_F(AuthorizationTest, DoesNotStandBeforeAPaymentMadeOffLine) {
  ASSERT_TRUE(authorize(payment_of_all()).granted);
  const Till other = shop.make_till();
  back_end.enrol(other);
  EXPECT_EQ(deposit_one(other, shop.pay(other, {{&coins[0], 0}})).code, VerdictCode::kAccepted);
}

TEST_F(AuthorizationTest, IsNotGrantedForSpentSlots) {
  const Till other = shop.make_till();
  back_end.enrol(other);
  deposit(other, {shop.pay(other, {{&coins[3], 0}})});
  const Authorization refused = authorize(payment_of_all());
  EXPECT_FALSE(refused.granted);
  EXPECT_EQ(refused.reason, "SLOT_SPENT");
  EXPECT_EQ(refused.reserved_until_ms, 0u);
  const Bytes small = shop.make_payment(till, {{&coins[0], 0}}, terms_now(till, 500)).encode();
  deposit(till, {small});
  EXPECT_EQ(authorize(small).reason, "ALREADY_DEPOSITED");
  EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.granted_authorization"), 0);
}

TEST_F(AuthorizationTest, IsNotGrantedForWhatIsInvalid) {
  const protocol::Terms terms = terms_now(till, 500);
  Payment payment = shop.make_payment(till, {{&coins[0], 0}}, terms);
  payment.spends[0].r1 = payment.spends[0].r2;
  EXPECT_EQ(authorize(payment.encode()).reason, "SPEND_INVALID");
  protocol::Terms old = terms;
  old.time_ms -= 300'001;
  EXPECT_EQ(authorize(shop.make_payment(till, {{&coins[0], 0}}, old).encode()).reason,
            "TERMS_TIME");
  back_end.run_sql("UPDATE deposit.terminal SET revoked_at = to_timestamp(0)");
  EXPECT_EQ(authorize(shop.make_payment(till, {{&coins[0], 0}}, terms).encode()).reason,
            "TERMINAL_REVOKED");
}

TEST_F(AuthorizationTest, IsSignedForEnrolledTerminalsOnly) {
  const std::string before = back_end.fingerprint();
  const Till stranger = shop.make_till();
  const std::vector<SlotOf> slot = {{&coins[0], 0}};
  EXPECT_EQ(refusal(shop.make_payment(stranger, slot, terms_now(stranger, 500)).encode()),
            "UNKNOWN_PAYEE");
  const Till second = shop.make_till(till.payee_id);
  EXPECT_EQ(refusal(shop.make_payment(second, slot, terms_now(second, 500)).encode()),
            "UNKNOWN_TERMINAL");
  EXPECT_EQ(refusal(shop.make_payment(second, slot, terms_now(till, 500)).encode()),
            "BAD_SIGNATURE");
  EXPECT_NE(refusal({}), "");
  back_end.peers.coin_store.down = true;
  EXPECT_EQ(refusal(payment_of_all()), "COIN_STORE_UNAVAILABLE");
  EXPECT_EQ(back_end.fingerprint(), before);
}

}  // namespace
}  // namespace cafe::deposit
