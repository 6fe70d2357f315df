// Over gRPC: loads of guardians' counters, and the calls that must not load anything.
#include "libs/storage/ledger_accounts.h"
#include "services/withdrawal/withdrawal_test_fixture.h"

namespace cafe::withdrawal {
namespace {

/// What cheques of the issuer may take, in euros.
int64_t loaded_in_all(TestIssuer& issuer) {
  const auto ledger = storage::make_postgres_ledger();
  return must(issuer.admin().transaction({.idempotent = true}, [&](Transaction& tx) {
    return ledger->balance(tx, storage::cheques_account(issuer.list.issuer_id, "EUR"));
  }));
}

void run_as_admin(TestIssuer& issuer, const std::string& sql) {
  must(issuer.admin().transaction({}, [&](Transaction& tx) { return tx.run_script(sql); }));
}

std::string sql_id(const Wallet& wallet) { return "'\\x" + wallet.account().hex() + "'"; }

/// The wallet's guardian: one counter of euros, loaded by the issuer's key.
struct Counter {
  explicit Counter(Stub& stub, const TestIssuer& issuer) {
    const auto offer = must(call_denominations(stub));
    const auto certificate = must(protocol::SignedDocument::decode(view_of(offer.load_key())));
    opened = must(protocol::open_load_key(certificate, issuer.market.anchors));
    key = {opened.issuer_id, opened.public_key_der, 0};
    counter = {opened.issuer_id, "EUR", 0};
  }
  absl::Status take(const Wallet& wallet, const protocol::Loaded& loaded) {
    CAFE_ASSIGN_OR_RETURN(const auto next,
                          protocol::apply_load(wallet.world.account.registration.serial, key,
                                               counter, loaded.load, loaded.load_signature));
    key.last_sequence = next.key.last_sequence;
    counter.amount = next.counter.amount;
    return absl::OkStatus();
  }
  protocol::LoadKeyCertificate opened;  // which the others view
  protocol::LoadKey key;
  protocol::GuardianCounter counter;
};

/// The answer as a wallet opens it: signed by the withdrawal key, to this order.
absl::StatusOr<protocol::Loaded> open_answer(const TestIssuer& issuer, const std::string& bytes,
                                             const protocol::LoadOrder& order) {
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(view_of(bytes)));
  CAFE_RETURN_IF_ERROR(document.check(issuer.market.withdrawal_key.public_key()));
  CAFE_ASSIGN_OR_RETURN(auto loaded, protocol::Loaded::decode(document.frame));
  if (loaded.issuer_id != order.issuer_id || loaded.account != order.account ||
      loaded.order_digest != protocol::sha256(order.encode())) {
    return absl::InternalError("the answer is to another order");
  }
  return loaded;
}

TEST_F(Withdrawal, LoadDebitsTheAccountAndIsTakenByTheGuardian) {
  Wallet wallet(issuer());
  wallet.join(stub());
  Counter guardian(stub(), issuer());
  const int64_t before = loaded_in_all(issuer());
  for (const uint64_t sequence : {1, 2, 3}) {
    const auto order = wallet.load_order(2'500, sequence);
    const auto answer = wallet.load(stub(), order);
    ASSERT_TRUE(answer.ok()) << answer.status();
    const auto loaded = open_answer(issuer(), *answer, order);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    const absl::Status taken = guardian.take(wallet, *loaded);
    EXPECT_TRUE(taken.ok()) << taken;
    EXPECT_EQ(reason_of(guardian.take(wallet, *loaded)), "LOAD_SEQUENCE") << "once only";
    EXPECT_EQ(guardian.counter.amount, 2'500 * sequence);
    EXPECT_EQ(issuer().balance(wallet.account()), 100'000 - static_cast<int64_t>(2'500 * sequence));
  }
  EXPECT_EQ(loaded_in_all(issuer()), before + 7'500);
}

TEST_F(Withdrawal, LoadIsForTheGuardianOfItsAccount) {
  Wallet wallet(issuer()), other(issuer());
  wallet.join(stub());
  other.join(stub());
  const auto order = wallet.load_order(100, 1);
  const auto loaded = open_answer(issuer(), must(wallet.load(stub(), order)), order);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  Counter guardian(stub(), issuer());
  EXPECT_EQ(reason_of(guardian.take(other, *loaded)), "WRONG_GUARDIAN");
}

TEST_F(Withdrawal, SameLoadOrderGetsTheSameBytesAndIsDebitedOnce) {
  Wallet wallet(issuer());
  wallet.join(stub());
  const auto order = wallet.load_order(2'500, 1);
  const auto first = wallet.load(stub(), order);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = wallet.load(stub(), wallet.load_order(500, 2));
  ASSERT_TRUE(second.ok()) << second.status();
  const std::string before = issuer().rows();
  const auto again = wallet.load(stub(), order);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *first);
  EXPECT_EQ(wallet.find_load(stub(), 1).value_or(""), *first);
  EXPECT_EQ(wallet.find_load(stub(), 2).value_or(""), *second);
  EXPECT_EQ(wallet.find_load(stub(), 0).value_or(""), *second) << "the newest";
  EXPECT_EQ(issuer().rows(), before);

  // Whatever becomes of the account and the list: what was debited is handed out.
  run_as_admin(issuer(), "UPDATE withdrawal.account SET closed_at = now() WHERE account_id = " +
                             sql_id(wallet));
  clock_.advance(absl::Hours(24) * 365);
  EXPECT_EQ(wallet.load(stub(), order).value_or(""), *first);
  EXPECT_EQ(wallet.find_load(stub(), 0).value_or(""), *second);
  expect_refused("ACCOUNT_CLOSED", [&] { return wallet.load(stub(), wallet.load_order(1, 3)); });
}

// [guard] of section 5: exactly one more than the last, each once.
TEST_F(Withdrawal, LoadsOfAnAccountAreASequence) {
  Wallet wallet(issuer());
  wallet.join(stub());
  expect_refused("LOAD_SEQUENCE", [&] { return wallet.load(stub(), wallet.load_order(100, 2)); });
  ASSERT_TRUE(wallet.load(stub(), wallet.load_order(100, 1)).ok());
  expect_refused("LOAD_CLASH", [&] { return wallet.load(stub(), wallet.load_order(101, 1)); });
  for (const uint64_t sequence : {uint64_t{3}, uint64_t{1} << 62}) {
    const auto refused = wallet.load(stub(), wallet.load_order(100, sequence));
    EXPECT_EQ(reason_of(refused.status()), "LOAD_SEQUENCE");
    EXPECT_NE(refused.status().message().find("number 2"), std::string::npos) << refused.status();
  }
  expect_refused("NUMBER_OUT_OF_RANGE",
                 [&] { return wallet.load(stub(), wallet.load_order(100, UINT64_MAX)); });
  expect_refused("LOAD_SEQUENCE", [&] { return wallet.load(stub(), wallet.load_order(100, 0)); });
  EXPECT_TRUE(wallet.load(stub(), wallet.load_order(100, 2)).ok());
}

TEST_F(Withdrawal, LoadIsRefusedToStrangersAndForgers) {
  Wallet stranger(issuer()), wallet(issuer());
  expect_refused("UNKNOWN_ACCOUNT",
                 [&] { return stranger.load(stub(), stranger.load_order(100, 1)); });
  expect_refused("UNKNOWN_ACCOUNT", [&] { return stranger.find_load(stub(), 1); });
  wallet.join(stub());
  const auto order = wallet.load_order(100, 1);
  expect_refused("BAD_SIGNATURE", [&] {
    return call_load(stub(), protocol::SignedDocument::sign(order.encode(), stranger.key()));
  });
  ASSERT_TRUE(wallet.load(stub(), order).ok());
  expect_refused("BAD_SIGNATURE", [&] {
    return call_load(stub(), protocol::SignedDocument::sign(order.encode(), stranger.key()));
  });
  Wallet thief(issuer());
  thief.world.account.account = wallet.account();  // asks for a load that is not hers
  expect_refused("BAD_SIGNATURE", [&] { return thief.find_load(stub(), 1); });
  auto elsewhere = wallet.load_order(100, 2);
  elsewhere.issuer_id = "issuer-b.example";
  expect_refused("WRONG_ISSUER", [&] { return wallet.load(stub(), elsewhere); });
  expect_refused("UNKNOWN_LOAD", [&] { return wallet.find_load(stub(), 2); });
  Wallet poor(issuer());
  poor.join(stub(), 0);
  expect_refused("UNKNOWN_LOAD", [&] { return poor.find_load(stub(), 0); });
}

TEST_F(Withdrawal, OnlyWhatTheAccountHoldsIsLoaded) {
  Wallet wallet(issuer());
  wallet.join(stub(), 1'000);
  expect_refused("INSUFFICIENT_FUNDS",
                 [&] { return wallet.load(stub(), wallet.load_order(1'001, 1)); });
  expect_refused("AMOUNT_ZERO", [&] { return wallet.load(stub(), wallet.load_order(0, 1)); });
  for (const uint64_t amount : {uint64_t{1} << 63, UINT64_MAX}) {
    expect_refused("AMOUNT_OVERFLOW",
                   [&] { return wallet.load(stub(), wallet.load_order(amount, 1)); });
  }
  expect_refused("INSUFFICIENT_FUNDS",
                 [&] { return wallet.load(stub(), wallet.load_order(INT64_MAX, 1)); });
  auto dollars = wallet.load_order(100, 1);
  dollars.currency = "USD";
  expect_refused("CURRENCY_UNSUPPORTED", [&] { return wallet.load(stub(), dollars); });
  // Nothing of all that took the sequence.
  EXPECT_TRUE(wallet.load(stub(), wallet.load_order(1'000, 1)).ok());
  EXPECT_EQ(issuer().balance(wallet.account()), 0);
}

TEST_F(Withdrawal, LoadsAreLimitedButNotTheirRepeats) {
  WithdrawalOptions limited = issuer().options;
  limited.orders_per_minute = 2;
  InProcess service(issuer(), clock_, limited);
  Wallet wallet(issuer());
  wallet.join(stub());
  const auto first = wallet.load(service.stub(), wallet.load_order(10, 1));
  ASSERT_TRUE(first.ok()) << first.status();
  std::string reason;
  for (uint64_t i = 2; i < 10 && reason.empty(); ++i) {
    reason = reason_of(wallet.load(service.stub(), wallet.load_order(10, i)).status());
  }
  EXPECT_EQ(reason, "RATE_LIMITED");
  EXPECT_EQ(reason_of(wallet.find_load(service.stub(), 5).status()), "RATE_LIMITED");
  // What was debited is fetched all the same.
  EXPECT_EQ(wallet.find_load(service.stub(), 1).value_or(""), *first);
  EXPECT_EQ(wallet.load(service.stub(), wallet.load_order(10, 1)).value_or(""), *first);
}

// Should the service ever be wrong.
TEST_F(Withdrawal, DatabaseItselfTakesLoadsInOrderOnce) {
  Wallet wallet(issuer()), closed(issuer());
  wallet.join(stub());
  closed.join(stub());
  ASSERT_TRUE(wallet.load(stub(), wallet.load_order(100, 1)).ok());
  run_as_admin(issuer(), "UPDATE withdrawal.account SET closed_at = now() WHERE account_id = " +
                             sql_id(closed));
  const auto service_db =
      must(storage::Database::open({.url = issuer().postgres->url("cafe_withdrawal")}));
  const auto attempt = [&](const std::string& sql) {
    const std::string before = issuer().rows();
    const absl::Status status =
        service_db->transaction({}, [&](Transaction& tx) { return tx.run_script(sql); });
    EXPECT_FALSE(status.ok()) << sql;
    EXPECT_EQ(issuer().rows(), before) << sql;
    const std::string constraint = storage::constraint_of(status);
    return constraint.empty() ? reason_of(status) : constraint;
  };
  const auto insert = [&](const Wallet& of, const std::string& sequence,
                          const std::string& amount) {
    return "INSERT INTO withdrawal.load (account_id, sequence, order_digest, currency, amount, "
           "signed_order, loaded, key_certificate) VALUES (" +
           sql_id(of) + ", " + sequence + ", sha256('a'), 'EUR', " + amount + ", '', '', '')";
  };
  EXPECT_EQ(attempt(insert(wallet, "1", "100")), "load_pkey");
  EXPECT_EQ(attempt(insert(wallet, "3", "100")), "load_follows");
  EXPECT_EQ(attempt(insert(wallet, "2", "0")), "load_of_more_than_nothing");
  EXPECT_EQ(attempt(insert(closed, "1", "100")), "ACCOUNT_CLOSED");
  EXPECT_EQ(attempt("UPDATE withdrawal.load SET amount = 1"), "ROLE_FORBIDDEN");
  EXPECT_EQ(attempt("DELETE FROM withdrawal.load"), "ROLE_FORBIDDEN");
  EXPECT_EQ(attempt("UPDATE withdrawal.blank_cheque SET worth = 1"), "ROLE_FORBIDDEN");
  EXPECT_EQ(attempt("DELETE FROM withdrawal.blank_cheque"), "ROLE_FORBIDDEN");
}

}  // namespace
}  // namespace cafe::withdrawal
