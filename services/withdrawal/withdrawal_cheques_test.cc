// Over gRPC: blank cheques, which cost nothing, and the cap on what an account holds of them.
#include <thread>

#include "services/withdrawal/withdrawal_test_fixture.h"

namespace cafe::withdrawal {
namespace {

constexpr uint64_t kWorth = 5'000;  // of the world's cheque

/// A service beside the suite's, with a cap for three cheques.
WithdrawalOptions capped(const TestIssuer& issuer) {
  WithdrawalOptions options = issuer.options;
  options.blank_cheque_cap = 3 * kWorth;
  return options;
}

TEST_F(Withdrawal, BlankChequesCostNothingAndPay) {
  Wallet wallet(issuer());
  wallet.join(stub(), 0);
  const auto cheques = wallet.withdraw(stub(), {{issuer().cheque.id, 2}});
  ASSERT_TRUE(cheques.ok()) << cheques.status();
  ASSERT_EQ(cheques->size(), 2U);
  EXPECT_EQ(issuer().balance(wallet.account()), 0);

  // Its guardian is loaded and writes one out, at a terminal.
  issuer().fund(wallet.account(), 1'000);
  ASSERT_TRUE(wallet.load(stub(), wallet.load_order(1'000, 1)).ok());
  testing::WithdrawnCoin cheque = (*cheques)[0];
  const protocol::Payment payment = issuer().market.pay(wallet.world, {{&cheque, 0, 777}});
  const auto checked = protocol::check_payment(payment, issuer().market.context());
  EXPECT_TRUE(checked.ok()) << checked.status();
}

TEST_F(Withdrawal, OrderOfCoinsAndChequesDebitsTheCoins) {
  Wallet wallet(issuer());
  wallet.join(stub());
  const auto opened = wallet.open(stub(), {{issuer().cheque.id, 7}, {issuer().coin.id, 2}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  const PreparedOrder order = wallet.prepare(*opened);
  const auto answer = wallet.complete(stub(), order);
  ASSERT_TRUE(answer.ok()) << answer.status();
  const auto document = protocol::SignedDocument::decode(view_of(*answer));
  const auto completion = protocol::Completion::decode(document->frame);
  ASSERT_TRUE(completion.ok()) << completion.status();
  EXPECT_THAT(completion->debits,
              ::testing::ElementsAre(protocol::Completion::Debit{"EUR", 1'000}));
  const auto coins = wallet.unblind(order, *answer);
  ASSERT_TRUE(coins.ok()) << coins.status();
  EXPECT_EQ(coins->size(), 9U);
  EXPECT_EQ(issuer().balance(wallet.account()), 99'000);
}

// [guard] of section 4: what an account holds in blank cheques is capped.
TEST_F(Withdrawal, AccountHoldsBlankChequesUpToTheCap) {
  InProcess strict(issuer(), clock_, capped(issuer()));
  Wallet wallet(issuer());
  wallet.join(stub());
  expect_refused("CHEQUE_CAP", [&] {
    return wallet.open(strict.stub(), {{issuer().cheque.id, 4}});
  });
  ASSERT_TRUE(wallet.withdraw(strict.stub(), {{issuer().cheque.id, 1}}).ok());
  ASSERT_TRUE(wallet.withdraw(strict.stub(), {{issuer().cheque.id, 2}}).ok()) << "to the cent";
  expect_refused("CHEQUE_CAP", [&] {
    return wallet.open(strict.stub(), {{issuer().cheque.id, 1}});
  });
  EXPECT_TRUE(wallet.withdraw(strict.stub(), {{issuer().coin.id, 1}}).ok()) << "coins are paid for";
  Wallet other(issuer());
  other.join(stub());
  EXPECT_TRUE(other.withdraw(strict.stub(), {{issuer().cheque.id, 3}}).ok()) << "each for itself";
}

TEST_F(Withdrawal, ChequesCountUntilTheirDepositDeadline) {
  InProcess strict(issuer(), clock_, capped(issuer()));
  Wallet wallet(issuer());
  wallet.join(stub());
  ASSERT_TRUE(wallet.withdraw(strict.stub(), {{issuer().cheque.id, 3}}).ok());
  // As if they had been of an issue that ends soon.
  const auto deadline = [&](uint64_t at_s) {
    must(issuer().admin().transaction({}, [&](Transaction& tx) {
      return tx
          .query("UPDATE withdrawal.blank_cheque SET deposit_until = $2 WHERE account_id = $1",
                 wallet.account().bytes, at_s)
          .status();
    }));
  };
  deadline(kWorldNow_s + 1);
  expect_refused("CHEQUE_CAP", [&] {
    return wallet.open(strict.stub(), {{issuer().cheque.id, 1}});
  });
  deadline(kWorldNow_s);
  EXPECT_TRUE(wallet.withdraw(strict.stub(), {{issuer().cheque.id, 3}}).ok());
  expect_refused("CHEQUE_CAP", [&] {
    return wallet.open(strict.stub(), {{issuer().cheque.id, 1}});
  });
}

// Open's look is a courtesy: the cap holds when the order completes.
TEST_F(Withdrawal, OrderThatExceedsTheCapDoesNotComplete) {
  InProcess strict(issuer(), clock_, capped(issuer()));
  Wallet wallet(issuer());
  wallet.join(stub());
  const auto opened = wallet.open(stub(), {{issuer().cheque.id, 4}, {issuer().coin.id, 1}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  const PreparedOrder order = wallet.prepare(*opened);
  expect_refused("CHEQUE_CAP", [&] { return wallet.complete(strict.stub(), order); });
  // Nothing of it remains: under a larger cap the same order completes, and its repeat is not
  // judged.
  const auto completion = wallet.complete(stub(), order);
  ASSERT_TRUE(completion.ok()) << completion.status();
  EXPECT_EQ(wallet.complete(strict.stub(), order).value_or(""), *completion);
}

// Orders that share a transaction are decided each by itself.
TEST_F(Withdrawal, CapRefusesItsOwnOrderInAGroupOnly) {
  InProcess strict(issuer(), clock_, capped(issuer()));
  constexpr size_t kOrders = 24;
  std::vector<std::unique_ptr<Wallet>> wallets;
  std::vector<PreparedOrder> orders;
  for (size_t i = 0; i < kOrders; ++i) {
    wallets.push_back(std::make_unique<Wallet>(issuer()));
    wallets.back()->join(stub());
    const uint32_t cheques = i % 3 == 0 ? 4 : i % 3;  // too many, one, two
    const auto opened =
        wallets.back()->open(stub(), {{issuer().cheque.id, cheques}, {issuer().coin.id, 1}});
    ASSERT_TRUE(opened.ok()) << opened.status();
    orders.push_back(wallets.back()->prepare(*opened));
  }
  std::vector<absl::StatusOr<std::string>> answers(kOrders, absl::UnknownError("not answered"));
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < kOrders; ++i) {
      threads.emplace_back([&, i] { answers[i] = wallets[i]->complete(strict.stub(), orders[i]); });
    }
  }
  for (size_t i = 0; i < kOrders; ++i) {
    const std::string where = "account_id = '\\x" + wallets[i]->account().hex() + "'";
    if (i % 3 == 0) {
      EXPECT_EQ(reason_of(answers[i].status()), "CHEQUE_CAP") << answers[i].status();
      EXPECT_EQ(issuer().balance(wallets[i]->account()), 100'000);
      EXPECT_EQ(issuer().count("withdrawal.blank_cheque WHERE " + where), 0);
    } else {
      ASSERT_TRUE(answers[i].ok()) << answers[i].status();
      EXPECT_TRUE(wallets[i]->unblind(orders[i], *answers[i]).ok());
      EXPECT_EQ(issuer().count("withdrawal.blank_cheque WHERE " + where +
                               " AND worth = " + std::to_string(kWorth * (i % 3))),
                1);
    }
  }
}

}  // namespace
}  // namespace cafe::withdrawal
