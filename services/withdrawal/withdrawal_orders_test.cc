// Over gRPC: orders that complete, die or become void, and what the database itself refuses.
#include "services/withdrawal/withdrawal_test_fixture.h"

namespace cafe::withdrawal {
namespace {

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

}  // namespace
}  // namespace cafe::withdrawal
