#include "services/doublespend/requests.h"

#include <gtest/gtest.h>

#include <functional>

#include "libs/protocol/payment.h"
#include "libs/protocol/status.h"
#include "services/doublespend/testing/rows.h"

namespace cafe::doublespend {
namespace {

using protocol::reason_of;

constexpr uint64_t kNow_s = 1'765'000'000;

SpendRow good_row() {
  testing::RowMaker maker("requests", kNow_s + 30 * testing::kDay_s, kNow_s + 60 * testing::kDay_s);
  return maker.spend(maker.coin(), 3, {.batch = 9, .position = 129});
}

v1::RecordRequest request_of(const std::vector<SpendRow>& rows) {
  v1::RecordRequest request;
  for (const SpendRow& row : rows) testing::append_packed(*request.mutable_rows(), row);
  return request;
}

TEST(RequestsTest, RecordReadsWhatWasSent) {
  const SpendRow sent = good_row();
  const auto rows = read_record(request_of({sent}), kNow_s);
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 1u);
  const SpendRow& row = rows->front();
  EXPECT_EQ(row.key, sent.key);
  EXPECT_EQ(row.trace, sent.trace);
  EXPECT_EQ(row.place, (Place{9, 129}));
  EXPECT_EQ(row.claim_until, kNow_s + 60 * testing::kDay_s);
}

TEST(RequestsTest, RecordRefusesEachMalformedField) {
  const struct {
    const char* reason;
    std::function<void(SpendRow&)> spoil;
  } cases[] = {
      {"SCALAR_TOO_LARGE", [](auto& row) { row.trace.d.fill(0xff); }},
      {"SCALAR_TOO_LARGE", [](auto& row) { row.trace.r1.fill(0xff); }},
      {"SCALAR_TOO_LARGE", [](auto& row) { row.trace.r2.fill(0xff); }},
      {"SLOT_OUTSIDE_COIN", [](auto& row) { row.key.slot = 64; }},
      {"BAD_DATES", [](auto& row) { row.key.deposit_until = 0; }},
      {"BAD_DATES", [](auto& row) { row.key.deposit_until = kNow_s + kDateWindow_s + 1; }},
      {"BAD_DATES", [](auto& row) { row.key.deposit_until = kNow_s - kDateWindow_s - 1; }},
      {"BAD_DATES", [](auto& row) { row.key.deposit_until = ~uint64_t{0}; }},
      {"BAD_DATES", [](auto& row) { row.claim_until = row.key.deposit_until - 1; }},
      {"BAD_DATES", [](auto& row) { row.claim_until = ~uint64_t{0}; }},
      {"BAD_PLACE", [](auto& row) { row.place.batch = kMaxBatch + 1; }},
      {"BAD_PLACE", [](auto& row) { row.place.position = kMaxPositions; }},
      {"BAD_TICKS", [](auto& row) { row.ticks = protocol::kMaxTicks + 1; }},
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    std::vector<SpendRow> rows = {good_row(), good_row()};
    cases[i].spoil(rows[1]);
    EXPECT_EQ(reason_of(read_record(request_of(rows), kNow_s).status()), cases[i].reason) << i;
  }
}

TEST(RequestsTest, RecordTakesTheGreatestBatchNumber) {
  SpendRow row = good_row();
  row.place.batch = kMaxBatch;
  EXPECT_TRUE(read_record(request_of({row}), kNow_s).ok());
}

TEST(RequestsTest, RecordRefusesWhatIsNoWholeNumberOfRows) {
  v1::RecordRequest request = request_of({good_row(), good_row()});
  request.mutable_rows()->pop_back();
  EXPECT_EQ(reason_of(read_record(request, kNow_s).status()), "BAD_LENGTH");
  request.set_rows(request_of({good_row()}).rows() + "x");
  EXPECT_EQ(reason_of(read_record(request, kNow_s).status()), "BAD_LENGTH");
}

TEST(RequestsTest, RecordRefusesTooFewAndTooManyRows) {
  v1::RecordRequest request;
  EXPECT_EQ(reason_of(read_record(request, kNow_s).status()), "ROW_COUNT");
  request.set_rows(std::string((kMaxRows + 1) * protocol::kSpendRowSize, '\0'));
  EXPECT_EQ(reason_of(read_record(request, kNow_s).status()), "ROW_COUNT");
}

TEST(RequestsTest, RecordRefusesACoinWithTwoDeadlines) {
  std::vector<SpendRow> rows(3, good_row());
  rows[0].key.coin_id.bytes.fill('z');
  EXPECT_TRUE(read_record(request_of(rows), kNow_s).ok());
  rows[0].key.deposit_until += 1;
  EXPECT_TRUE(read_record(request_of(rows), kNow_s).ok()) << "another coin may have another";
  rows[2].key.deposit_until += 1;
  rows[2].key.slot = 4;
  EXPECT_EQ(reason_of(read_record(request_of(rows), kNow_s).status()), "BAD_DATES");
}

// Two payments: one spends two slots of a coin, the other the first of them.
v1::ReserveRequest good_reserve() {
  v1::ReserveRequest request;
  request.set_hold_ms(kMaxHold_ms);
  for (const uint32_t slots : {2, 1}) {
    std::string& packed = *request.add_payments()->mutable_slots();
    SpendRow row = good_row();
    for (row.key.slot = 0; row.key.slot < slots; ++row.key.slot) testing::append_slot(packed, row);
  }
  return request;
}

// The request with row `at` of its first payment changed.
v1::ReserveRequest with_row(size_t at, const std::function<void(protocol::PackedSlot&)>& change) {
  v1::ReserveRequest request = good_reserve();
  std::string& packed = *request.mutable_payments(0)->mutable_slots();
  protocol::PackedSlot row = (*protocol::SlotRows::open(packed))[at];
  change(row);
  std::string changed;
  protocol::append_slot_row(changed, row);
  packed.replace(at * protocol::kSlotRowSize, protocol::kSlotRowSize, changed);
  return request;
}

std::string reserve_refusal(const v1::ReserveRequest& request) {
  return reason_of(read_reserve(request, kNow_s * 1000).status());
}

TEST(RequestsTest, ReserveReadsWhatWasSent) {
  const auto orders = read_reserve(good_reserve(), kNow_s * 1000);
  ASSERT_TRUE(orders.ok()) << orders.status();
  ASSERT_EQ(orders->size(), 2u);
  const ReserveOrder& order = orders->front();
  EXPECT_EQ(order.until_ms, kNow_s * 1000 + kMaxHold_ms);
  ASSERT_EQ(order.slots.size(), 2u);
  EXPECT_EQ(order.slots[1].key, (SlotKey{good_row().key.coin_id, 1, good_row().key.deposit_until}));
  EXPECT_EQ(order.slots[1].d, good_row().trace.d);
  EXPECT_EQ((*orders)[1].slots.size(), 1u) << "two payments may want one slot";
}

TEST(RequestsTest, ReserveRefusesEachMalformedField) {
  const struct {
    const char* reason;
    std::function<void(v1::ReserveRequest&)> spoil;
  } cases[] = {
      {"PAYMENT_COUNT", [](auto& request) { request.clear_payments(); }},
      {"PAYMENT_COUNT",
       [](auto& request) {
         while (request.payments_size() <= kMaxReservedPayments) {
           *request.add_payments() = request.payments(0);
         }
       }},
      {"BAD_HOLD", [](auto& request) { request.clear_hold_ms(); }},
      {"BAD_HOLD", [](auto& request) { request.set_hold_ms(kMaxHold_ms + 1); }},
      {"SLOT_COUNT", [](auto& request) { request.mutable_payments(1)->clear_slots(); }},
      {"SLOT_COUNT",
       [](auto& request) {
         request.mutable_payments(1)->set_slots(
             std::string((kMaxReservedSlots + 1) * protocol::kSlotRowSize, '\0'));
       }},
      {"BAD_LENGTH", [](auto& request) { *request.mutable_payments(1)->mutable_slots() += "x"; }},
  };
  for (const auto& c : cases) {
    v1::ReserveRequest request = good_reserve();
    c.spoil(request);
    EXPECT_EQ(reserve_refusal(request), c.reason);
  }
  EXPECT_EQ(reserve_refusal(with_row(1, [](auto& row) { row.slot = 0; })), "SLOT_TWICE");
  EXPECT_EQ(reserve_refusal(with_row(1, [](auto& row) { row.slot = 64; })), "SLOT_OUTSIDE_COIN");
  EXPECT_EQ(reserve_refusal(with_row(1, [](auto& row) { row.d.fill(0xff); })), "SCALAR_TOO_LARGE");
  EXPECT_EQ(reserve_refusal(with_row(1, [](auto& row) { row.deposit_until = 0; })), "BAD_DATES");
}

TEST(RequestsTest, LookupRefusesWrongCountsAndLengths) {
  v1::LookupRequest request;
  EXPECT_EQ(reason_of(read_lookup(request).status()), "COIN_COUNT");
  for (int i = 0; i < 1000; ++i) request.add_coin_ids(std::string(32, 'c'));
  EXPECT_TRUE(read_lookup(request).ok());
  request.add_coin_ids(std::string(32, 'c'));
  EXPECT_EQ(reason_of(read_lookup(request).status()), "COIN_COUNT");
  request.clear_coin_ids();
  request.add_coin_ids(std::string(33, 'c'));
  EXPECT_EQ(reason_of(read_lookup(request).status()), "BAD_LENGTH");
}

TEST(RequestsTest, APrefixHasTwentyBitsAtMostAndNothingBehind) {
  const auto refusal = [](uint32_t bits, uint32_t value) {
    v1::LookupPrefixRequest request;
    request.set_bits(bits);
    request.set_prefix(value);
    return reason_of(read_prefix(request).status());
  };
  EXPECT_EQ(refusal(0, 0), "");
  EXPECT_EQ(refusal(20, 0xfffff000), "");
  EXPECT_EQ(refusal(4, 0xa0000000), "");
  EXPECT_EQ(refusal(0, 0x80000000), "BAD_PREFIX");
  EXPECT_EQ(refusal(4, 0xa8000000), "BAD_PREFIX");
  EXPECT_EQ(refusal(20, 1), "BAD_PREFIX");
  EXPECT_EQ(refusal(21, 0), "BAD_PREFIX");
  EXPECT_EQ(refusal(256, 0), "BAD_PREFIX") << "no byte holds it";
}

v1::MarkClaimedRequest good_claim() {
  v1::MarkClaimedRequest request;
  request.set_claim(7);
  for (const char fill : {'a', 'b'}) {
    v1::MarkClaimedRequest::Coin& coin = *request.add_coins();
    coin.set_coin_id(std::string(32, fill));
    coin.set_slots(0b101);
    coin.set_deposit_until(kNow_s + 30 * testing::kDay_s);
    coin.set_claim_until(kNow_s + 60 * testing::kDay_s);
  }
  return request;
}

TEST(RequestsTest, MarkClaimedReadsWhatWasSent) {
  const auto coins = read_mark_claimed(good_claim(), kNow_s);
  ASSERT_TRUE(coins.ok()) << coins.status();
  ASSERT_EQ(coins->size(), 2u);
  const ClaimedCoin& coin = coins->back();
  EXPECT_EQ(protocol::to_string(coin.coin_id), std::string(32, 'b'));
  EXPECT_EQ(coin.slots, 0b101u);
  EXPECT_EQ(coin.deposit_until, kNow_s + 30 * testing::kDay_s);
  EXPECT_EQ(coin.claim_until, kNow_s + 60 * testing::kDay_s);
}

TEST(RequestsTest, MarkClaimedRefusesEachMalformedField) {
  const struct {
    const char* reason;
    std::function<void(v1::MarkClaimedRequest&)> spoil;
  } cases[] = {
      {"BAD_CLAIM", [](auto& request) { request.clear_claim(); }},
      {"BAD_CLAIM", [](auto& request) { request.set_claim(uint64_t{1} << 63); }},
      {"COIN_COUNT", [](auto& request) { request.clear_coins(); }},
      {"COIN_COUNT",
       [](auto& request) {
         while (request.coins_size() <= kMaxClaimedCoins) *request.add_coins() = request.coins(0);
       }},
      {"BAD_LENGTH", [](auto& request) { request.mutable_coins(1)->set_coin_id("short"); }},
      {"COIN_TWICE", [](auto& request) { *request.add_coins() = request.coins(0); }},
      {"NO_SLOT", [](auto& request) { request.mutable_coins(1)->clear_slots(); }},
      {"BAD_DATES", [](auto& request) { request.mutable_coins(1)->clear_deposit_until(); }},
      {"BAD_DATES",
       [](auto& request) {
         request.mutable_coins(1)->set_deposit_until(kNow_s + kDateWindow_s + 1);
       }},
      {"BAD_DATES",
       [](auto& request) {
         request.mutable_coins(1)->set_claim_until(request.coins(1).deposit_until() - 1);
       }},
      {"BAD_DATES", [](auto& request) { request.mutable_coins(1)->set_claim_until(UINT64_MAX); }},
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    v1::MarkClaimedRequest request = good_claim();
    cases[i].spoil(request);
    EXPECT_EQ(reason_of(read_mark_claimed(request, kNow_s).status()), cases[i].reason) << i;
  }
}

TEST(RequestsTest, LocateRefusesWrongCountsAndLengths) {
  v1::LocateRequest request;
  EXPECT_EQ(reason_of(read_locate(request).status()), "COIN_COUNT");
  for (int i = 0; i < kMaxClaimedCoins; ++i) request.add_coin_ids(std::string(32, 'c'));
  EXPECT_TRUE(read_locate(request).ok());
  request.add_coin_ids(std::string(32, 'c'));
  EXPECT_EQ(reason_of(read_locate(request).status()), "COIN_COUNT");
  request.clear_coin_ids();
  request.add_coin_ids(std::string(31, 'c'));
  EXPECT_EQ(reason_of(read_locate(request).status()), "BAD_LENGTH");
}

}  // namespace
}  // namespace cafe::doublespend
