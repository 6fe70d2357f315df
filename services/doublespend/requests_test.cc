#include "services/doublespend/requests.h"

#include <gtest/gtest.h>

#include <functional>

#include "libs/protocol/status.h"
#include "services/doublespend/testing/rows.h"

namespace cafe::doublespend {
namespace {

using protocol::reason_of;
using protocol::to_string;

constexpr uint64_t kNow_s = 1'765'000'000;

v1::SpendRow good_row() {
  testing::RowMaker maker("requests", kNow_s + 30 * testing::kDay_s, kNow_s + 60 * testing::kDay_s);
  const SpendRow row = maker.spend(maker.coin(), 3, {.batch = 9, .position = 129});
  v1::SpendRow message;
  message.set_coin_id(to_string(row.key.coin_id));
  message.set_slot(row.key.slot);
  message.set_d(to_string(row.trace.d));
  message.set_r1(to_string(row.trace.r1));
  message.set_r2(to_string(row.trace.r2));
  message.set_deposit_until(row.key.deposit_until);
  message.set_claim_until(row.claim_until);
  message.set_batch(row.place.batch);
  message.set_position(row.place.position);
  return message;
}

const std::string kTooLarge(32, '\xff');

TEST(RequestsTest, RecordReadsWhatWasSent) {
  v1::RecordRequest request;
  *request.add_rows() = good_row();
  const auto rows = read_record(request, kNow_s);
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 1u);
  const SpendRow& row = rows->front();
  EXPECT_EQ(to_string(row.key.coin_id), good_row().coin_id());
  EXPECT_EQ(row.key.slot, 3u);
  EXPECT_EQ(to_string(row.trace.d), good_row().d());
  EXPECT_EQ(to_string(row.trace.r1), good_row().r1());
  EXPECT_EQ(to_string(row.trace.r2), good_row().r2());
  EXPECT_EQ(row.place, (Place{9, 129}));
  EXPECT_EQ(row.key.deposit_until, kNow_s + 30 * testing::kDay_s);
  EXPECT_EQ(row.claim_until, kNow_s + 60 * testing::kDay_s);
}

TEST(RequestsTest, RecordRefusesEachMalformedField) {
  const struct {
    const char* reason;
    std::function<void(v1::SpendRow&)> spoil;
  } cases[] = {
      {"BAD_LENGTH", [](auto& row) { row.set_coin_id(std::string(31, 'x')); }},
      {"BAD_LENGTH", [](auto& row) { row.clear_coin_id(); }},
      {"BAD_LENGTH", [](auto& row) { row.set_d(row.d() + "x"); }},
      {"BAD_LENGTH", [](auto& row) { row.clear_r1(); }},
      {"BAD_LENGTH", [](auto& row) { row.set_r2(std::string(64, '\0')); }},
      {"SCALAR_TOO_LARGE", [](auto& row) { row.set_d(kTooLarge); }},
      {"SCALAR_TOO_LARGE", [](auto& row) { row.set_r1(kTooLarge); }},
      {"SCALAR_TOO_LARGE", [](auto& row) { row.set_r2(kTooLarge); }},
      {"SLOT_OUTSIDE_COIN", [](auto& row) { row.set_slot(64); }},
      {"BAD_DATES", [](auto& row) { row.clear_deposit_until(); }},
      {"BAD_DATES", [](auto& row) { row.set_deposit_until(kNow_s + kDateWindow_s + 1); }},
      {"BAD_DATES", [](auto& row) { row.set_deposit_until(kNow_s - kDateWindow_s - 1); }},
      {"BAD_DATES", [](auto& row) { row.set_deposit_until(~uint64_t{0}); }},
      {"BAD_DATES", [](auto& row) { row.set_claim_until(row.deposit_until() - 1); }},
      {"BAD_DATES", [](auto& row) { row.set_claim_until(~uint64_t{0}); }},
      {"BAD_PLACE", [](auto& row) { row.set_batch(uint64_t{1} << 63); }},
      {"BAD_PLACE", [](auto& row) { row.set_position(128'000); }},
  };
  for (const auto& c : cases) {
    v1::RecordRequest request;
    *request.add_rows() = good_row();
    *request.add_rows() = good_row();
    c.spoil(*request.mutable_rows(1));
    EXPECT_EQ(reason_of(read_record(request, kNow_s).status()), c.reason)
        << request.rows(1).ShortDebugString();
  }
}

TEST(RequestsTest, RecordRefusesTooFewAndTooManyRows) {
  v1::RecordRequest request;
  EXPECT_EQ(reason_of(read_record(request, kNow_s).status()), "ROW_COUNT");
  for (int i = 0; i < kMaxRows + 1; ++i) request.add_rows();
  EXPECT_EQ(reason_of(read_record(request, kNow_s).status()), "ROW_COUNT");
}

TEST(RequestsTest, RecordRefusesACoinWithTwoDeadlines) {
  v1::RecordRequest request;
  for (int i = 0; i < 3; ++i) *request.add_rows() = good_row();
  request.mutable_rows(0)->set_coin_id(std::string(32, 'z'));
  EXPECT_TRUE(read_record(request, kNow_s).ok());
  request.mutable_rows(2)->set_deposit_until(good_row().deposit_until() + 1);
  request.mutable_rows(2)->set_slot(4);
  EXPECT_EQ(reason_of(read_record(request, kNow_s).status()), "BAD_DATES");
}

v1::ReserveRequest good_reserve() {
  v1::ReserveRequest request;
  request.set_hold_ms(kMaxHold_ms);
  for (uint32_t slot = 0; slot < 2; ++slot) {
    auto& message = *request.add_slots();
    message.set_coin_id(good_row().coin_id());
    message.set_slot(slot);
    message.set_d(good_row().d());
    message.set_deposit_until(good_row().deposit_until());
  }
  return request;
}

TEST(RequestsTest, ReserveRefusesEachMalformedField) {
  ASSERT_TRUE(read_reserve(good_reserve(), kNow_s).ok());
  const struct {
    const char* reason;
    std::function<void(v1::ReserveRequest&)> spoil;
  } cases[] = {
      {"SLOT_COUNT", [](auto& request) { request.clear_slots(); }},
      {"SLOT_COUNT",
       [](auto& request) {
         while (request.slots_size() <= kMaxReservedSlots) request.add_slots();
       }},
      {"BAD_HOLD", [](auto& request) { request.clear_hold_ms(); }},
      {"BAD_HOLD", [](auto& request) { request.set_hold_ms(kMaxHold_ms + 1); }},
      {"SLOT_TWICE", [](auto& request) { request.mutable_slots(1)->set_slot(0); }},
      {"SLOT_OUTSIDE_COIN", [](auto& request) { request.mutable_slots(1)->set_slot(64); }},
      {"BAD_LENGTH", [](auto& request) { request.mutable_slots(1)->set_coin_id("short"); }},
      {"SCALAR_TOO_LARGE", [](auto& request) { request.mutable_slots(1)->set_d(kTooLarge); }},
      {"BAD_DATES", [](auto& request) { request.mutable_slots(1)->clear_deposit_until(); }},
  };
  for (const auto& c : cases) {
    v1::ReserveRequest request = good_reserve();
    c.spoil(request);
    EXPECT_EQ(reason_of(read_reserve(request, kNow_s).status()), c.reason);
  }
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

}  // namespace
}  // namespace cafe::doublespend
