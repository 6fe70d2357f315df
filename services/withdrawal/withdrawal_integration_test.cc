// Over gRPC, for honest wallets and for those that register or open as they must not.
#include "services/withdrawal/withdrawal_test_fixture.h"

namespace cafe::withdrawal {
namespace {

// Honest ------------------------------------------------------------------------------------------

TEST_F(Withdrawal, WalletRegistersWithdrawsAndHoldsValidCoins) {
  Wallet wallet(issuer());
  wallet.join(stub(), 10'000);
  const auto coins = wallet.withdraw(stub(), {{issuer().coin.id, 7}, {issuer().split_coin.id, 2}});
  ASSERT_TRUE(coins.ok()) << coins.status();
  EXPECT_EQ(coins->size(), 9U);
  EXPECT_EQ(issuer().balance(wallet.account()), 10'000 - 7 * 500 - 2 * 900);
  // The chain goes on, in the same minute as well.
  EXPECT_TRUE(wallet.withdraw(stub(), {{issuer().coin.id, 1}}).ok());
  EXPECT_EQ(issuer().count("withdrawal.completed_order WHERE account_id = '\\x" +
                           wallet.account().hex() + "'"),
            2);
}

TEST_F(Withdrawal, AnybodyGetsTheListAndTheCertificates) {
  const auto response = call_denominations(stub());
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->list(), protocol::to_string(issuer().signed_list.encode()));
  std::vector<std::string> purposes;
  for (const std::string& bytes : response->key_certificates()) {
    const auto document = protocol::SignedDocument::decode(view_of(bytes));
    ASSERT_TRUE(document.ok());
    ASSERT_TRUE(document->check(issuer().market.master_key.public_key()).ok());
    purposes.push_back(protocol::KeyCertificate::decode(document->frame)->purpose);
  }
  EXPECT_THAT(purposes, ::testing::UnorderedElementsAre("deposit", "withdrawal"));
  EXPECT_EQ(reason_of(call_denominations(stub(), 99).status()), "LIST_UNKNOWN");
}

TEST_F(Withdrawal, SameCompleteAgainGetsTheSameBytesHoweverLate) {
  Wallet wallet(issuer());
  wallet.join(stub());
  const auto opened = wallet.open(stub(), {{issuer().coin.id, 2}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  const PreparedOrder order = wallet.prepare(*opened);
  const auto first = wallet.complete(stub(), order);
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string after = issuer().rows();
  clock_.advance(absl::Hours(24 * 400));
  const auto again = wallet.complete(stub(), order);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *first);
  EXPECT_EQ(issuer().rows(), after);
}

TEST_F(Withdrawal, OrderOpenedWithOneReplicaCompletesWithAnother) {
  InProcess other(issuer(), clock_);
  Wallet wallet(issuer());
  wallet.join(stub());
  const auto opened = wallet.open(stub(), {{issuer().coin.id, 1}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  const PreparedOrder order = wallet.prepare(*opened);
  const auto completion = wallet.complete(other.stub(), order);
  ASSERT_TRUE(completion.ok()) << completion.status();
  EXPECT_TRUE(wallet.unblind(order, *completion).ok());
}

// Registration
// --------------------------------------------------------------------------------------

TEST_F(Withdrawal, SameRegistrationAgainGetsTheSameReceipt) {
  Wallet wallet(issuer());
  ASSERT_TRUE(wallet.prepare_registration(stub()).ok());
  const auto first = wallet.send_registration(stub());
  ASSERT_TRUE(first.ok()) << first.status();
  const auto document = protocol::SignedDocument::decode(view_of(*first));
  ASSERT_TRUE(document->check(issuer().market.withdrawal_key.public_key()).ok());
  EXPECT_EQ(protocol::RegistrationReceipt::decode(document->frame)->account, wallet.account());
  clock_.advance(absl::Hours(1));  // the nonce is stale by now
  const auto again = wallet.send_registration(stub());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *first);
}

TEST_F(Withdrawal, RegistrationUnderAnotherOrAStaleNonceIsRefused) {
  Wallet wallet(issuer());  // its registration carries a nonce that no issuer drew
  expect_refused("UNKNOWN_NONCE", [&] { return wallet.send_registration(stub()); });
  ASSERT_TRUE(wallet.prepare_registration(stub()).ok());
  clock_.advance(absl::Minutes(10));
  expect_refused("NONCE_EXPIRED", [&] { return wallet.send_registration(stub()); });
}

TEST_F(Withdrawal, RegistrationThatAnotherKeySignedIsRefused) {
  Wallet wallet(issuer());
  ASSERT_TRUE(wallet.prepare_registration(stub()).ok());
  auto& document = wallet.world.registration.registration;
  document = protocol::SignedDocument::sign(document.frame, issuer().market.deposit_key);
  expect_refused("BAD_SIGNATURE", [&] { return wallet.send_registration(stub()); });
}

// A wallet's registration with a guardian of the test's choosing.
class Registering : public Withdrawal {
 protected:
  void set_guardian(Wallet& wallet, const protocol::GuardianCertificate& guardian) {
    wallet.world.guardian_certificate =
        protocol::SignedDocument::sign(guardian.encode(), issuer().market.manufacturer_key);
  }
  protocol::GuardianCertificate guardian_of(const Wallet& wallet) {
    return *protocol::GuardianCertificate::decode(wallet.world.guardian_certificate.frame);
  }
  void rederive(Wallet& wallet) {
    wallet.world.identity = *protocol::WalletIdentity::derive(
        wallet.world.identity_seed, issuer().list.issuer_id, guardian_of(wallet));
  }
};

TEST_F(Registering, AccountSerialAndIdentityAreUnique) {
  Wallet first(issuer());
  first.join(stub());
  // The same wallet and guardian, under a new nonce.
  ASSERT_TRUE(first.prepare_registration(stub()).ok());
  expect_refused("ACCOUNT_TAKEN", [&] { return first.send_registration(stub()); });

  // Another wallet with the same guardian.
  Wallet second(issuer());
  second.world.guardian = first.world.guardian;
  second.world.guardian_certificate = first.world.guardian_certificate;
  rederive(second);
  ASSERT_TRUE(second.prepare_registration(stub()).ok());
  expect_refused("SERIAL_TAKEN", [&] { return second.send_registration(stub()); });

  // The first wallet's secret with another guardian.
  Wallet third(issuer());
  third.world.identity = first.world.identity;
  ASSERT_TRUE(third.prepare_registration(stub()).ok());
  expect_refused("U_TAKEN", [&] { return third.send_registration(stub()); });
}

// [guard] of section 3: one set for both kinds of identity points.
TEST_F(Registering, PointOfOneAccountsCoinsIsNotAnothersForCheques) {
  Wallet first(issuer());
  first.join(stub());
  Wallet second(issuer());
  // A manufacturer that makes A_Q = I_coin - U', for the U' that the wallet will have: it depends
  // on A_Q through the seed, so the wallet's secret is given here.
  auto guardian = guardian_of(second);
  const protocol::Point& I = first.world.account.points.I_coin;
  const protocol::Scalar one = protocol::Scalar::from_u64(1);
  guardian.A_Q = *protocol::linear_combination({{one, I}, {-one, second.world.identity.U}});
  set_guardian(second, guardian);
  ASSERT_TRUE(second.prepare_registration(stub()).ok());
  expect_refused("IDENTITY_TAKEN", [&] { return second.send_registration(stub()); });
}

// Open
// ----------------------------------------------------------------------------------------------

TEST_F(Withdrawal, OpenIsRefusedToStrangersAndForgers) {
  Wallet stranger(issuer());
  expect_refused("UNKNOWN_ACCOUNT", [&] { return stranger.open(stub(), {{issuer().coin.id, 1}}); });
  Wallet wallet(issuer());
  wallet.join(stub());
  const auto forged = protocol::SignedDocument::sign(
      wallet.open_request({{issuer().coin.id, 1}}).encode(), stranger.key());
  expect_refused("BAD_SIGNATURE", [&] { return call_open(stub(), forged); });
  auto elsewhere = wallet.open_request({{issuer().coin.id, 1}});
  elsewhere.issuer_id = "issuer-b.example";
  expect_refused("WRONG_ISSUER", [&] { return wallet.open(stub(), elsewhere); });
}

TEST_F(Withdrawal, OrdersOfAnAccountAreAChain) {
  Wallet wallet(issuer());
  wallet.join(stub());
  ASSERT_TRUE(wallet.withdraw(stub(), {{issuer().coin.id, 1}}).ok());
  for (const uint64_t n : {uint64_t{1}, uint64_t{3}, uint64_t{1} << 62}) {
    auto request = wallet.open_request({{issuer().coin.id, 1}});
    request.order = n;
    expect_refused("ORDER_NUMBER", [&] { return wallet.open(stub(), request); });
  }
}

// [guard] of section 4.
TEST_F(Withdrawal, EightCoinsOrADenominationTwiceAreNotOpened) {
  Wallet wallet(issuer());
  wallet.join(stub());
  expect_refused("TOO_MANY_COINS", [&] { return wallet.open(stub(), {{issuer().coin.id, 8}}); });
  expect_refused("DENOMINATION_TWICE", [&] {
    return wallet.open(stub(), {{issuer().coin.id, 1}, {issuer().coin.id, 1}});
  });
  expect_refused("UNKNOWN_DENOMINATION", [&] {
    return wallet.open(stub(), {{protocol::DenomId{}, 1}});
  });
}

TEST_F(Withdrawal, DenominationIsOnlyIssuedWithinItsDates) {
  Wallet wallet(issuer());
  wallet.join(stub());
  clock_.set(absl::FromUnixSeconds(issuer().coin.denomination.withdraw_until));
  expect_refused("DENOMINATION_NOT_OPEN", [&] {
    return wallet.open(stub(), {{issuer().coin.id, 1}});
  });
  // Opened on the last second, it completes within the two minutes that every order has.
  clock_.set(absl::FromUnixSeconds(issuer().coin.denomination.withdraw_until - 1));
  const auto opened = wallet.open(stub(), {{issuer().coin.id, 1}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  clock_.advance(absl::Seconds(60));
  EXPECT_TRUE(wallet.complete(stub(), wallet.prepare(*opened)).ok());
}

TEST_F(Withdrawal, OrderFromAnotherListIsRefused) {
  Wallet wallet(issuer());
  wallet.join(stub());
  auto request = wallet.open_request({{issuer().coin.id, 1}});
  request.list_digest[0] ^= 1;
  expect_refused("LIST_OUTDATED", [&] { return wallet.open(stub(), request); });
  request = wallet.open_request({{issuer().coin.id, 1}});
  ++request.list_number;
  expect_refused("LIST_OUTDATED", [&] { return wallet.open(stub(), request); });
}

// Limits
// --------------------------------------------------------------------------------------------

TEST_F(Withdrawal, RatesAreLimitedWithAndWithoutRedis) {
  WithdrawalOptions limited = issuer().options;
  limited.registrations_per_minute = 3;
  limited.orders_per_minute = 2;
  InProcess service(issuer(), clock_, limited);
  Wallet wallet(issuer());
  wallet.join(stub());
  Wallet newcomer(issuer());
  const auto drain = [&](auto&& call) {
    std::string reason;
    for (int i = 0; i < 10 && reason != "RATE_LIMITED"; ++i) reason = reason_of(call().status());
    return reason;
  };
  const auto open = [&] { return wallet.open(service.stub(), {{issuer().coin.id, 1}}); };
  EXPECT_EQ(drain(open), "RATE_LIMITED");
  EXPECT_EQ(drain([&] { return newcomer.send_registration(service.stub()); }), "RATE_LIMITED");
  Wallet other(issuer());
  other.join(stub());
  EXPECT_TRUE(other.open(service.stub(), {{issuer().coin.id, 1}}).ok()) << "for each account alone";
  clock_.advance(absl::Minutes(1));
  EXPECT_TRUE(open().ok());
  issuer().redis->kill();
  EXPECT_TRUE(open().ok()) << "nothing needs Redis";
  EXPECT_EQ(drain(open), "RATE_LIMITED");
  ASSERT_TRUE(issuer().redis->start_again().ok());
}

}  // namespace
}  // namespace cafe::withdrawal
