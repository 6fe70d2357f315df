// By which lists claims are judged: never by old ones, as a refusal is for good.
#include "services/recovery/denominations.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "services/recovery/testing/fake_peers.h"

namespace cafe::recovery::testing {
namespace {

using protocol::DenomId;
using protocol::reason_of;
using protocol::SignedDocument;

// Withdrawal that can be held up in the middle of an answer.
class SlowWithdrawal : public FakeWithdrawal {
 public:
  using FakeWithdrawal::FakeWithdrawal;
  absl::StatusOr<SignedDocument> list(uint32_t number) override {
    if (before_answer) std::exchange(before_answer, nullptr)();
    return FakeWithdrawal::list(number);
  }
  std::function<void()> before_answer;  // once
};

class DenominationsTest : public ::testing::Test {
 protected:
  // The next list, with one denomination more: its id.
  DenomId publish() {
    withdrawal_.older_lists.emplace(market_.list.number, market_.signed_list);
    return market_.add_denomination(protocol::Kind::kCoin, {100, 100}).id;
  }
  // Why a claim of it cannot be judged; nothing where it can, and then whether the lists name it.
  std::string reason(const DenomId& id, bool* named = nullptr) {
    const auto lists = denominations_.known({{id}});
    if (lists.ok() && named != nullptr) *named = (*lists)->table.find(id) != nullptr;
    return reason_of(lists.status());
  }

  platform::ManualClock clock_{absl::FromUnixSeconds(cafe::testing::kWorldNow_s)};
  ClaimMarket market_{"denominations"};
  SlowWithdrawal withdrawal_{market_};
  platform::Metrics metrics_{"recovery"};
  Denominations denominations_{std::string(ClaimMarket::kIssuer),
                               market_.master_key.public_key(),
                               withdrawal_,
                               clock_,
                               metrics_,
                               /*production=*/false};
};

TEST_F(DenominationsTest, ANewDenominationIsFetched) {
  EXPECT_EQ(reason(market_.coin.id), "");
  const DenomId id = publish();
  clock_.advance(absl::Seconds(1));
  bool named = false;
  EXPECT_EQ(reason(id, &named), "");
  EXPECT_TRUE(named);
}

TEST_F(DenominationsTest, NothingIsSaidOfAnUnknownOneBeforeTheNextRefresh) {
  EXPECT_EQ(reason(market_.coin.id), "");
  const DenomId id = publish();
  EXPECT_EQ(reason(id), "DENOMINATIONS_UNKNOWN") << "the last attempt was just now";
  withdrawal_.down = true;
  clock_.advance(absl::Seconds(1));
  EXPECT_EQ(reason(id), "DENOMINATIONS_UNKNOWN") << "the attempt failed";
  EXPECT_EQ(reason(market_.coin.id), "") << "others go on";
  withdrawal_.down = false;
  clock_.advance(absl::Seconds(1));
  bool named = false;
  EXPECT_EQ(reason(id, &named), "");
  EXPECT_TRUE(named);
}

TEST_F(DenominationsTest, WhatTheNewestListDoesNotNameIsUnknownForGood) {
  DenomId nobodys = market_.coin.id;
  nobodys.bytes[0] ^= 1;
  bool named = true;
  EXPECT_EQ(reason(nobodys, &named), "");
  EXPECT_FALSE(named);
  clock_.advance(absl::Seconds(1));
  EXPECT_EQ(reason(nobodys), "") << "there is no newer list, and withdrawal said so";
}

// Whether the thread sleeps, as one does that waits for a lock.
bool sleeps(pid_t thread) {
  std::ifstream stat("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string id, name, state;
  stat >> id >> name >> state;
  return state == "S";
}

TEST_F(DenominationsTest, AClaimThatWaitsForAnothersRefreshGoesByItsLists) {
  EXPECT_EQ(reason(market_.coin.id), "");
  const DenomId id = publish();
  clock_.advance(absl::Seconds(1));
  std::string second_reason;
  bool second_named = false;
  std::jthread second;
  withdrawal_.before_answer = [&] {
    std::atomic<pid_t> thread = 0;
    second = std::jthread([&, started = &thread] {
      *started = static_cast<pid_t>(syscall(SYS_gettid));
      second_reason = reason(id, &second_named);
    });
    while (thread == 0 || !sleeps(thread)) std::this_thread::yield();
  };
  bool first_named = false;
  EXPECT_EQ(reason(id, &first_named), "");
  EXPECT_TRUE(first_named);
  second.join();
  EXPECT_EQ(second_reason, "");
  EXPECT_TRUE(second_named);
}

}  // namespace
}  // namespace cafe::recovery::testing
