// The service over gRPC with a real PostgreSQL and Redis, at a clock of the test's: what it does
// for an honest wallet, and every rule firing for another one.
#include <gmock/gmock.h>

#include "services/withdrawal/issuer_fixture.h"

namespace cafe::withdrawal {
namespace {

using protocol::OrderLine;
using protocol::reason_of;
using protocol::view_of;
using testing::kDay_s;
using testing::kWorldNow_s;

class Withdrawal : public ::testing::Test {
 protected:
  // One database for all tests of this suite; each brings wallets of its own.
  static void SetUpTestSuite() { issuer_ = new TestIssuer(); }
  static void TearDownTestSuite() {
    EXPECT_EQ(issuer_->audit(), "");
    delete issuer_;
    issuer_ = nullptr;
  }

  TestIssuer& issuer() { return *issuer_; }
  Stub& stub() { return service_.stub(); }
  uint64_t slot() const { return protocol::time_slot_of(platform::unix_seconds(clock_)); }

  // The call is refused for `reason`, and no row of the database is another than before.
  template <typename F>
  void expect_refused(const std::string& reason, F&& call) {
    const std::string before = issuer().rows();
    const auto result = call();
    EXPECT_EQ(reason_of(result.status()), reason) << result.status();
    EXPECT_EQ(issuer().rows(), before) << reason << " changed rows";
  }

  static TestIssuer* issuer_;
  platform::ManualClock clock_{absl::FromUnixSeconds(kWorldNow_s)};
  InProcess service_{*issuer_, clock_};
};

TestIssuer* Withdrawal::issuer_ = nullptr;

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
  expect_refused("CHEQUES_NOT_ISSUED", [&] {
    return wallet.open(stub(), {{issuer().cheque.id, 1}});
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

// Complete
// ------------------------------------------------------------------------------------------

// [guard] of section 4: 120 s at most.
TEST_F(Withdrawal, OrderCompletesInItsTimeSlotOrTheNextAndNeverLater) {
  struct Case {
    int64_t later_s;
    bool completes;
  };
  // The world's now is 40 s into its time slot.
  ASSERT_EQ(kWorldNow_s % 60, 40U);
  for (const Case& c : {Case{0, true}, Case{19, true}, Case{20, true}, Case{79, true},
                        Case{80, false}, Case{200, false}}) {
    clock_.set(absl::FromUnixSeconds(kWorldNow_s));
    Wallet wallet(issuer());
    wallet.join(stub());
    const auto opened = wallet.open(stub(), {{issuer().coin.id, 1}});
    ASSERT_TRUE(opened.ok()) << opened.status();
    const PreparedOrder order = wallet.prepare(*opened);
    clock_.advance(absl::Seconds(c.later_s));
    if (c.completes) {
      EXPECT_TRUE(wallet.complete(stub(), order).ok()) << c.later_s;
    } else {
      expect_refused("ORDER_TOO_OLD", [&] { return wallet.complete(stub(), order); });
    }
  }
}

// Whatever is altered in the issuer's answer, it is not its own any more.
TEST_F(Withdrawal, AnswerThatIsNotTheIssuersOwnIsDead) {
  Wallet wallet(issuer());
  wallet.join(stub());
  const auto opened = wallet.open(stub(), {{issuer().coin.id, 2}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  const auto dead = [&](auto&& alter) {
    protocol::OpenAnswer altered = *opened;
    alter(altered);
    expect_refused("ORDER_DEAD", [&] { return wallet.complete(stub(), wallet.prepare(altered)); });
  };
  dead([](auto& a) { a.mac[31] ^= 1; });
  dead([](auto& a) { a.time_slot += 1; });
  dead([](auto& a) { a.lines[0].coins.pop_back(); });
  dead([&](auto& a) { a.lines[0].denom_id = issuer().split_coin.id; });
  dead([](auto& a) { std::swap(a.lines[0].coins[0], a.lines[0].coins[1]); });
  dead([](auto& a) { std::swap(a.lines[0].coins[0][0], a.lines[0].coins[0][1]); });
  dead([](auto& a) { a.lines[0].coins[0][0].a = protocol::g(); });
  dead([](auto& a) { a.lines[0].z = protocol::g1(); });
  protocol::OpenAnswer later = *opened;
  later.order = 2;
  expect_refused("ORDER_NUMBER", [&] { return wallet.complete(stub(), wallet.prepare(later)); });
  EXPECT_TRUE(wallet.complete(stub(), wallet.prepare(*opened)).ok());
}

TEST_F(Withdrawal, AnswerToAnotherAccountIsDead) {
  Wallet alice(issuer()), bob(issuer());
  alice.join(stub());
  bob.join(stub());
  auto opened = alice.open(stub(), {{issuer().coin.id, 1}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  // Alice's answer under Bob's name and signature.
  opened->account = bob.account();
  expect_refused("ORDER_DEAD", [&] { return bob.complete(stub(), bob.prepare(*opened)); });
  // Alice's answer, signed by Bob.
  opened->account = alice.account();
  expect_refused("BAD_SIGNATURE", [&] { return bob.complete(stub(), bob.prepare(*opened)); });
}

// [guard] of section 4: an order opened before another one completed is dead.
TEST_F(Withdrawal, SecondSessionOfOneNumberDiesWithTheFirst) {
  Wallet wallet(issuer());
  wallet.join(stub());
  const auto first = wallet.open(stub(), {{issuer().coin.id, 1}});
  clock_.advance(absl::Minutes(1));
  const auto second = wallet.open(stub(), {{issuer().coin.id, 2}});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE(wallet.complete(stub(), wallet.prepare(*first)).ok());
  expect_refused("ORDER_COMPLETED_DIFFERENTLY",
                 [&] { return wallet.complete(stub(), wallet.prepare(*second)); });
}

TEST_F(Withdrawal, OrderThatCostsMoreThanTheAccountHoldsIsRefused) {
  Wallet wallet(issuer());
  wallet.join(stub(), 1'000);
  expect_refused("INSUFFICIENT_FUNDS", [&] {
    return wallet.open(stub(), {{issuer().coin.id, 3}});
  });
  const auto opened = wallet.open(stub(), {{issuer().coin.id, 2}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  // The money goes elsewhere between Open and Complete.
  const auto ledger = storage::make_postgres_ledger();
  must(issuer().admin().transaction({}, [&](Transaction& tx) {
    return ledger
        ->post(tx, {.kind = "payout",
                    .reference = protocol::to_bytes(wallet.account()),
                    .lines = {{{"customer", protocol::to_bytes(wallet.account()), "EUR"}, -1},
                              {{"cash", {}, "EUR"}, 1}}})
        .status();
  }));
  const PreparedOrder order = wallet.prepare(*opened);
  expect_refused("INSUFFICIENT_FUNDS", [&] { return wallet.complete(stub(), order); });
  // Nothing of it remains: with the money back the same order completes.
  issuer().fund(wallet.account(), 1);
  EXPECT_TRUE(wallet.complete(stub(), order).ok());
  EXPECT_EQ(issuer().balance(wallet.account()), 0);
}

// Void
// ----------------------------------------------------------------------------------------------

TEST_F(Withdrawal, VoidOrderNeverCompletesAndItsNumberIsOpenedAnew) {
  Wallet wallet(issuer());
  wallet.join(stub());
  const auto opened = wallet.open(stub(), {{issuer().coin.id, 1}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  const auto first = wallet.ask_void(stub(), 1, slot());
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(wallet.is_void_statement(first->void_statement(), 1, slot()));
  const auto again = wallet.ask_void(stub(), 1, slot());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->void_statement(), first->void_statement());

  expect_refused("ORDER_VOID", [&] { return wallet.complete(stub(), wallet.prepare(*opened)); });
  // In this minute the same nonces would come again.
  expect_refused("ORDER_VOID", [&] { return wallet.open(stub(), {{issuer().coin.id, 1}}); });
  clock_.advance(absl::Minutes(1));
  const auto anew = wallet.open(stub(), {{issuer().coin.id, 1}});
  ASSERT_TRUE(anew.ok()) << anew.status();
  EXPECT_NE(anew->lines[0].coins[0][0], opened->lines[0].coins[0][0]) << "new nonces";
  EXPECT_TRUE(wallet.complete(stub(), wallet.prepare(*anew)).ok());
}

TEST_F(Withdrawal, CompletedOrderCannotBeVoid) {
  Wallet wallet(issuer());
  wallet.join(stub());
  const auto opened = wallet.open(stub(), {{issuer().coin.id, 1}});
  const auto completion = wallet.complete(stub(), wallet.prepare(*opened));
  ASSERT_TRUE(completion.ok()) << completion.status();
  const std::string before = issuer().rows();
  for (const uint64_t time_slot : {slot(), slot() - 1, slot() + 5}) {
    const auto answer = wallet.ask_void(stub(), 1, time_slot);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->completion(), *completion);
    EXPECT_FALSE(answer->has_void_statement());
  }
  EXPECT_EQ(issuer().rows(), before);
}

TEST_F(Withdrawal, VoidIsForTheNextOrderOfThePastAndTheAccountHolderOnly) {
  Wallet wallet(issuer()), other(issuer());
  wallet.join(stub());
  other.join(stub());
  expect_refused("ORDER_NUMBER", [&] { return wallet.ask_void(stub(), 2, slot()); });
  expect_refused("TIME_SLOT_AHEAD", [&] { return wallet.ask_void(stub(), 1, slot() + 1); });
  other.world.account.account = wallet.account();  // signs for an account that is not hers
  expect_refused("BAD_SIGNATURE", [&] { return other.ask_void(stub(), 1, slot()); });
}

// Database invariants, should the service ever be wrong
// ------------------------------------------------

TEST_F(Withdrawal, DatabaseItselfRefusesWhatMustNeverHappen) {
  Wallet wallet(issuer());
  wallet.join(stub());
  ASSERT_TRUE(wallet.withdraw(stub(), {{issuer().coin.id, 1}}).ok());
  const auto service_db =
      must(storage::Database::open({.url = issuer().postgres->url("cafe_withdrawal")}));
  const std::string account = "'\\x" + wallet.account().hex() + "'";
  const auto attempt = [&](const std::string& sql) {
    const std::string before = issuer().rows();
    const absl::Status status =
        service_db->transaction({}, [&](Transaction& tx) { return tx.run_script(sql); });
    EXPECT_FALSE(status.ok()) << sql;
    EXPECT_EQ(issuer().rows(), before) << sql;
    const std::string constraint = storage::constraint_of(status);
    return constraint.empty() ? reason_of(status) : constraint;
  };
  const std::string slot_row = "INSERT INTO withdrawal.order_slot VALUES (" + account;
  const std::string order_row =
      "; INSERT INTO withdrawal.completed_order (account_id, n, time_slot, order_digest, lineage, "
      "signed_order, completion) VALUES (" +
      account;
  const std::string rest = ", sha256('a'), sha256('b'), '', '')";
  EXPECT_EQ(attempt(slot_row + ", 1, 7, 'completed')" + order_row + ", 1, 7" + rest),
            "completed_order_pkey");
  EXPECT_EQ(attempt(slot_row + ", 3, 7, 'completed')" + order_row + ", 3, 7" + rest),
            "completed_order_chain");
  EXPECT_EQ(attempt(order_row.substr(2) + ", 2, 7" + rest), "completed_order_takes_slot");
  EXPECT_EQ(attempt(slot_row + ", 2, 7, 'void', 'x')" + order_row + ", 2, 7" + rest),
            "completed_order_takes_slot");
  EXPECT_EQ(attempt(slot_row + ", 1, 7, 'void', 'x')"), "ORDER_COMPLETED");
  EXPECT_EQ(
      attempt("INSERT INTO withdrawal.issued VALUES (" + account + ", 1, sha256('d'), 8, 100)"),
      "issued_at_most_seven");
  EXPECT_EQ(attempt("DELETE FROM withdrawal.completed_order"), "ROLE_FORBIDDEN");
  EXPECT_EQ(attempt("UPDATE withdrawal.order_slot SET outcome = 'void'"), "ROLE_FORBIDDEN");
  EXPECT_EQ(attempt("UPDATE withdrawal.account SET k = u"), "ROLE_FORBIDDEN");
  EXPECT_EQ(attempt("INSERT INTO withdrawal.denomination_list VALUES (9, sha256(''), '')"),
            "ROLE_FORBIDDEN");
}

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
