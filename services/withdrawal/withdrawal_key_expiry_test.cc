// Statements of losses and successors count only if their key was valid then, and each is made
// once: with a key that is not valid, none is.
#include "services/withdrawal/loss_fixture.h"
#include "services/withdrawal/withdrawal_test_fixture.h"

namespace cafe::withdrawal {
namespace {

class KeyExpiry : public Withdrawal {
 protected:
  Wallet make_wallet() {
    Wallet wallet(issuer());
    wallet.join(stub(), 1'000);
    return wallet;
  }
};

TEST_F(KeyExpiry, NeitherLossNorSuccessorIsRecordedWithAKeyThatIsNotValid) {
  const Wallet wallet = make_wallet(), lost = make_wallet(), heir = make_wallet();
  const auto earlier = call_report(stub(), loss_report(issuer(), lost));
  ASSERT_TRUE(earlier.ok()) << earlier.status();
  const auto report = [&] { return call_report(stub(), loss_report(issuer(), wallet)); };
  const auto report_by_operator = [&] { return call_report(stub(), wallet.account()); };
  const auto replace = [&] { return call_replace(stub(), lost.account(), heir.account()); };
  for (const uint64_t at_s : {kWorldNow_s + 180 * kDay_s, kWorldNow_s - kDay_s - 1}) {
    clock_.set(absl::FromUnixSeconds(static_cast<int64_t>(at_s)));
    expect_refused("KEY_EXPIRED", report);
    expect_refused("KEY_EXPIRED", report_by_operator);
    expect_refused("KEY_EXPIRED", replace);
    EXPECT_TRUE(absl::IsUnavailable(report().status())) << "so that the wallet tries again";
    EXPECT_EQ(call_report(stub(), lost.account()).value_or(""), *earlier)
        << "what was signed in time is handed out for ever";
  }
  clock_.set(absl::FromUnixSeconds(kWorldNow_s + 180 * kDay_s - 1));
  EXPECT_TRUE(report().ok());
  EXPECT_TRUE(replace().ok());
}

}  // namespace
}  // namespace cafe::withdrawal
