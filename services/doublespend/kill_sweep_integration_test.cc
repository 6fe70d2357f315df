// The service is killed on either side of every commit that it makes, of one after the other:
// whoever asked asks again, and everything has happened once.
#include <set>

#include "services/doublespend/testing/case_fixture.h"

namespace cafe::doublespend::testing {
namespace {

using cafe::testing::eventually;
using std::chrono::seconds;
using Stub = v1::DoubleSpend::Stub;

class KillSweepTest : public CaseTest {
 protected:
  // Whether the service is there; where it died, the next one lives.
  bool alive() {
    if (program_->running()) return true;
    EXPECT_FALSE(died_) << "it died once more";
    died_ = true;
    states_.insert(state());
    start_program();
    return false;
  }
  // Asks until there is an answer.
  template <typename Ask>
  void ask(Ask ask) {
    EXPECT_TRUE(eventually(seconds(60), [&] {
      if (ask()) return true;
      alive();
      return false;
    })) << program_->output();
  }
  // How far it came in this round.
  std::string state() {
    const auto more = [&](const std::string& what) {
      return std::to_string(count("SELECT count(*) FROM coinstore." + what) - before_[what]) + " ";
    };
    return more("spent") + more("cases") + more("cases WHERE state = 'proved'") +
           more("cases WHERE account_closed_ms IS NOT NULL") + more("claimed") +
           more("reservation");
  }

  // A coin spent twice, its case, a claim and a reservation.
  void live() {
    wallet_ = market_.make_wallet();
    peers_.add_account(wallet_);
    coin_ = market_.take(wallet_, market_.coin);
    const std::vector<SpendRow> rows{pay(coin_), pay(coin_)};
    std::vector<v1::RecordVerdict> verdicts;
    ask([&] {
      v1::RecordResponse response;
      if (!try_record(rows, response).ok()) return false;
      verdicts = {response.verdicts().begin(), response.verdicts().end()};
      return true;
    });
    ASSERT_EQ(verdicts.size(), 1u) << "the first is fresh, and not named";
    ASSERT_EQ(verdicts[0].outcome(), v1::RecordVerdict::DOUBLE);
    const uint64_t number = verdicts[0].case_number();
    const std::string closed =
        "SELECT count(*) FROM coinstore.cases WHERE account_closed_ms IS NOT NULL AND number = " +
        std::to_string(number);
    ask([&] { return count(closed) == 1; });
    // What withdrawal was told, perhaps twice, is the case that is stored.
    const std::string closing = peers_.closed().back();
    const auto told = protocol::view_of(closing);
    EXPECT_EQ(count("SELECT count(*) FROM coinstore.cases WHERE signed_case = '\\x" +
                    protocol::to_hex(told) + "' AND number = " + std::to_string(number)),
              1);
    const auto verdict =
        protocol::verify_case(*protocol::SignedCase::decode(told), market_.anchors);
    ASSERT_TRUE(verdict.ok()) << verdict.status();
    EXPECT_EQ(verdict->account, wallet_.account.account);
    EXPECT_EQ(count("SELECT count(*) FROM coinstore.cases"), before_["cases"] + 1);

    const SpendRow slot = rows_.spend(rows_.coin(), 0, {next_batch_++, 0});
    ask([&] { return claim(slot); });
    const SpendRow other = rows_.spend(rows_.coin(), 0, {next_batch_++, 0});
    ask([&] { return reserve(other); });
    ask([&] { return alive(); });
    EXPECT_EQ(state(), "1 1 1 1 1 1 ");
  }
  bool claim(const SpendRow& row) {
    v1::MarkClaimedRequest request;
    request.set_claim(++claims_);
    auto& coin = *request.add_coins();
    coin.set_coin_id(protocol::to_string(row.key.coin_id));
    coin.set_slots(1);
    coin.set_deposit_until(row.key.deposit_until);
    coin.set_claim_until(row.claim_until);
    v1::MarkClaimedResponse response;
    const bool ok = call(&Stub::MarkClaimed, request, response).ok();
    if (!ok) --claims_;  // the same claim once more
    return ok;
  }
  bool reserve(const SpendRow& row) {
    v1::ReserveRequest request;
    request.set_hold_ms(60'000);
    append_slot(*request.add_payments()->mutable_slots(), row);
    v1::ReserveResponse response;
    return call(&Stub::Reserve, request, response).ok() && response.reservations(0).granted();
  }

  void sweep(const std::string& failpoint) {
    int n = 1;
    for (;; ++n) {
      SCOPED_TRACE(n);
      for (const char* what :
           {"spent", "cases", "cases WHERE state = 'proved'",
            "cases WHERE account_closed_ms IS NOT NULL", "claimed", "reservation"}) {
        before_[what] = count(std::string("SELECT count(*) FROM coinstore.") + what);
      }
      died_ = false;
      if (!try_start_program(failpoint + "=crash@" + std::to_string(n))) alive();
      live();
      if (HasFailure()) return;
      program_.reset();
      if (!died_) break;
      ASSERT_LT(n, 60) << "it never gets through";
    }
    std::printf("killed at %d commits\n", n - 1);
  }

  std::map<std::string, int64_t> before_;
  std::set<std::string> states_;  // in which it died
  uint64_t claims_ = 0;
  bool died_ = false;
};

TEST_F(KillSweepTest, BeforeEachCommit) {
  sweep("storage/before-commit");
  for (const char* state :
       {"0 0 0 0 0 0 ", "1 1 0 0 0 0 ", "1 1 1 0 0 0 ", "1 1 1 1 0 0 ", "1 1 1 1 1 0 "}) {
    EXPECT_TRUE(states_.contains(state)) << state;
  }
}

TEST_F(KillSweepTest, AfterEachCommit) {
  sweep("storage/after-commit");
  for (const char* state : {"0 0 0 0 0 0 ", "1 1 0 0 0 0 ", "1 1 1 0 0 0 ", "1 1 1 1 0 0 ",
                            "1 1 1 1 1 0 ", "1 1 1 1 1 1 "}) {
    EXPECT_TRUE(states_.contains(state)) << state;
  }
}

}  // namespace
}  // namespace cafe::doublespend::testing
