// The power of the new device fails at every write of a recovery: it goes on after a restart, and
// whatever the issuer was sent, it is sent the same again.
#include "device-sim/firmware/wallet/power_cut_fixture.h"
#include "device-sim/firmware/wallet/recovery_fixture.h"

namespace cafe::wallet {
namespace {

using protocol::Bytes;
using testing::kWorldNow_s;

class RecoveryPowerCutTest : public testing::RecoveryTest {
 protected:
  void SetUp() override {
    RecoveryTest::SetUp();
    withdraw_coins();
    lost_.withdraw(issuer_, {{world_.cheque.id, 2}});
    lost_.load(issuer_, 3000);
    card_ = *lost_.wallet->backup_card();
  }
  // From wherever it is; every step may be done again.
  absl::Status go_on() {
    CAFE_ASSIGN_OR_RETURN(const BackupCard shown, BackupCard::decode(card_));
    CAFE_ASSIGN_OR_RETURN(const auto recovery, Recovery::with_card(*fresh_.wallet, shown));
    if (!recovery->loss_recorded()) {
      CAFE_ASSIGN_OR_RETURN(const Bytes report, recovery->loss_report(desk_.now_ms()));
      CAFE_ASSIGN_OR_RETURN(const Bytes recorded, desk_.report_loss(report));
      CAFE_RETURN_IF_ERROR(recovery->on_loss_recorded(recorded, desk_.withdrawal_certificate()));
    }
    if (!recovery->replaced()) {
      CAFE_ASSIGN_OR_RETURN(const SignedReplacement asked, recovery->replacement(desk_.now_ms()));
      CAFE_ASSIGN_OR_RETURN(const Bytes replaced, desk_.replace(asked));
      CAFE_RETURN_IF_ERROR(recovery->on_replaced(replaced, desk_.withdrawal_certificate()));
    }
    CAFE_RETURN_IF_ERROR(
        recover(*fresh_.wallet, desk_, *recovery, {.partly_spent = true, .cheques = true})
            .status());
    CAFE_RETURN_IF_ERROR(poll_claims(*fresh_.wallet, desk_));
    return recovery->finish();
  }
  Bytes card_;
};

TEST_F(RecoveryPowerCutTest, GoesOnFromEveryWriteAndClaimsOnce) {
  const testing::Image before = testing::image_of(fresh_);
  const testing::RecoveryDesk desk_before = desk_;
  std::vector<uint64_t> ends;
  const uint64_t start = fresh_.memory.bytes_written();
  fresh_.memory.log_writes(&ends);
  ASSERT_TRUE(go_on().ok());
  fresh_.memory.log_writes(nullptr);
  ASSERT_GE(ends.size(), 10u);
  for (const uint64_t cut : testing::cut_points(start, ends)) {
    testing::restore(fresh_, before);
    desk_.forget_all_after(desk_before);
    fresh_.memory.cut_power_after(cut);
    EXPECT_THROW(go_on().IgnoreError(), firmware::PowerLost) << cut;
    ASSERT_TRUE(fresh_.restart().ok()) << cut;
    const absl::Status done = go_on();
    ASSERT_TRUE(done.ok()) << cut << ": " << done;
    ASSERT_EQ(desk_.claims().size(), 2u) << cut << ": the coins and the cheques, once each";
    ASSERT_EQ(claimed(), kCoins + 3000) << cut;
    for (const ClaimView& view : views()) ASSERT_EQ(view.status, ClaimStatus::kHeld) << cut;
    ASSERT_TRUE(Recovery::under_way(*fresh_.wallet).empty()) << cut;
  }
}

// A claim that was stored is the one that is sent, however late.
TEST_F(RecoveryPowerCutTest, TheSameClaimIsSentAfterARestart) {
  const auto recovery = begin();
  ASSERT_TRUE(list_and_rebuild(desk_, *recovery).ok());
  ASSERT_TRUE(look_up_all(desk_, *recovery).ok());
  const auto digest = recovery->claim({}, desk_.now_ms())->at(0);
  const Bytes bytes = *Claims(*fresh_.wallet).bytes(digest);
  // It reached the issuer; the receipt did not come back.
  ASSERT_FALSE(desk_.file_claim(bytes)->refused);
  ASSERT_TRUE(fresh_.restart().ok());
  EXPECT_EQ(*Claims(*fresh_.wallet).bytes(digest), bytes);
  const auto resumed = *Recovery::resume(*fresh_.wallet, lost_account_);
  ASSERT_TRUE(recover(*fresh_.wallet, desk_, *resumed, {}).ok());
  ASSERT_EQ(views().size(), 1u) << "nothing is claimed twice";
  EXPECT_EQ(views()[0].status, ClaimStatus::kHeld);
}

}  // namespace
}  // namespace cafe::wallet
