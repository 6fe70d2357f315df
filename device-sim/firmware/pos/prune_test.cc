// What a terminal forgets, and what it keeps.
#include <utility>

#include "device-sim/firmware/pos/call_fixture.h"
#include "device-sim/firmware/pos/records.h"

namespace cafe::pos {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::reason_of;
using protocol::VerdictCode;
using testing::Caller;
using testing::kDay_s;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;
using testing::terms_of;

class PruneTest : public TerminalCallTest {
 protected:
  bool known(const Bytes32& terms_digest) {
    const auto again = till_.terminal->repeat_offer(terms_digest, kWorldNow_ms);
    EXPECT_TRUE(again.ok() || reason_of(again.status()) == "UNKNOWN_OFFER") << again.status();
    return again.ok();
  }
  void prune_at(uint64_t now_s) {
    const absl::Status pruned = till_.terminal->prune(now_s);
    ASSERT_TRUE(pruned.ok()) << pruned;
  }
  // What stands in the terminal's memory.
  Bytes stored_payment(const Bytes32& terms_digest) {
    firmware::MemoryImage copy(till_.memory.snapshot());
    const auto store = *firmware::RecordStore::open(copy);
    const Bytes* record = store->find(record_key(kBillPrefix, terms_digest));
    return record == nullptr ? Bytes() : Bill::decode(*record)->payment;
  }
  size_t stored(std::string_view prefix) {
    firmware::MemoryImage copy(till_.memory.snapshot());
    return (*firmware::RecordStore::open(copy))->count(prefix);
  }
};

TEST_F(PruneTest, KeepsThePaymentThatTheAcquirerRefused) {
  const Bytes refused = pay_coin();
  const Bytes32 of_refused = protocol::Payment::decode(refused)->terms.digest();
  decide(refused);
  ASSERT_TRUE(settle(receipt_for(**till_.terminal->next_deposit(), VerdictCode::kRefused)).ok());
  const Caller calling = open();
  talk(calling, 2);
  ASSERT_TRUE(till_.terminal->end_call(digest_of(calling), kWorldNow_ms).ok());
  ASSERT_TRUE(settle(receipt_for(**till_.terminal->next_deposit(), VerdictCode::kRefused)).ok());
  const Bytes paid = pay_coin();
  const Bytes32 of_paid = protocol::Payment::decode(paid)->terms.digest();
  decide(paid);
  ASSERT_TRUE(settle(receipt_for(**till_.terminal->next_deposit())).ok());

  prune_at(kWorldNow_s + 1000 * kDay_s);
  EXPECT_FALSE(known(of_paid));
  EXPECT_EQ(stored_payment(of_refused), refused);
  EXPECT_EQ(stored_payment(digest_of(calling)), calling.payment().encode());
  EXPECT_EQ(till_.terminal->call(digest_of(calling))->ticks, 2u);
  EXPECT_EQ(stored(kTickPrefix), 1u) << "the tick that it showed";
}

TEST_F(PruneTest, ForgetsWhatWasNeverPaidOnceItCannotBe) {
  const Bytes32 bill = terms_of(offer(500)).digest();
  const Bytes32 withdrawn = terms_of(offer(500)).digest();
  ASSERT_TRUE(till_.terminal->cancel_offer(withdrawn, kWorldNow_ms).ok());
  const Bytes wrong = pay(offer(500), {{&take(market_.cheque), 0, 499}}).encode();
  EXPECT_EQ(decide(wrong).reason, "AMOUNT_MISMATCH");
  const Bytes32 refused = protocol::Payment::decode(wrong)->terms.digest();
  const Bytes32 call = offer_call().digest();
  prune_at(kWorldNow_s + kDay_s);
  for (const Bytes32& each : {bill, withdrawn, refused, call}) EXPECT_TRUE(known(each));
  EXPECT_EQ(stored(kCallPrefix), 1u);
  prune_at(kWorldNow_s + kDay_s + 1);
  for (const Bytes32& each : {bill, withdrawn, refused, call}) EXPECT_FALSE(known(each));
  EXPECT_EQ(stored(kBillPrefix), 0u);
  EXPECT_EQ(stored(kCallPrefix), 0u);
  EXPECT_TRUE(till_.restart().ok());
}

TEST_F(PruneTest, KeepsWhatWaitsForTheAcquirer) {
  set_limits(1000, 3000);
  const Bytes accepted = pay_coin();
  decide(accepted);
  const Bytes above = pay(offer(2000), {{&take(market_.cheque), 0, 2000}}).encode();
  EXPECT_EQ(decide(above).decision, Decision::kAuthorize);
  const Caller running = open();
  talk(running, 3);
  prune_at(kWorldNow_s + 60 * kDay_s);
  ASSERT_TRUE(till_.restart().ok());
  EXPECT_EQ((*till_.terminal->next_deposit())->payments.at(0), accepted);
  EXPECT_EQ(authorize(above, true, market_.deposit_key)->decision, Decision::kAccepted);
  EXPECT_EQ(held(running), 3u);
}

// Where no more than one further bill would fit.
TEST_F(PruneTest, MakesRoomInAFullMemory) {
  testing::Till till(market_, "small", size_t{64} * 1024);
  const auto make_offer = [&](uint64_t now_s) {
    return reason_of(till.terminal->make_offer("EUR", 500, now_s * 1000).status());
  };
  Bytes before_last;
  Bytes last = till.memory.snapshot();
  while (make_offer(kWorldNow_s).empty()) {
    before_last = std::exchange(last, till.memory.snapshot());
  }
  ASSERT_EQ(make_offer(kWorldNow_s), "STORE_FULL");
  till.memory.restore(before_last);
  ASSERT_TRUE(till.restart().ok());
  const uint64_t later_s = kWorldNow_s + kDay_s + 1;
  const absl::Status pruned = till.terminal->prune(later_s);
  ASSERT_TRUE(pruned.ok()) << pruned;
  for (int i = 0; i < 20; ++i) ASSERT_EQ(make_offer(later_s), "") << i;
}

TEST_F(PruneTest, PrunesOnceADay) {
  const auto daily = [&](uint64_t now_s) {
    const absl::Status pruned = till_.terminal->prune_daily(now_s);
    EXPECT_TRUE(pruned.ok()) << pruned;
    return stored(kBillPrefix);
  };
  offer(500);
  EXPECT_EQ(daily(kWorldNow_s + 2), 1u);
  EXPECT_EQ(daily(kWorldNow_s + kDay_s + 1), 1u) << "less than a day later";
  EXPECT_EQ(daily(kWorldNow_s + kDay_s + 2), 0u);
  // At the first call after a start, and after the clock was put back.
  offer(500);
  ASSERT_TRUE(till_.restart().ok());
  EXPECT_EQ(daily(kWorldNow_s + kDay_s + 3), 0u);
  ASSERT_TRUE(till_.terminal->make_offer("EUR", 500, kWorldNow_ms - 2 * kDay_s * 1000).ok());
  EXPECT_EQ(daily(kWorldNow_s), 0u);
}

}  // namespace
}  // namespace cafe::pos
