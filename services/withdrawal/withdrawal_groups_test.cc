// Orders that share a transaction: each gets its own answer, and none suffers for another.
#include <thread>

#include "services/withdrawal/withdrawal_test_fixture.h"

namespace cafe::withdrawal {
namespace {

constexpr std::chrono::seconds kPatience{60};

// Holds the row of an account until it is let go.
class RowLock {
 public:
  RowLock(TestIssuer& issuer, const protocol::AccountId& account)
      : db_(must(storage::Database::open({.url = issuer.postgres->url()}))),
        holder_([this, account] {
          must(db_->transaction({}, [&](Transaction& tx) -> absl::Status {
            CAFE_RETURN_IF_ERROR(lock_account(tx, account).status());
            locked_ = true;
            testing::eventually(kPatience, [this] { return let_go_.load(); });
            return absl::OkStatus();
          }));
        }) {
    EXPECT_TRUE(testing::eventually(kPatience, [this] { return locked_.load(); }));
  }
  ~RowLock() { let_go_ = true; }

 private:
  std::unique_ptr<storage::Database> db_;
  std::atomic<bool> locked_ = false, let_go_ = false;
  std::jthread holder_;
};

class Groups : public ::testing::Test {
 protected:
  static WithdrawalOptions one_group_at_a_time(const TestIssuer& issuer) {
    WithdrawalOptions options = issuer.options;
    options.complete_threads = 1;
    return options;
  }

  Stub& stub() { return service_.stub(); }
  uint64_t slot() const { return protocol::time_slot_of(kWorldNow_s); }

  // A wallet with an order that only has to be completed.
  struct Ready {
    Ready(Groups& test, uint64_t funds = 100'000) : wallet(test.issuer_) {
      wallet.join(test.stub(), funds);
      order = wallet.prepare(must(
          wallet.open(test.stub(), {{test.issuer_.coin.id, 2}, {test.issuer_.split_coin.id, 1}})));
      bytes = protocol::to_string(order.document.encode());
    }
    void sign_again() {
      order.document = protocol::SignedDocument::sign(order.order.encode(), wallet.key());
      bytes = protocol::to_string(order.document.encode());
    }
    Wallet wallet;
    PreparedOrder order;
    std::string bytes;
  };
  static constexpr int64_t kPrice = 2 * 500 + 900;

  bool metric(const std::string& line) {
    return service_.metrics().expose().find(line) != std::string::npos;
  }
  bool waiting(size_t orders) {
    return metric("cafe_work_queue_depth{service=\"withdrawal\",pool=\"complete\"} " +
                  std::to_string(orders) + "\n");
  }
  int64_t waiting_for_locks() {
    return issuer_.count(
        "pg_stat_activity WHERE usename = 'cafe_withdrawal' "
        "AND wait_event_type = 'Lock'");
  }

  using Answers = std::vector<absl::StatusOr<std::string>>;
  // Sends the documents while the only thread that completes orders waits for an account's lock, so
  // that they all wait when it comes back: they are answered in groups as large as can be.
  // `meanwhile` runs when they have been sent and the lock is gone.
  Answers complete_together(
      const std::vector<std::string>& documents,
      const std::function<void(const std::atomic<size_t>& answered)>& meanwhile =
          [](const std::atomic<size_t>&) {}) {
    Ready first(*this);
    Answers answers(documents.size(), absl::UnknownError("not answered"));
    std::atomic<size_t> answered = 0;
    std::vector<std::jthread> threads;
    auto lock = std::make_unique<RowLock>(issuer_, first.wallet.account());
    threads.emplace_back([&] { EXPECT_TRUE(first.wallet.complete(stub(), first.order).ok()); });
    EXPECT_TRUE(testing::eventually(kPatience, [&] { return waiting_for_locks() == 1; }));
    for (size_t i = 0; i < documents.size(); ++i) {
      threads.emplace_back([&, i] {
        answers[i] = call_complete(stub(), documents[i]);
        ++answered;
      });
    }
    EXPECT_TRUE(testing::eventually(kPatience, [&] { return waiting(documents.size()); }));
    lock.reset();
    meanwhile(answered);
    threads.clear();
    return answers;
  }

  TestIssuer issuer_;
  platform::ManualClock clock_{absl::FromUnixSeconds(kWorldNow_s)};
  InProcess service_{issuer_, clock_, one_group_at_a_time(issuer_)};
};

TEST_F(Groups, HundredOrdersOfWhichSomeAreBadEachGetTheirOwnAnswer) {
  std::vector<std::unique_ptr<Ready>> all;
  for (int i = 0; i < 84; ++i) all.push_back(std::make_unique<Ready>(*this, kPrice));
  std::vector<std::string> documents, expected;
  std::vector<size_t> whose;
  const auto send = [&](size_t i, const std::string& reason) {
    documents.push_back(all[i]->bytes);
    expected.push_back(reason);
    whose.push_back(i);
  };
  for (size_t i = 0; i < all.size(); ++i) {
    Ready& ready = *all[i];
    switch (i) {
      case 3:  // the money went elsewhere between Open and Complete
      case 4:
        must(issuer_.admin().transaction({}, [&](Transaction& tx) {
          return storage::make_postgres_ledger()
              ->post(
                  tx,
                  {.kind = "payout",
                   .reference = protocol::to_bytes(ready.wallet.account()),
                   .lines = {{{"customer", protocol::to_bytes(ready.wallet.account()), "EUR"}, -1},
                             {{"cash", {}, "EUR"}, 1}}})
              .status();
        }));
        send(i, "INSUFFICIENT_FUNDS");
        break;
      case 8:
      case 9:
        EXPECT_TRUE(ready.wallet.ask_void(stub(), 1, slot()).ok());
        send(i, "ORDER_VOID");
        break;
      case 12:
        ready.order.order.opened.order = 2;
        ready.sign_again();
        send(i, "ORDER_NUMBER");
        break;
      case 14:
      case 15:
        ready.order.order.opened.mac[5] ^= 1;
        ready.sign_again();
        send(i, "ORDER_DEAD");
        break;
      case 18:
        must(issuer_.admin().transaction(
            {}, [&](Transaction& tx) { return close_account(tx, ready.wallet.account(), 1); }));
        send(i, "ACCOUNT_CLOSED");
        break;
      case 22: {
        Wallet stranger(issuer_);
        ready.bytes = protocol::to_string(
            protocol::SignedDocument::sign(ready.order.order.encode(), stranger.key()).encode());
        send(i, "BAD_SIGNATURE");
        break;
      }
      case 23:
        ready.order.order.opened.account.bytes[0] ^= 1;
        ready.sign_again();
        send(i, "UNKNOWN_ACCOUNT");
        break;
      case 24:
        ready.bytes.resize(ready.bytes.size() - 1);
        send(i, "TRUNCATED");
        break;
      case 28:  // has its answer already
        EXPECT_TRUE(ready.wallet.complete(stub(), ready.order).ok());
        send(i, "");
        break;
      default:
        send(i, "");
    }
  }
  // The same order again, and other orders of a number that is being completed.
  for (size_t i = 60; i < 68; ++i) send(i, "");
  std::vector<PreparedOrder> rivals;
  for (size_t i = 70; i < 78; ++i) {
    rivals.push_back(all[i]->wallet.prepare(all[i]->order.order.opened, issuer_.market.rng.seed()));
    documents.push_back(protocol::to_string(rivals.back().document.encode()));
    expected.push_back("rival");
    whose.push_back(i);
  }
  ASSERT_EQ(documents.size(), 100U);

  const Answers answers = complete_together(documents);
  // One before, the one that held up the others, and two groups for the hundred.
  EXPECT_TRUE(metric("cafe_batch_items_count{service=\"withdrawal\",pool=\"complete\"} 4\n"));
  size_t completed = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    const Ready& ready = *all[whose[i]];
    const bool rivalled = whose[i] >= 70 && whose[i] < 78;
    if (rivalled) {
      const size_t other = i < 84 ? 92 + whose[i] - 70 : whose[i];
      EXPECT_NE(answers[i].ok(), answers[other].ok()) << "one of two, wallet " << whose[i];
      if (!answers[i].ok()) {
        EXPECT_EQ(reason_of(answers[i].status()), "ORDER_COMPLETED_DIFFERENTLY");
        continue;
      }
      EXPECT_TRUE(ready.wallet.unblind(i < 84 ? ready.order : rivals[i - 92], *answers[i]).ok());
    } else {
      EXPECT_EQ(reason_of(answers[i].status()), expected[i]) << "document " << i;
      if (!answers[i].ok()) continue;
      const auto coins = ready.wallet.unblind(ready.order, *answers[i]);
      ASSERT_TRUE(coins.ok()) << coins.status();
      EXPECT_EQ(coins->size(), 3U);
      EXPECT_EQ(*answers[i], *ready.wallet.complete(stub(), ready.order)) << "the same ever after";
    }
    EXPECT_EQ(issuer_.balance(ready.wallet.account()), 0);
    completed += i < 84 || rivalled;
  }
  EXPECT_EQ(completed, 84U - 11U);
  EXPECT_EQ(issuer_.count("withdrawal.completed_order"), static_cast<int64_t>(completed + 1));
  EXPECT_EQ(issuer_.audit(), "");
}

// What only the database finds out fails the shared transaction; the others complete all the same.
TEST_F(Groups, OrderThatFailsInTheDatabaseFailsAlone) {
  std::vector<std::unique_ptr<Ready>> all;
  std::vector<std::string> documents;
  for (int i = 0; i < 12; ++i) {
    all.push_back(std::make_unique<Ready>(*this));
    documents.push_back(all.back()->bytes);
  }
  // Something else stands in the ledger under the reference of this order.
  protocol::Bytes reference = protocol::to_bytes(all[5]->wallet.account());
  for (const uint8_t byte : {0, 0, 0, 0, 0, 0, 0, 1, int{'E'}, int{'U'}, int{'R'}}) {
    reference.push_back(byte);
  }
  must(issuer_.admin().transaction({}, [&](Transaction& tx) {
    return storage::make_postgres_ledger()
        ->post(tx,
               {.kind = "withdrawal",
                .reference = reference,
                .lines = {{{"cash", {}, "EUR"}, -1},
                          {{"customer", protocol::to_bytes(all[5]->wallet.account()), "EUR"}, 1}}})
        .status();
  }));
  const Answers answers = complete_together(documents);
  for (size_t i = 0; i < answers.size(); ++i) {
    if (i == 5) {
      EXPECT_EQ(reason_of(answers[i].status()), "POSTING_CONFLICT");
      EXPECT_EQ(issuer_.balance(all[i]->wallet.account()), 100'001);
    } else {
      ASSERT_TRUE(answers[i].ok()) << answers[i].status();
      EXPECT_TRUE(all[i]->wallet.unblind(all[i]->order, *answers[i]).ok());
      EXPECT_EQ(issuer_.balance(all[i]->wallet.account()), 100'000 - kPrice);
    }
  }
  EXPECT_EQ(issuer_.count("withdrawal.completed_order"), 12) << "eleven, and the first";
  EXPECT_EQ(issuer_.audit(), "");
}

TEST_F(Groups, NobodyWaitsForTheLockOfAnothersAccount) {
  std::vector<std::unique_ptr<Ready>> all;
  std::vector<std::string> documents;
  for (int i = 0; i < 10; ++i) {
    all.push_back(std::make_unique<Ready>(*this));
    documents.push_back(all.back()->bytes);
  }
  auto lock = std::make_unique<RowLock>(issuer_, all[4]->wallet.account());
  const Answers answers = complete_together(documents, [&](const std::atomic<size_t>& answered) {
    EXPECT_TRUE(testing::eventually(kPatience, [&] { return answered == 9; }));
    EXPECT_TRUE(testing::eventually(kPatience, [&] { return waiting_for_locks() == 1; }));
    lock.reset();
  });
  for (size_t i = 0; i < answers.size(); ++i) {
    ASSERT_TRUE(answers[i].ok()) << answers[i].status();
    EXPECT_TRUE(all[i]->wallet.unblind(all[i]->order, *answers[i]).ok());
  }
  EXPECT_EQ(issuer_.audit(), "");
}

// What is opened while completions cannot keep up would be work for nothing.
TEST_F(Groups, NothingIsOpenedWhileTooManyOrdersWaitToBeCompleted) {
  Ready first(*this);
  Wallet wallet(issuer_);
  wallet.join(stub());
  const auto open = [&] { return wallet.open(stub(), {{issuer_.coin.id, 1}}); };
  auto lock = std::make_unique<RowLock>(issuer_, first.wallet.account());
  std::vector<std::jthread> threads;
  threads.emplace_back([&] { EXPECT_TRUE(first.wallet.complete(stub(), first.order).ok()); });
  EXPECT_TRUE(testing::eventually(kPatience, [&] { return waiting_for_locks() == 1; }));
  const auto send = [&](int orders) {
    for (int i = 0; i < orders; ++i) {
      threads.emplace_back([&] { EXPECT_FALSE(call_complete(stub(), "not an order").ok()); });
    }
  };
  send(127);
  EXPECT_TRUE(testing::eventually(kPatience, [&] { return waiting(127); }));
  EXPECT_TRUE(open().ok());
  send(1);
  EXPECT_TRUE(testing::eventually(kPatience, [&] { return waiting(128); }));
  const auto refused = open();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(reason_of(refused.status()), "QUEUE_FULL");
  lock.reset();
  threads.clear();
  EXPECT_TRUE(open().ok());
}

// z of an account and a denomination is kept: no other's may come in its place.
TEST_F(Groups, LaterOrdersHaveTheSameZAndValidCoins) {
  Wallet alice(issuer_), bob(issuer_);
  alice.join(stub());
  bob.join(stub());
  std::map<std::pair<Wallet*, protocol::DenomId>, protocol::Point> first;
  for (int round = 0; round < 2; ++round) {
    for (Wallet* wallet : {&alice, &bob}) {
      for (const auto& lines :
           {std::vector<OrderLine>{{issuer_.coin.id, 1}, {issuer_.split_coin.id, 1}},
            std::vector<OrderLine>{{issuer_.split_coin.id, 2}}}) {
        const auto opened = wallet->open(stub(), lines);
        ASSERT_TRUE(opened.ok()) << opened.status();
        for (const auto& line : opened->lines) {
          EXPECT_EQ(first.try_emplace({wallet, line.denom_id}, line.z).first->second, line.z);
        }
        const PreparedOrder order = wallet->prepare(*opened);
        const auto completion = wallet->complete(stub(), order);
        ASSERT_TRUE(completion.ok()) << completion.status();
        EXPECT_TRUE(wallet->unblind(order, *completion).ok());
        ++wallet->next_order;
      }
    }
  }
  std::set<protocol::Point> different;
  for (const auto& [key, z] : first) different.insert(z);
  EXPECT_EQ(different.size(), 4U);
}

// A group dies ------------------------------------------------------------------------------------

class DyingGroup : public ::testing::Test {
 protected:
  DyingGroup() : issuer_(platform::unix_seconds(platform::SystemClock())) {}

  // Twenty orders at once, to a service that dies over them.
  void die_at(const std::string& failpoint) {
    ChildProcess dying(issuer_, failpoint + "=crash@1");
    for (size_t i = 0; i < 20; ++i) {
      wallets_.push_back(std::make_unique<Wallet>(issuer_));
      wallets_.back()->join(dying.stub());
    }
    for (const auto& wallet : wallets_) {
      const auto opened = wallet->open(dying.stub(), {{issuer_.coin.id, 2}});
      ASSERT_TRUE(opened.ok()) << opened.status();
      orders_.push_back(wallet->prepare(*opened));
      rivals_.push_back(wallet->prepare(*opened, issuer_.market.rng.seed()));
    }
    before_ = issuer_.rows();
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < wallets_.size(); ++i) {
      threads.emplace_back(
          [&, i] { EXPECT_FALSE(wallets_[i]->complete(dying.stub(), orders_[i]).ok()); });
    }
    threads.clear();
    dying.expect_crash();
  }

  TestIssuer issuer_;
  std::vector<std::unique_ptr<Wallet>> wallets_;
  std::vector<PreparedOrder> orders_, rivals_;
  std::string before_;
};

TEST_F(DyingGroup, BeforeItsCommitLeavesNothing) {
  die_at("withdrawal/complete-before-commit");
  EXPECT_EQ(issuer_.rows(), before_);
  ChildProcess service(issuer_);
  for (size_t i = 0; i < wallets_.size(); ++i) {
    const auto answer = wallets_[i]->complete(service.stub(), rivals_[i]);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_TRUE(wallets_[i]->unblind(rivals_[i], *answer).ok());
    EXPECT_EQ(issuer_.balance(wallets_[i]->account()), 100'000 - 1'000);
  }
  EXPECT_EQ(issuer_.audit(), "");
}

TEST_F(DyingGroup, BetweenCommitAndAnswersLeavesTheAnswersThatWereCommitted) {
  die_at("withdrawal/complete-after-commit");
  const int64_t committed = issuer_.count("withdrawal.completed_order");
  EXPECT_GE(committed, 1);
  ChildProcess service(issuer_);
  int64_t kept = 0;
  for (size_t i = 0; i < wallets_.size(); ++i) {
    const auto rival = wallets_[i]->complete(service.stub(), rivals_[i]);
    const auto answer = wallets_[i]->complete(service.stub(), orders_[i]);
    EXPECT_NE(rival.ok(), answer.ok()) << "exactly one of two orders of one number";
    const bool was_committed = answer.ok();
    kept += was_committed;
    EXPECT_EQ(reason_of((was_committed ? rival : answer).status()), "ORDER_COMPLETED_DIFFERENTLY");
    EXPECT_TRUE(
        wallets_[i]
            ->unblind(was_committed ? orders_[i] : rivals_[i], was_committed ? *answer : *rival)
            .ok());
    EXPECT_EQ(issuer_.balance(wallets_[i]->account()), 100'000 - 1'000);
  }
  EXPECT_EQ(kept, committed);
  EXPECT_EQ(issuer_.audit(), "");
}

}  // namespace
}  // namespace cafe::withdrawal
