// Nothing is signed, and nothing stored, with a key whose certificate is not valid now: no judge
// would ever accept it, while the same call can be made again when the key was renewed.
#include "services/recovery/backups.h"
#include "services/recovery/list_orders.h"
#include "services/recovery/show_claim.h"
#include "services/recovery/testing/recovery_fixture.h"
#include "services/recovery/wiring.h"
#include "tests/support/process.h"

namespace cafe::recovery::testing {
namespace {

using protocol::reason_of;
using protocol::SignedDocument;

class KeyExpiryTest : public RecoveryTest {
 protected:
  // The certificate ends with this second.
  void expire_key() { key_.opened.valid_until = now_ms() / 1000; }
  void expect_expired(const absl::Status& status) {
    EXPECT_EQ(reason_of(status), "KEY_EXPIRED");
    EXPECT_TRUE(absl::IsUnavailable(status)) << "so that callers try again: " << status;
  }
  absl::Status try_file(const SignedDocument& claim) {
    return file_claim(parts_, claim.encode(), absl::InfiniteFuture()).status();
  }
  SignedDocument claim_of(const WithdrawnCoin& coin) {
    return claim(next_, ClaimKind::kCoins, {claimed(coin, coin.order)});
  }
  int64_t rows() {
    return number(
        "SELECT (SELECT count(*) FROM recovery.claim) + "
        "(SELECT count(*) FROM recovery.claim_statement) + "
        "(SELECT count(*) FROM recovery.backup)");
  }
};

TEST_F(KeyExpiryTest, NoClaimIsTakenOrRefused) {
  const WithdrawnCoin coin = take(lost_, market_.coin);
  lose_and_replace();
  const SignedDocument document = claim_of(coin);
  protocol::ClaimedCoin wrong = claimed(coin, 99);
  const SignedDocument bad = claim(next_, ClaimKind::kCoins, {wrong});
  const auto [from, until] = std::pair(key_.opened.valid_from, key_.opened.valid_until);
  expire_key();
  expect_expired(try_file(document));
  expect_expired(try_file(bad));
  key_.opened.valid_from = now_ms() / 1000 + 1;
  key_.opened.valid_until = until;
  expect_expired(try_file(document));
  EXPECT_EQ(rows(), 0);
  EXPECT_TRUE(coin_store_.marked.empty());

  key_.opened.valid_from = from;
  filed(document);
  EXPECT_EQ(refused(bad), "NO_SUCH_COIN@0");
  expire_key();
  EXPECT_TRUE(try_file(document).ok()) << "what was signed in time is handed out for ever";
}

TEST_F(KeyExpiryTest, TermsOfPaymentsAreNotVoidedForNothing) {
  WithdrawnCoin coin = take(lost_, market_.coin);
  const protocol::Payment payment = pay({{&coin, 0, 500}});
  const SignedDocument document = claim(lost_, ClaimKind::kPayments, {claimed(coin, coin.order)},
                                        {market_.void_payment(payment, /*refused=*/true)});
  expire_key();
  expect_expired(try_file(document));
  EXPECT_TRUE(deposit_.voided.empty());
  renew_key();
  EXPECT_TRUE(try_file(document).ok());
  EXPECT_EQ(deposit_.voided.size(), 1u);
}

TEST_F(KeyExpiryTest, AClaimWaitsForTheNextKey) {
  const WithdrawnCoin coin = take(lost_, market_.coin);
  lose_and_replace();
  const SignedDocument document = claim_of(coin);
  advance_to(filed(document).held_until_ms);
  expire_key();
  expect_expired(try_work());
  EXPECT_EQ(rows(), 1);
  EXPECT_EQ(customer(next_), 0);
  renew_key();
  clock_.advance(absl::Seconds(1));
  work();
  EXPECT_EQ(total(document, next_).credited, 500u);
  EXPECT_EQ(customer(next_), 500);
}

TEST_F(KeyExpiryTest, NothingElseIsSaid) {
  const protocol::BackupKey words = protocol::BackupKey::draw(market_.rng);
  const SignedDocument backup =
      seal_backup(words, ClaimMarket::kIssuer, lost_.account.account, 1, lost_.coin_seed,
                  lost_.identity.account_key, market_.rng);
  const protocol::OrdersQuery orders{.issuer_id = std::string(ClaimMarket::kIssuer),
                                     .account = lost_.account.account,
                                     .by = lost_.account.account,
                                     .after = 0,
                                     .after_load = 0,
                                     .time_ms = now_ms()};
  const SignedDocument query = SignedDocument::sign(orders.encode(), lost_.identity.account_key);
  const auto put = [&] {
    return put_backup(parts_, backup.encode(), absl::InfiniteFuture()).status();
  };
  const auto list = [&] {
    return list_orders(parts_, query.encode(), absl::InfiniteFuture()).status();
  };
  const auto hotlist = [&] { return make_hotlist(parts_, 0).status(); };
  expire_key();
  expect_expired(put());
  expect_expired(list());
  expect_expired(hotlist());
  EXPECT_EQ(rows(), 0);
  renew_key();
  EXPECT_TRUE(put().ok());
  EXPECT_TRUE(list().ok());
  EXPECT_TRUE(hotlist().ok());
}

TEST_F(KeyExpiryTest, AGaugeTellsHowLongTheKeyLasts) {
  renew_key();
  clock_.advance(absl::Hours(1));
  work();
  EXPECT_EQ(series_.key_seconds_left.Value(), 23 * 3600);
  clock_.advance(absl::Hours(24));
  work();
  EXPECT_EQ(series_.key_seconds_left.Value(), -3600);
}

TEST_F(KeyExpiryTest, TheServiceDoesNotStartWithSuchAKey) {
  const cafe::testing::TemporaryFolder folder;
  RecoveryOptions own;
  own.trust = folder.path() / "trust.json";
  own.signing_key = folder.path() / "recovery.key";
  ASSERT_TRUE(storage::save_trust(own.trust, market_.anchors).ok());
  ASSERT_TRUE(storage::save_online_key(own.signing_key, key_).ok());
  const auto start = [&] {
    platform::ServiceOptions options{
        .service = "recovery", .listen = "127.0.0.1:0", .tls = {.insecure = true}};
    options.issuer_id = std::string(ClaimMarket::kIssuer);
    options.database_url = shared_postgres().url("cafe_recovery", database_name_);
    platform::ServiceHost host(options, clock_);
    return set_up(host, own);
  };
  EXPECT_TRUE(start().ok());
  // By its own clock, which is ahead in tests.
  own.clock_ahead_s = key_.opened.valid_until - now_ms() / 1000;
  EXPECT_EQ(reason_of(start()), "KEY_EXPIRED");
  own.clock_ahead_s -= 1;
  EXPECT_TRUE(start().ok());
  own.clock_ahead_s = 0;
  advance_to(key_.opened.valid_until * 1000);
  EXPECT_EQ(reason_of(start()), "KEY_EXPIRED");
}

}  // namespace
}  // namespace cafe::recovery::testing
