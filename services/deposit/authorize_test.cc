#include "services/deposit/authorize.h"

#include <gtest/gtest.h>

namespace cafe::deposit {
namespace {

using protocol::reason_of;
using State = ReservationState;

TEST(Authorize, TermsAreAtMostFiveMinutesAway) {
  constexpr uint64_t kNow_ms = 1'800'000'000'000;
  EXPECT_TRUE(check_terms_time(kNow_ms, kNow_ms).ok());
  EXPECT_TRUE(check_terms_time(kNow_ms - 300'000, kNow_ms).ok());
  EXPECT_TRUE(check_terms_time(kNow_ms + 300'000, kNow_ms).ok());
  EXPECT_EQ(reason_of(check_terms_time(kNow_ms - 300'001, kNow_ms)), "TERMS_TIME");
  EXPECT_EQ(reason_of(check_terms_time(kNow_ms + 300'001, kNow_ms)), "TERMS_TIME");
  EXPECT_EQ(reason_of(check_terms_time(UINT64_MAX, kNow_ms)), "TERMS_TIME");
  EXPECT_EQ(reason_of(check_terms_time(0, kNow_ms)), "TERMS_TIME");
}

TEST(Authorize, NamesTheGravestOfTheSlots) {
  struct Row {
    std::string_view reason;
    Reservation reservation;
  };
  const Row rows[] = {
      {"", {true, {State::kReserved, State::kReserved}, 5}},
      {"SLOT_HELD", {false, {State::kReserved, State::kHeld}, 0}},
      {"SLOT_SPENT", {false, {State::kHeld, State::kSpent}, 0}},
      {"ALREADY_DEPOSITED", {false, {State::kSpent, State::kSpentBySame}, 0}},
  };
  for (const Row& row : rows) EXPECT_EQ(refusal_of(row.reservation), row.reason);
}

}  // namespace
}  // namespace cafe::deposit
