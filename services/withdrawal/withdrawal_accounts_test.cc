// Over gRPC: accounts that are found and closed, and lists that are published.
#include "libs/protocol/loadtest_key.h"
#include "services/withdrawal/withdrawal_test_fixture.h"

namespace cafe::withdrawal {
namespace {

// Accounts
// ------------------------------------------------------------------------------------------

class Closing : public Withdrawal {
 protected:
  absl::StatusOr<v1::CloseAccountResponse> close(const protocol::SignedCase& signed_case) {
    v1::CloseAccountRequest request;
    request.set_signed_case(protocol::to_string(signed_case.encode()));
    v1::CloseAccountResponse response;
    CAFE_RETURN_IF_ERROR(
        call([&](grpc::ClientContext* c) { return stub().CloseAccount(c, request, &response); }));
    return response;
  }
  // Spends a withdrawn coin twice.
  protocol::CaseFile convict(Wallet& wallet, testing::WithdrawnCoin& coin) {
    testing::Market& market = issuer().market;
    const auto first = market.pay(wallet.world, {{&coin, 0, 500}});
    const auto second = market.pay(wallet.world, {{&coin, 0, 500}}, testing::Guardian::kForgetful);
    return market.open_case(wallet.world, first, 0, second, 0);
  }
};

TEST_F(Closing, ConvictedAccountIsClosedAndStillGetsWhatCompleted) {
  Wallet wallet(issuer());
  wallet.join(stub());
  auto coins = wallet.withdraw(stub(), {{issuer().coin.id, 1}});
  ASSERT_TRUE(coins.ok()) << coins.status();
  const auto opened = wallet.open(stub(), {{issuer().coin.id, 1}});
  const PreparedOrder second = wallet.prepare(*opened);
  const auto completion = wallet.complete(stub(), second);
  ASSERT_TRUE(completion.ok()) << completion.status();
  ++wallet.next_order;
  const auto third = wallet.open(stub(), {{issuer().coin.id, 1}});
  ASSERT_TRUE(third.ok()) << third.status();

  const protocol::CaseFile file = convict(wallet, coins->at(0));
  const auto closed = close(issuer().market.sign_case(file));
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_EQ(closed->account_id(), protocol::to_string(wallet.account()));
  EXPECT_FALSE(closed->was_closed_already());
  const auto again = close(issuer().market.sign_case(file));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->was_closed_already());

  expect_refused("ACCOUNT_CLOSED", [&] { return wallet.open(stub(), {{issuer().coin.id, 1}}); });
  expect_refused("ACCOUNT_CLOSED", [&] { return wallet.complete(stub(), wallet.prepare(*third)); });
  const auto resent = wallet.complete(stub(), second);
  ASSERT_TRUE(resent.ok()) << resent.status();
  EXPECT_EQ(*resent, *completion);
  // Its serial and points stay taken.
  ASSERT_TRUE(wallet.prepare_registration(stub()).ok());
  expect_refused("ACCOUNT_TAKEN", [&] { return wallet.send_registration(stub()); });
}

TEST_F(Closing, CaseThatDoesNotProveItsAccountClosesNothing) {
  Wallet guilty(issuer()), innocent(issuer());
  guilty.join(stub());
  innocent.join(stub());
  auto coins = guilty.withdraw(stub(), {{issuer().coin.id, 1}});
  ASSERT_TRUE(coins.ok()) << coins.status();
  const protocol::CaseFile file = convict(guilty, coins->at(0));
  protocol::CaseFile framed = file;
  framed.registration = innocent.world.registration;
  expect_refused("WRONG_SECRET", [&] { return close(issuer().market.sign_case(framed)); });
  protocol::SignedCase forged = issuer().market.sign_case(file);
  forged.case_file.signature[0] ^= 1;
  expect_refused("BAD_SIGNATURE", [&] { return close(forged); });
}

TEST_F(Withdrawal, AccountIsFoundByEitherIdentityPoint) {
  Wallet wallet(issuer());
  wallet.join(stub());
  const auto find = [&](const protocol::Point& point) {
    v1::FindAccountRequest request;
    request.set_identity_point(protocol::to_string(point.bytes()));
    v1::FindAccountResponse response;
    const absl::Status status =
        call([&](grpc::ClientContext* c) { return stub().FindAccount(c, request, &response); });
    return status.ok() ? absl::StatusOr<v1::FindAccountResponse>(response) : status;
  };
  for (const protocol::Point& point :
       {wallet.world.account.points.I_coin, wallet.world.account.points.I_cheque}) {
    const auto found = find(point);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->account_id(), protocol::to_string(wallet.account()));
    EXPECT_EQ(found->registration_file(), protocol::to_string(wallet.world.registration.encode()));
    EXPECT_FALSE(found->closed());
  }
  EXPECT_EQ(reason_of(find(protocol::g2()).status()), "UNKNOWN_IDENTITY");
}

// Lists: a database of its own, since what is published stays
// ----------------------------------------------

TEST(WithdrawalLists, NewIssuePeriodStartsWhileTheOldOneRunsOut) {
  TestIssuer issuer;
  platform::ManualClock clock(absl::FromUnixSeconds(kWorldNow_s));
  InProcess service(issuer, clock);
  Wallet wallet(issuer);
  wallet.join(service.stub());
  const auto old_request = wallet.open_request({{issuer.coin.id, 1}});
  const auto opened = wallet.open(service.stub(), old_request);
  ASSERT_TRUE(opened.ok()) << opened.status();

  // The service holds no key of the new denomination: it says so, and goes on with the others.
  protocol::Denomination next =
      issuer.market.make_denomination(protocol::Kind::kCoin, {700}).denomination;
  ++issuer.list.number;
  issuer.list.denominations.push_back(next);
  issuer.publish();
  const auto refused = wallet.open(service.stub(), {{next.id(), 1}});
  EXPECT_EQ(reason_of(refused.status()), "KEY_UNAVAILABLE") << "found without waiting";
  EXPECT_THAT(service.metrics().expose(),
              ::testing::ContainsRegex("cafe_withdrawal_alarm\\{[^}]*kind=\"key_missing\"\\} 1"));

  EXPECT_EQ(reason_of(wallet.open(service.stub(), old_request).status()), "LIST_OUTDATED");
  EXPECT_TRUE(wallet.complete(service.stub(), wallet.prepare(*opened)).ok())
      << "what was opened from the old list completes";
  ++wallet.next_order;
  EXPECT_TRUE(wallet.withdraw(service.stub(), {{issuer.coin.id, 1}}).ok());
  const auto first = call_denominations(service.stub(), 1);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_NE(first->list(), protocol::to_string(issuer.signed_list.encode()));
  EXPECT_EQ(issuer.audit(), "");
}

TEST(WithdrawalLists, ListThatDoesNotVerifyIsRefusedAndAlarmed) {
  TestIssuer issuer;
  const protocol::SignedDocument good = issuer.signed_list;
  protocol::DenominationList next = issuer.list;
  ++next.number;
  // Signed by a key that is not the master key: the database cannot tell, the service does.
  must(issuer.try_publish(
      next.number, protocol::SignedDocument::sign(next.encode(), issuer.market.deposit_key)));
  platform::ManualClock clock(absl::FromUnixSeconds(kWorldNow_s));
  InProcess service(issuer, clock);
  const auto newest = call_denominations(service.stub());
  ASSERT_TRUE(newest.ok()) << newest.status();
  EXPECT_EQ(newest->list(), protocol::to_string(good.encode())) << "the last good one stays";
  EXPECT_EQ(reason_of(call_denominations(service.stub(), 2).status()), "BAD_SIGNATURE");
  EXPECT_THAT(service.metrics().expose(),
              ::testing::ContainsRegex("cafe_withdrawal_alarm\\{[^}]*kind=\"list_refused\"\\} 1"));
}

// Anyone can make coins of a load-test denomination.
TEST(WithdrawalLists, InProductionServesNoListWithALoadtestDenomination) {
  TestIssuer issuer;
  platform::ManualClock clock(absl::FromUnixSeconds(kWorldNow_s));
  platform::ServiceOptions common{.service = "withdrawal",
                                  .listen = "127.0.0.1:0",
                                  .database_url = issuer.postgres->url("cafe_withdrawal"),
                                  .issuer_id = issuer.list.issuer_id};
  common.tls.insecure = true;
  platform::ServiceOptions production = common;
  production.production = true;
  platform::ServiceHost running(production, clock);
  must(set_up(running, issuer.options));
  protocol::Denomination forgeable = issuer.coin.denomination;
  forgeable.currency = "XTS";
  forgeable.H = *protocol::multiply(protocol::loadtest_key(forgeable), protocol::g());
  ++issuer.list.number;
  issuer.list.denominations.push_back(forgeable);
  issuer.publish();
  EXPECT_TRUE(testing::eventually(std::chrono::seconds(20), [&] {
    return running.metrics().expose().find("kind=\"list_refused\"} 1") != std::string::npos;
  })) << "a list published while it runs is refused";

  platform::ServiceHost started_later(production, clock), elsewhere(common, clock);
  EXPECT_EQ(reason_of(set_up(started_later, issuer.options)), "LOADTEST_DENOMINATION");
  EXPECT_TRUE(set_up(elsewhere, issuer.options).ok()) << "outside of production it is for that";
}

TEST(WithdrawalLists, DatabaseTakesListsInOrderAndAKeyOnce) {
  TestIssuer issuer;
  const auto sign = [&](const protocol::DenominationList& list) {
    return protocol::SignedDocument::sign(list.encode(), issuer.market.master_key);
  };
  EXPECT_TRUE(issuer.try_publish(1, issuer.signed_list).ok()) << "the same again";
  protocol::DenominationList other = issuer.list;
  other.issued_at += 1;
  EXPECT_EQ(reason_of(issuer.try_publish(1, sign(other))), "LIST_NUMBER");
  other.number = 3;
  EXPECT_EQ(reason_of(issuer.try_publish(3, sign(other))), "LIST_NUMBER");
  other.number = 2;
  protocol::Denomination again = issuer.coin.denomination;
  again.slot_values = {700};
  other.denominations.push_back(again);
  EXPECT_EQ(reason_of(issuer.try_publish(2, sign(other))), "KEY_REUSED");
}

TEST(WithdrawalLists, StoppedDenominationIsRefusedEvenToOpenedOrders) {
  TestIssuer issuer;
  platform::ManualClock clock(absl::FromUnixSeconds(kWorldNow_s));
  InProcess service(issuer, clock), replica(issuer, clock);
  Wallet wallet(issuer);
  wallet.join(service.stub());
  const auto opened = wallet.open(service.stub(), {{issuer.coin.id, 1}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  const auto stop = [&](const std::string& id) {
    v1::StopDenominationRequest request;
    request.set_denom_id(id);
    request.set_reason("overdrawn");
    v1::StopDenominationResponse response;
    return call([&](grpc::ClientContext* c) {
      return service.stub().StopDenomination(c, request, &response);
    });
  };
  EXPECT_EQ(reason_of(stop(std::string(32, 'x'))), "UNKNOWN_DENOMINATION");
  const std::string id = protocol::to_string(issuer.coin.id);
  ASSERT_TRUE(stop(id).ok());
  ASSERT_TRUE(stop(id).ok()) << "again";
  for (InProcess* one : {&service, &replica}) {
    EXPECT_EQ(reason_of(wallet.complete(one->stub(), wallet.prepare(*opened)).status()),
              "DENOMINATION_STOPPED");
    EXPECT_EQ(reason_of(wallet.open(one->stub(), {{issuer.coin.id, 1}}).status()),
              "DENOMINATION_STOPPED");
  }
  EXPECT_TRUE(wallet.withdraw(service.stub(), {{issuer.split_coin.id, 1}}).ok());
  EXPECT_THAT(call_denominations(service.stub())->stopped(), ::testing::ElementsAre(id));
}

}  // namespace
}  // namespace cafe::withdrawal
