// Over gRPC: wallets that are lost, and those that take their place.
#include "services/withdrawal/loss_fixture.h"
#include "services/withdrawal/withdrawal_test_fixture.h"

namespace cafe::withdrawal {
namespace {

using protocol::Authority;

class Lost : public Withdrawal {
 protected:
  Wallet make_wallet(uint64_t funds = 100'000) {
    Wallet wallet(issuer());
    wallet.join(stub(), funds);
    return wallet;
  }
  Wallet make_lost(uint64_t funds = 100'000) {
    Wallet wallet = make_wallet(funds);
    must(call_report(stub(), loss_report(issuer(), wallet)));
    return wallet;
  }
  v1::GetAccountResponse account(const Wallet& wallet) {
    return must(call_account(stub(), wallet.account()));
  }
  /// The account is convicted by a case of its coin.
  void convict(Wallet& wallet, testing::WithdrawnCoin& coin) {
    testing::Market& market = issuer().market;
    const auto first = market.pay(wallet.world, {{&coin, 0, 500}});
    const auto second = market.pay(wallet.world, {{&coin, 0, 500}}, testing::Guardian::kForgetful);
    v1::CloseAccountRequest request;
    request.set_signed_case(protocol::to_string(
        market.sign_case(market.open_case(wallet.world, first, 0, second, 0)).encode()));
    v1::CloseAccountResponse response;
    must(call([&](grpc::ClientContext* c) { return stub().CloseAccount(c, request, &response); }));
  }
};

TEST_F(Lost, AccountIsBarredAtOnceAndTheStatementCountsWhatItHad) {
  Wallet wallet = make_wallet();
  const auto opened = wallet.open(stub(), {{issuer().coin.id, 1}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  const PreparedOrder first = wallet.prepare(*opened);
  const auto completion = wallet.complete(stub(), first);
  ASSERT_TRUE(completion.ok()) << completion.status();
  ++wallet.next_order;
  const auto loaded = wallet.load(stub(), wallet.load_order(700, 1));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const auto under_way = wallet.open(stub(), {{issuer().coin.id, 1}});
  ASSERT_TRUE(under_way.ok()) << under_way.status();

  clock_.advance(absl::Milliseconds(1'250));
  const auto report = loss_report(issuer(), wallet);
  const auto statement = call_report(stub(), report);
  ASSERT_TRUE(statement.ok()) << statement.status();
  const protocol::LossRecorded recorded = open_recorded(issuer(), *statement);
  EXPECT_EQ(recorded.issuer_id, issuer().list.issuer_id);
  EXPECT_EQ(recorded.account, wallet.account());
  EXPECT_EQ(recorded.authority, Authority::kAccountKey);
  EXPECT_EQ(recorded.report_digest, report.digest());
  EXPECT_EQ(recorded.time_ms, kWorldNow_s * 1000 + 1'250);
  EXPECT_EQ(recorded.last_order, 1U);
  EXPECT_EQ(recorded.last_load, 1U);

  expect_refused("ACCOUNT_CLOSED", [&] { return wallet.open(stub(), {{issuer().coin.id, 1}}); });
  expect_refused("ACCOUNT_CLOSED",
                 [&] { return wallet.complete(stub(), wallet.prepare(*under_way)); });
  expect_refused("ACCOUNT_CLOSED", [&] { return wallet.load(stub(), wallet.load_order(1, 2)); });
  // What it had is handed out for ever, and its guardian joins no other account.
  EXPECT_EQ(wallet.complete(stub(), first).value_or(""), *completion);
  EXPECT_EQ(wallet.find_load(stub(), 0).value_or(""), *loaded);
  ASSERT_TRUE(wallet.prepare_registration(stub()).ok());
  expect_refused("ACCOUNT_TAKEN", [&] { return wallet.send_registration(stub()); });
}

TEST_F(Lost, WhoeverReportsItAgainGetsTheFirstStatement) {
  const Wallet wallet = make_wallet();
  const auto statement = call_report(stub(), loss_report(issuer(), wallet));
  ASSERT_TRUE(statement.ok()) << statement.status();
  const std::string before = issuer().rows();
  clock_.advance(absl::Hours(24 * 400));
  EXPECT_EQ(call_report(stub(), loss_report(issuer(), wallet)).value_or(""), *statement);
  EXPECT_EQ(call_report(stub(), loss_report(issuer(), wallet, 7)).value_or(""), *statement);
  EXPECT_EQ(call_report(stub(), wallet.account()).value_or(""), *statement);
  EXPECT_EQ(issuer().rows(), before) << "no act is written down that did nothing";
}

TEST_F(Lost, OperatorReportsForWhoHasNoKeyAndSaysWhoIdentifiedHer) {
  const Wallet wallet = make_wallet();
  for (const std::string& text :
       {std::string(), std::string(201, 'x'), std::string("seen\0by", 7)}) {
    expect_refused("BAD_IDENTIFICATION",
                   [&] { return call_report(stub(), wallet.account(), text); });
  }
  const auto statement = call_report(stub(), wallet.account());
  ASSERT_TRUE(statement.ok()) << statement.status();
  const protocol::LossRecorded recorded = open_recorded(issuer(), *statement);
  EXPECT_EQ(recorded.authority, Authority::kOperator);
  EXPECT_EQ(recorded.report_digest, protocol::Bytes32{});
  EXPECT_EQ(issuer().count("withdrawal.operator_act WHERE account_id = " +
                           sql_id(wallet.account()) + " AND kind = 'loss' AND identified_by = '" +
                           kIdentifiedBy + "' AND asked_by = 'unauthenticated'"),
            1);
  EXPECT_EQ(account(wallet).standing(), v1::GetAccountResponse::LOST);
}

TEST_F(Lost, ReportOfSomebodyElseIsRefused) {
  const Wallet wallet = make_wallet(), other = make_wallet();
  const Wallet stranger(issuer());
  const protocol::LossReport report{issuer().list.issuer_id, wallet.account(), 1};
  expect_refused("BAD_SIGNATURE", [&] {
    return call_report(stub(), protocol::SignedDocument::sign(report.encode(), other.key()));
  });
  expect_refused("UNKNOWN_ACCOUNT",
                 [&] { return call_report(stub(), loss_report(issuer(), stranger)); });
  expect_refused("UNKNOWN_ACCOUNT", [&] { return call_report(stub(), stranger.account()); });
  protocol::LossReport elsewhere = report;
  elsewhere.issuer_id = "another.example";
  expect_refused("WRONG_ISSUER", [&] {
    return call_report(stub(), protocol::SignedDocument::sign(elsewhere.encode(), wallet.key()));
  });
  v1::ReportLossRequest empty;
  v1::ReportLossResponse response;
  EXPECT_EQ(reason_of(call(
                [&](grpc::ClientContext* c) { return stub().ReportLoss(c, empty, &response); })),
            "NO_AUTHORITY");
  EXPECT_EQ(account(wallet).standing(), v1::GetAccountResponse::OPEN);
}

TEST_F(Lost, ConvictedAccountStaysConvictedHoweverItWasLost) {
  Wallet before = make_wallet(), after = make_wallet();
  const Wallet heir = make_wallet(0);
  auto coins = before.withdraw(stub(), {{issuer().coin.id, 1}});
  ASSERT_TRUE(coins.ok()) << coins.status();
  convict(before, coins->at(0));
  const auto statement = call_report(stub(), loss_report(issuer(), before));
  ASSERT_TRUE(statement.ok()) << statement.status();
  EXPECT_EQ(open_recorded(issuer(), *statement).last_order, 1U);

  coins = after.withdraw(stub(), {{issuer().coin.id, 1}});
  ASSERT_TRUE(coins.ok()) << coins.status();
  must(call_report(stub(), loss_report(issuer(), after)));
  EXPECT_EQ(account(after).standing(), v1::GetAccountResponse::LOST);
  convict(after, coins->at(0));

  for (const Wallet* wallet : {&before, &after}) {
    EXPECT_EQ(account(*wallet).standing(), v1::GetAccountResponse::CONVICTED);
    EXPECT_NE(account(*wallet).loss_recorded(), "");
    expect_refused("ACCOUNT_CONVICTED",
                   [&] { return call_replace(stub(), replacement(issuer(), *wallet, heir)); });
  }
}

TEST_F(Lost, SuccessorGetsEveryCurrencyInTheSameStep) {
  const Wallet lost = make_wallet(12'300), heir = make_wallet(50);
  issuer().fund(lost.account(), 77, "USD");
  const auto request = replacement(issuer(), lost, heir);
  expect_refused("NOT_REPORTED_LOST", [&] { return call_replace(stub(), request); });
  must(call_report(stub(), loss_report(issuer(), lost)));
  clock_.advance(absl::Milliseconds(99));
  const auto statement = call_replace(stub(), request);
  ASSERT_TRUE(statement.ok()) << statement.status();
  const protocol::Replaced replaced = open_replaced(issuer(), *statement);
  EXPECT_EQ(replaced.issuer_id, issuer().list.issuer_id);
  EXPECT_EQ(replaced.lost, lost.account());
  EXPECT_EQ(replaced.successor, heir.account());
  EXPECT_EQ(replaced.authority, Authority::kAccountKey);
  EXPECT_EQ(replaced.request_digest, request.document.digest());
  EXPECT_EQ(replaced.time_ms, kWorldNow_s * 1000 + 99);
  EXPECT_EQ(issuer().balance(lost.account()), 0);
  EXPECT_EQ(issuer().balance(lost.account(), "USD"), 0);
  EXPECT_EQ(issuer().balance(heir.account()), 12'350);
  EXPECT_EQ(issuer().balance(heir.account(), "USD"), 77);

  // The same again, however late, changes nothing; another successor is refused.
  const Wallet other = make_wallet();
  const std::string before = issuer().rows();
  clock_.advance(absl::Hours(1));
  EXPECT_EQ(call_replace(stub(), request).value_or(""), *statement);
  EXPECT_EQ(call_replace(stub(), replacement(issuer(), lost, heir, 5)).value_or(""), *statement);
  EXPECT_EQ(call_replace(stub(), lost.account(), heir.account()).value_or(""), *statement);
  EXPECT_EQ(issuer().rows(), before);
  expect_refused("REPLACED_BEFORE",
                 [&] { return call_replace(stub(), replacement(issuer(), lost, other)); });
}

TEST_F(Lost, OnlyTheLostAccountsKeyOrTheOperatorNamesASuccessor) {
  const Wallet lost = make_lost(), heir = make_wallet(), closed = make_lost();
  const Wallet stranger(issuer());
  const protocol::Replacement request{issuer().list.issuer_id, lost.account(), heir.account(), 1};
  expect_refused("BAD_SIGNATURE", [&] { return call_replace(stub(), agree(request, heir, heir)); });
  protocol::Replacement elsewhere = request;
  elsewhere.issuer_id = "another.example";
  expect_refused("WRONG_ISSUER",
                 [&] { return call_replace(stub(), agree(elsewhere, lost, heir)); });
  expect_refused("UNKNOWN_ACCOUNT",
                 [&] { return call_replace(stub(), replacement(issuer(), lost, stranger)); });
  expect_refused("SUCCESSOR_CLOSED",
                 [&] { return call_replace(stub(), replacement(issuer(), lost, closed)); });
  expect_refused("SAME_ACCOUNT",
                 [&] { return call_replace(stub(), lost.account(), lost.account()); });
  expect_refused("BAD_IDENTIFICATION",
                 [&] { return call_replace(stub(), lost.account(), heir.account(), ""); });
  v1::ReplaceAccountRequest empty;
  v1::ReplaceAccountResponse response;
  EXPECT_EQ(reason_of(call([&](grpc::ClientContext* c) {
              return stub().ReplaceAccount(c, empty, &response);
            })),
            "NO_AUTHORITY");

  const auto statement = call_replace(stub(), lost.account(), heir.account());
  ASSERT_TRUE(statement.ok()) << statement.status();
  EXPECT_EQ(open_replaced(issuer(), *statement).authority, Authority::kOperator);
  EXPECT_EQ(open_replaced(issuer(), *statement).request_digest, protocol::Bytes32{});
  EXPECT_EQ(issuer().count("withdrawal.operator_act WHERE account_id = " + sql_id(lost.account()) +
                           " AND kind = 'replacement' AND identified_by = '" + kIdentifiedBy + "'"),
            1);
}

TEST_F(Lost, SuccessorsFormAChainThatRecoveryCanFollow) {
  const Wallet first = make_lost(1'000), also = make_lost(300);
  Wallet second = make_wallet(20);
  const Wallet third = make_wallet(4);
  const auto to_second = call_replace(stub(), replacement(issuer(), first, second));
  ASSERT_TRUE(to_second.ok()) << to_second.status();
  must(call_replace(stub(), replacement(issuer(), also, second)));
  EXPECT_EQ(issuer().balance(second.account()), 1'320) << "of both";
  must(call_report(stub(), loss_report(issuer(), second)));
  const auto to_third = call_replace(stub(), second.account(), third.account());
  ASSERT_TRUE(to_third.ok()) << to_third.status();
  EXPECT_EQ(issuer().balance(third.account()), 1'324);

  const auto known = account(first);
  EXPECT_THAT(known.replacements(), ::testing::ElementsAre(*to_second, *to_third));
  EXPECT_THAT(known.successor_receipts(),
              ::testing::ElementsAre(account(second).receipt(), account(third).receipt()));
  EXPECT_THAT(account(second).replacements(), ::testing::ElementsAre(*to_third));
  EXPECT_EQ(account(third).replacements_size(), 0);
  // An account that was lost takes nobody's place, its own successor's least of all.
  must(call_report(stub(), loss_report(issuer(), third)));
  expect_refused("SUCCESSOR_CLOSED",
                 [&] { return call_replace(stub(), replacement(issuer(), third, first)); });
}

// Should the service ever be wrong.
TEST_F(Lost, DatabaseItselfKeepsWhatWasRecorded) {
  const Wallet lost = make_lost(500), open = make_wallet(500), heir = make_wallet(500);
  must(call_replace(stub(), replacement(issuer(), lost, heir)));
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
  const std::string a = sql_id(lost.account()), b = sql_id(open.account()),
                    c = sql_id(heir.account());
  const std::string key = "(SELECT document FROM withdrawal.key_certificate LIMIT 1)";
  EXPECT_EQ(attempt("UPDATE withdrawal.account SET closed_at = NULL WHERE account_id = " + a),
            "ACCOUNT_CLOSED");
  EXPECT_EQ(attempt("UPDATE withdrawal.account SET closed_at = now() + interval '1 s' WHERE "
                    "account_id = " +
                    a),
            "ACCOUNT_CLOSED");
  // A statement that is not what is, or rests on nothing.
  const auto loss = [&](const std::string& account, const std::string& report,
                        const std::string& last_load) {
    return "SELECT withdrawal.record_loss(" + account + ", " + report + ", 0, " + last_load +
           ", 's', " + key + ", NULL, 'x')";
  };
  EXPECT_EQ(attempt(loss(b, "'r'", "1")), "LOSS_MISSTATED");
  EXPECT_EQ(attempt(loss(a, "'r'", "0")), "loss_pkey");
  EXPECT_EQ(attempt(loss(b, "NULL", "0")), "NOT_NULL_VIOLATION");
  EXPECT_EQ(attempt("UPDATE withdrawal.account SET closed_at = now() WHERE account_id = " + b +
                    "; INSERT INTO withdrawal.loss (account_id, last_order, last_load, statement, "
                    "signed_by) VALUES (" +
                    b + ", 0, 0, 's', sha256(" + key + "))"),
            "loss_rests_on_something");
  EXPECT_EQ(attempt("INSERT INTO withdrawal.loss (account_id, report, last_order, last_load, "
                    "statement, signed_by) VALUES (" +
                    b + ", 'r', 0, 0, 's', sha256(" + key + "))"),
            "LOSS_MISSTATED")
      << "of an account that is open";
  const std::string consent = "convert_to(repeat('c', 64), 'UTF8')";
  const auto replaces = [&](const std::string& from, const std::string& to,
                            const std::string& request, const std::string& by_successor) {
    return "SELECT withdrawal.record_replacement(" + from + ", " + to + ", " + request + ", " +
           by_successor + ", 's', " + key + ", 'seen', 'x')";
  };
  const auto replace = [&](const std::string& from, const std::string& to) {
    return replaces(from, to, "'r'", consent);
  };
  const std::string lose = loss(b, "'r'", "0") + "; ";
  EXPECT_EQ(attempt(lose + replaces(b, c, "'r'", "NULL")), "replacement_agreed");
  EXPECT_EQ(attempt(lose + replaces(b, c, "'r'", "'short'")), "replacement_agreed");
  EXPECT_EQ(attempt(lose + replaces(b, c, "NULL", consent)), "replacement_agreed")
      << "nobody asked the successor where the operator acts";
  EXPECT_EQ(attempt(replace(a, b)), "replacement_pkey");
  EXPECT_EQ(attempt(replace(b, c)), "replacement_lost_fkey");
  EXPECT_EQ(attempt(replace(b, a)), "SUCCESSOR_CLOSED");
  EXPECT_EQ(attempt(lose + replace(b, b)), "SUCCESSOR_CLOSED");
  // Money that no move speaks of, to whomever.
  const auto post = [&](const std::string& kind, const std::string& reference,
                        const std::string& from, const std::string& to) {
    return "SELECT ledger.post('" + kind + "', " + reference +
           ", 'EUR', ARRAY['customer', 'customer'], ARRAY[" + from + "::bytea, " + to +
           "::bytea], ARRAY[-5, 5]::bigint[])";
  };
  const std::string second = a + "::bytea || int8send(2) || 'EUR'";
  EXPECT_EQ(attempt(post("withdrawal", "'x'", b, c)), "POSTING_FORBIDDEN");
  EXPECT_EQ(attempt(post("replacement", second, b, c)), "POSTING_FORBIDDEN");
  const std::string move =
      "INSERT INTO withdrawal.replacement_move (lost, currency, number, amount) VALUES (" + a +
      ", 'EUR', 2, 5); ";
  EXPECT_EQ(attempt(move + post("replacement", second, b, c)), "POSTING_FORBIDDEN")
      << "not from the lost account";
  EXPECT_EQ(attempt(move + post("replacement", second, a, b)), "POSTING_FORBIDDEN")
      << "not to the successor";
  EXPECT_EQ(attempt(move + post("withdrawal", second, a, c)), "POSTING_FORBIDDEN")
      << "not as a move";
  EXPECT_EQ(attempt("INSERT INTO withdrawal.replacement_move (lost, currency, number, amount) "
                    "VALUES (" +
                    a + ", 'EUR', 3, 5)"),
            "replacement_move_follows");
  for (const std::string table :
       {"key_certificate", "operator_act", "loss", "replacement", "replacement_move"}) {
    EXPECT_EQ(attempt("DELETE FROM withdrawal." + table), "ROLE_FORBIDDEN");
    EXPECT_EQ(attempt("UPDATE withdrawal." + table + " SET " +
                      (table == "replacement_move"  ? "amount = 1"
                       : table == "operator_act"    ? "kind = 'loss'"
                       : table == "key_certificate" ? "document = 'x'"
                                                    : "statement = 'x'")),
              "ROLE_FORBIDDEN");
    const absl::Status status = issuer().admin().transaction(
        {}, [&](Transaction& tx) { return tx.run_script("DELETE FROM withdrawal." + table); });
    EXPECT_EQ(reason_of(status), "RECORDED_FOR_GOOD") << table << " by its owner";
  }
}

}  // namespace
}  // namespace cafe::withdrawal
