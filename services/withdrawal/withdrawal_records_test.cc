// Over gRPC: what recovery and the operator are told of an account.
#include "services/withdrawal/loss_fixture.h"
#include "services/withdrawal/withdrawal_test_fixture.h"

namespace cafe::withdrawal {
namespace {

class Records : public Withdrawal {};

TEST_F(Records, AccountIsToldWithItsRegistrationAndWhereItStands) {
  Wallet wallet(issuer());
  must(wallet.prepare_registration(stub()));
  const auto receipt = wallet.send_registration(stub());
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  issuer().fund(wallet.account(), 10'000);
  auto told = call_account(stub(), wallet.account());
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(told->registration_file(), protocol::to_string(wallet.world.registration.encode()));
  EXPECT_EQ(told->receipt(), *receipt);
  EXPECT_EQ(told->standing(), v1::GetAccountResponse::OPEN);
  EXPECT_EQ(told->loss_recorded(), "");
  EXPECT_EQ(told->last_order(), 0U);
  EXPECT_EQ(told->last_load(), 0U);

  must(wallet.withdraw(stub(), {{issuer().coin.id, 1}}));
  must(wallet.withdraw(stub(), {{issuer().coin.id, 1}}));
  must(wallet.load(stub(), wallet.load_order(100, 1)));
  const auto statement = call_report(stub(), loss_report(issuer(), wallet));
  ASSERT_TRUE(statement.ok()) << statement.status();
  told = call_account(stub(), wallet.account());
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(told->standing(), v1::GetAccountResponse::LOST);
  EXPECT_EQ(told->loss_recorded(), *statement);
  EXPECT_EQ(told->last_order(), 2U);
  EXPECT_EQ(told->last_load(), 1U);

  EXPECT_EQ(reason_of(call_account(stub(), Wallet(issuer()).account()).status()),
            "UNKNOWN_ACCOUNT");
  v1::GetAccountRequest request;
  request.set_account_id("short");
  v1::GetAccountResponse response;
  EXPECT_EQ(reason_of(call(
                [&](grpc::ClientContext* c) { return stub().GetAccount(c, request, &response); })),
            "BAD_LENGTH");
}

TEST_F(Records, OrdersAndLoadsComePageByPageInTheirOrder) {
  Wallet wallet(issuer());
  wallet.join(stub());
  std::vector<std::string> orders, completions, loads;
  for (uint64_t i = 1; i <= 5; ++i) {
    const auto opened = wallet.open(stub(), {{issuer().coin.id, 1}});
    ASSERT_TRUE(opened.ok()) << opened.status();
    const PreparedOrder prepared = wallet.prepare(*opened);
    orders.push_back(protocol::to_string(prepared.document.encode()));
    completions.push_back(must(wallet.complete(stub(), prepared)));
    ++wallet.next_order;
    loads.push_back(must(wallet.load(stub(), wallet.load_order(100 + i, i))));
  }
  // What was opened and voided is no completed order.
  const auto opened = wallet.open(stub(), {{issuer().coin.id, 1}});
  must(wallet.ask_void(stub(), wallet.next_order, opened->time_slot));

  std::vector<std::string> listed_orders, listed_completions, listed_loads;
  uint64_t after = 0;
  for (;;) {
    const auto page = must(call_orders(stub(), wallet.account(), after, 2));
    if (page.orders_size() == 0) break;
    EXPECT_LE(page.orders_size(), 2);
    for (const auto& order : page.orders()) {
      EXPECT_EQ(order.number(), ++after);
      listed_orders.push_back(order.order());
      listed_completions.push_back(order.completion());
    }
  }
  EXPECT_EQ(listed_orders, orders);
  EXPECT_EQ(listed_completions, completions);
  for (const uint64_t from : {0, 2, 4, 5}) {
    const auto page = must(call_loads(stub(), wallet.account(), from, 2));
    EXPECT_THAT(page.loads(),
                ::testing::ElementsAreArray(
                    loads.begin() + static_cast<ptrdiff_t>(from),
                    loads.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(from + 2, 5))));
  }
  EXPECT_EQ(must(call_orders(stub(), wallet.account(), 0, 100)).orders_size(), 5);
  EXPECT_EQ(must(call_loads(stub(), wallet.account(), 0, 100)).loads_size(), 5);
  for (const uint32_t limit : {0U, 101U}) {
    EXPECT_EQ(reason_of(call_orders(stub(), wallet.account(), 0, limit).status()), "BAD_LIMIT");
    EXPECT_EQ(reason_of(call_loads(stub(), wallet.account(), 0, limit).status()), "BAD_LIMIT");
  }
  const Wallet stranger(issuer());
  EXPECT_EQ(reason_of(call_orders(stub(), stranger.account(), 0, 1).status()), "UNKNOWN_ACCOUNT");
  EXPECT_EQ(reason_of(call_loads(stub(), stranger.account(), 0, 1).status()), "UNKNOWN_ACCOUNT");
}

// An answer must stay below gRPC's limit for a message, however large the orders are.
TEST_F(Records, LargeOrdersComeInSmallerPages) {
  Wallet wallet(issuer());
  wallet.join(stub());
  const std::string id = sql_id(wallet.account());
  run_sql(issuer(),
          "INSERT INTO withdrawal.order_slot (account_id, n, time_slot, outcome) "
          "SELECT " +
              id +
              ", n, 1, 'completed' FROM generate_series(1, 60) AS n; "
              "INSERT INTO withdrawal.completed_order (account_id, n, time_slot, order_digest, "
              "lineage, signed_order, completion) SELECT " +
              id +
              ", n, 1, sha256('o'), sha256('l'), "
              "convert_to(repeat('o', 200000), 'UTF8'), convert_to(repeat('c', 10000), 'UTF8') "
              "FROM generate_series(1, 60) AS n; "
              "UPDATE withdrawal.account SET last_order = 60 WHERE account_id = " +
              id);
  uint64_t after = 0;
  int pages = 0;
  for (;; ++pages) {
    const auto page = call_orders(stub(), wallet.account(), after, 100);
    ASSERT_TRUE(page.ok()) << page.status();
    if (page->orders_size() == 0) break;
    for (const auto& order : page->orders()) EXPECT_EQ(order.number(), ++after);
  }
  EXPECT_EQ(after, 60U);
  EXPECT_EQ(pages, 4) << "19 of 210 kB are the most below 4 MiB";
}

// A statement outlives its key: whoever checks it years later gets the key's certificate.
TEST(RecordedKeys, CertificateOfEveryKeyThatEverSignedIsHandedOut) {
  TestIssuer issuer;
  const platform::ManualClock clock(absl::FromUnixSeconds(kWorldNow_s));
  Wallet old_lost(issuer), new_lost(issuer);
  std::string old_statement;
  {
    InProcess service(issuer, clock);
    old_lost.join(service.stub());
    new_lost.join(service.stub());
    old_statement = must(call_report(service.stub(), loss_report(issuer, old_lost)));
  }
  const auto renewed = must(protocol::SigningKey::create(issuer.market.rng.scalar()));
  const protocol::KeyCertificate certificate{
      issuer.list.issuer_id, std::string(protocol::kPurposeWithdrawal), renewed.public_key(),
      kWorldNow_s - kDay_s, kWorldNow_s + kDay_s};
  const auto document =
      protocol::SignedDocument::sign(certificate.encode(), issuer.market.master_key);
  WithdrawalOptions options = issuer.options;
  options.signing_key = (issuer.folder() / "renewed.json").string();
  must(storage::save_online_key(options.signing_key, {renewed, document, certificate}));

  InProcess service(issuer, clock, options);
  EXPECT_EQ(must(call_report(service.stub(), old_lost.account())), old_statement);
  v1::ReportLossRequest request;
  request.set_report(protocol::to_string(loss_report(issuer, old_lost).encode()));
  v1::ReportLossResponse response;
  must(call(
      [&](grpc::ClientContext* c) { return service.stub().ReportLoss(c, request, &response); }));
  const auto statement = must(protocol::SignedDocument::decode(view_of(response.recorded())));
  const auto opened = protocol::open_key_certificate(
      must(protocol::SignedDocument::decode(view_of(response.key_certificate()))),
      issuer.market.anchors, protocol::kPurposeWithdrawal, std::nullopt);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(statement.check(opened->key).ok()) << "the certificate of the key that signed it";

  const auto fresh = must(protocol::SignedDocument::decode(
      view_of(must(call_report(service.stub(), loss_report(issuer, new_lost))))));
  EXPECT_TRUE(fresh.check(renewed.public_key()).ok());
  const auto told = must(call_account(service.stub(), old_lost.account()));
  EXPECT_THAT(
      told.key_certificates(),
      ::testing::ElementsAre(response.key_certificate(), protocol::to_string(document.encode())))
      << "deposit's is none of them";
}

}  // namespace
}  // namespace cafe::withdrawal
