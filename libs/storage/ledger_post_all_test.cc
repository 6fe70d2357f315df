// Many postings in one call: the same rules and the same books as one by one.
#include <gmock/gmock.h>

#include <random>
#include <thread>

#include "libs/storage/ledger_fixture.h"

namespace cafe::storage {
namespace {

using protocol::reason_of;
using ::testing::IsEmpty;

class PostAllTest : public LedgerFixture {
 protected:
  Posting posting(const std::string& reference, std::vector<LedgerLine> lines) const {
    const std::string full = currency_ + reference;
    return {"test", {full.begin(), full.end()}, std::move(lines)};
  }
  absl::Status post_all(Database& db, const std::vector<Posting>& postings) {
    return db.transaction({}, [&](Transaction& tx) { return ledger_->post_all(tx, postings); });
  }
  int64_t postings() {
    return root_
        ->transaction({},
                      [&](Transaction& tx) -> absl::StatusOr<int64_t> {
                        CAFE_ASSIGN_OR_RETURN(
                            Rows rows,
                            tx.query("SELECT count(*) FROM ledger.posting "
                                     "WHERE convert_from(reference, 'UTF8') LIKE $1 || '%'",
                                     currency_));
                        return rows.front().get<int64_t>(0);
                      })
        .value();
  }
};

TEST_F(PostAllTest, OrdersOfManyCustomersAreOneCall) {
  const AccountRef cash = account("cash"), coins = account("coins"), more = account("coins", 1);
  std::vector<Posting> funding, orders;
  for (uint8_t owner = 0; owner < 60; ++owner) {
    const AccountRef customer = account("customer", owner);
    funding.push_back(posting("f" + std::to_string(owner), {{cash, -1000}, {customer, 1000}}));
    orders.push_back(posting("o" + std::to_string(owner),
                             {{customer, -10 - owner}, {coins, 10}, {more, owner}}));
    if (owner == 0) orders.back().lines.pop_back();
  }
  auto teller = open("cafe_operator"), withdrawal = open("cafe_withdrawal");
  ASSERT_TRUE(post_all(*teller, funding).ok());
  const absl::Status posted = post_all(*withdrawal, orders);
  ASSERT_TRUE(posted.ok()) << posted;
  EXPECT_EQ(balance(account("customer", 59)), 1000 - 69);
  EXPECT_EQ(balance(coins), 600);
  EXPECT_EQ(balance(more), 59 * 60 / 2);
  EXPECT_EQ(balance(cash), -60'000);
  EXPECT_EQ(postings(), 120);
  EXPECT_THAT(audit(), IsEmpty());
  EXPECT_TRUE(post_all(*withdrawal, {}).ok()) << "nothing to do";
}

TEST_F(PostAllTest, WhatWasPostedBeforeChangesNothing) {
  const AccountRef cash = account("cash"), alice = account("customer"),
                   bob = account("customer", 1);
  ASSERT_TRUE(post(*root_, "a", {{cash, -5}, {alice, 5}}).ok());
  const std::vector<Posting> both = {posting("b", {{cash, -7}, {bob, 7}}),
                                     posting("a", {{alice, 5}, {cash, -5}})};
  for (int i = 0; i < 2; ++i) {
    const absl::Status posted = post_all(*root_, both);
    ASSERT_TRUE(posted.ok()) << posted;
    EXPECT_EQ(balance(alice), 5);
    EXPECT_EQ(balance(bob), 7);
    EXPECT_EQ(postings(), 2);
  }
  EXPECT_EQ(reason_of(post_all(*root_, {posting("c", {{cash, -1}, {bob, 1}}),
                                        posting("a", {{alice, 6}, {cash, -6}})})),
            "POSTING_CONFLICT");
  EXPECT_EQ(reason_of(post_all(*root_, {posting("c", {{cash, -1}, {bob, 1}}),
                                        posting("a", {{bob, 5}, {cash, -5}})})),
            "POSTING_CONFLICT");
  EXPECT_EQ(balance(bob), 7);
  EXPECT_EQ(postings(), 2) << "a call is posted as a whole or not at all";
  EXPECT_THAT(audit(), IsEmpty());
}

TEST_F(PostAllTest, OneThatCannotPayFailsThemAll) {
  const AccountRef cash = account("cash"), alice = account("customer"),
                   bob = account("customer", 1), coins = account("coins"), loss = account("loss");
  ASSERT_TRUE(post(*root_, "f", {{cash, -15}, {alice, 10}, {bob, 5}}).ok());
  const auto orders = [&](int64_t of_bob) {
    return std::vector<Posting>{posting("1", {{alice, -10}, {coins, 10}}),
                                posting("2", {{bob, -of_bob}, {coins, of_bob}})};
  };
  const absl::Status refused = post_all(*root_, orders(6));
  EXPECT_EQ(reason_of(refused), "INSUFFICIENT_FUNDS");
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(balance(alice), 10);
  EXPECT_EQ(balance(coins), 0);
  EXPECT_EQ(postings(), 1);
  ASSERT_TRUE(post_all(*root_, orders(5)).ok());
  EXPECT_EQ(balance(coins), 15);
  // More comes back than was issued, in two postings of which each alone would pass.
  EXPECT_EQ(reason_of(post_all(*root_, {posting("3", {{coins, -8}, {loss, 8}}),
                                        posting("4", {{coins, -8}, {loss, 8}})})),
            "OVERDRAWN");
  EXPECT_EQ(reason_of(post_all(*root_, {posting("5", {{cash, -INT64_MAX}, {loss, INT64_MAX}}),
                                        posting("6", {{cash, -INT64_MAX}, {loss, INT64_MAX}})})),
            "BALANCE_OVERFLOW");
  EXPECT_EQ(balance(coins), 15);
  EXPECT_THAT(audit(), IsEmpty());
}

TEST_F(PostAllTest, BalancesAreJudgedByWhatAllTogetherChange) {
  const AccountRef cash = account("cash"), alice = account("customer"), shop = account("payee");
  // Alice pays out what the same call pays in, and the shop ends where it began.
  const absl::Status posted = post_all(
      *root_, {posting("1", {{alice, -3}, {shop, 3}}), posting("2", {{cash, -4}, {alice, 4}}),
               posting("3", {{shop, -3}, {cash, 3}})});
  ASSERT_TRUE(posted.ok()) << posted;
  EXPECT_EQ(balance(alice), 1);
  EXPECT_EQ(balance(shop), 0);
  EXPECT_EQ(balance(cash), -1);
  EXPECT_THAT(audit(), IsEmpty());
}

TEST_F(PostAllTest, GuardedAccountSpreadOverShardsGivesExactlyWhatItHolds) {
  const AccountRef coins = account("coins"), loss = account("loss");
  // From several sessions, so that no shard holds all.
  std::vector<std::unique_ptr<Database>> sessions;
  for (int i = 0; i < 5; ++i) {
    sessions.push_back(open("postgres", 1));
    ASSERT_TRUE(
        post_all(*sessions.back(), {posting(std::to_string(i), {{loss, -20}, {coins, 20}})}).ok());
  }
  EXPECT_EQ(reason_of(post_all(*root_, {posting("a", {{coins, -101}, {loss, 101}})})), "OVERDRAWN");
  ASSERT_TRUE(post_all(*root_, {posting("b", {{coins, -90}, {loss, 90}}),
                                posting("c", {{coins, -10}, {loss, 10}})})
                  .ok());
  EXPECT_EQ(balance(coins), 0);
  EXPECT_THAT(audit(), IsEmpty());
}

TEST_F(PostAllTest, EachRoleMovesOnlyItsKindsOfMoney) {
  auto withdrawal = open("cafe_withdrawal");
  const AccountRef alice = account("customer"), coins = account("coins"), shop = account("payee");
  ASSERT_TRUE(post(*root_, "f", {{account("cash"), -10}, {alice, 10}}).ok());
  const Posting good = posting("1", {{alice, -1}, {coins, 1}});
  EXPECT_EQ(reason_of(post_all(*withdrawal, {good, posting("2", {{alice, -1}, {shop, 1}})})),
            "POSTING_FORBIDDEN");
  EXPECT_EQ(reason_of(post_all(*withdrawal, {good, posting("2", {{alice, 1}, {coins, -1}})})),
            "POSTING_FORBIDDEN");
  EXPECT_TRUE(post_all(*withdrawal, {good}).ok());
}

TEST_F(PostAllTest, TheClientRefusesWhatIsMalformed) {
  const AccountRef cash = account("cash"), alice = account("customer");
  const Posting good = posting("1", {{cash, -1}, {alice, 1}});
  Posting other_kind = posting("2", good.lines);
  other_kind.kind = "other";
  for (const Posting& bad : {other_kind, posting("2", {{cash, -1}, {alice, 2}}),
                             posting("2", {{cash, -1}}), posting("1", good.lines)}) {
    EXPECT_EQ(reason_of(post_all(*root_, {good, bad})), "BAD_POSTING");
  }
  EXPECT_EQ(balance(alice), 0);
}

TEST_F(PostAllTest, TheFunctionChecksWhatTheClientWouldHave) {
  struct Case {
    const char* what;
    const char* arguments;  // after the kind
  };
  for (const Case& c : {
           Case{"no posting", "'{}', '{}', '{}', '{}', '{}', '{}'"},
           Case{"unbalanced", "'{a}', '{XTS}', '{1,1}', '{cash,loss}', '{a,a}', '{1,-2}'"},
           Case{"balanced over two postings",
                "'{a,b}', '{XTS,XTS}', '{1,1,2,2}', '{cash,loss,cash,loss}', '{a,a,a,a}', "
                "'{1,2,-1,-2}'"},
           Case{"a posting of one line",
                "'{a,b}', '{XTS,XTS}', '{1,1,2}', '{cash,loss,cash}', '{a,a,b}', '{1,-1,0}'"},
           Case{"a posting without lines",
                "'{a,b}', '{XTS,XTS}', '{1,1}', '{cash,loss}', "
                "'{a,a}', '{1,-1}'"},
           Case{"a line of no posting",
                "'{a}', '{XTS}', '{1,1,2,2}', '{cash,loss,cash,loss}', '{a,a,b,b}', '{1,-1,1,-1}'"},
           Case{"a line of posting 0",
                "'{a}', '{XTS}', '{1,1,0,0}', '{cash,loss,cash,loss}', '{a,a,b,b}', '{1,-1,1,-1}'"},
           Case{"an account twice",
                "'{a}', '{XTS}', '{1,1,1}', '{cash,loss,loss}', '{a,a,a}', "
                "'{2,-1,-1}'"},
           Case{"a zero", "'{a}', '{XTS}', '{1,1,1}', '{cash,loss,loss}', '{a,a,b}', '{1,-1,0}'"},
           Case{"a NULL",
                "'{a}', '{XTS}', '{1,1,1}', '{cash,loss,loss}', '{a,a,b}', "
                "'{1,-1,NULL}'"},
           Case{"a NULL of another column",
                "'{a}', '{XTS}', '{1,NULL}', '{cash,loss}', '{a,a}', "
                "'{1,-1}'"},
           Case{"a reference twice",
                "'{a,a}', '{XTS,XTS}', '{1,1,2,2}', '{cash,loss,cash,loss}', "
                "'{a,a,a,a}', '{1,-1,1,-1}'"},
           Case{"an empty reference",
                "'{\"\"}', '{XTS}', '{1,1}', '{cash,loss}', '{a,a}', "
                "'{1,-1}'"},
           Case{"no currency", "'{a}', '{xx}', '{1,1}', '{cash,loss}', '{a,a}', '{1,-1}'"},
           Case{"an unknown kind", "'{a}', '{XTS}', '{1,1}', '{cash,gold}', '{a,a}', '{1,-1}'"},
           Case{"columns of different lengths",
                "'{a}', '{XTS}', '{1,1}', '{cash,loss}', '{a}', "
                "'{1,-1}'"},
           Case{"references that count from 0",
                "'[0:0]={a}', '{XTS}', '{1,1}', '{cash,loss}', "
                "'{a,a}', '{1,-1}'"},
           Case{"a table for a column",
                "'{a}', '{XTS}', '{{1,1}}', '{cash,loss}', '{a,a}', "
                "'{1,-1}'"},
       }) {
    EXPECT_EQ(
        reason_for(*root_, std::string("SELECT ledger.post_all('test', ") + c.arguments + ")"),
        "BAD_POSTING")
        << c.what;
  }
  EXPECT_THAT(audit(), IsEmpty());
}

TEST_F(PostAllTest, CallsThatCrossEachOtherDoNotDeadlock) {
  constexpr int kThreads = 6, kCalls = 25, kPostings = 8;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < kCalls; ++i) {
        std::vector<Posting> call;
        for (int p = 0; p < kPostings; ++p) {
          const auto from = account("clearing", random() % 6),
                     to = account("customer", random() % 6);
          call.push_back(
              posting(std::to_string(t) + "/" + std::to_string(i) + "/" + std::to_string(p),
                      {{from, -2}, {to, 2}}));
        }
        std::shuffle(call.begin(), call.end(), random);
        // Every third one by itself, the other way.
        const absl::Status status =
            i % 3 == 0 ? post(*root_, "s" + std::to_string(t) + "/" + std::to_string(i),
                              {{account("customer", random() % 6), 1}, {account("cash"), -1}})
                             .status()
                       : post_all(*root_, call);
        ASSERT_TRUE(status.ok()) << status;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(root_->stats().retried, 0) << "postings deadlocked";
  EXPECT_THAT(audit(), IsEmpty());
}

TEST_F(PostAllTest, TheSameCallFromManyThreadsHappensOnce) {
  const AccountRef cash = account("cash"), alice = account("customer"),
                   bob = account("customer", 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      std::vector<Posting> call = {posting("x", {{cash, -5}, {alice, 5}}),
                                   posting("y", {{cash, -7}, {bob, 7}})};
      if (t % 2 == 0) std::swap(call[0], call[1]);
      const absl::Status status = post_all(*root_, call);
      EXPECT_TRUE(status.ok()) << status;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(balance(alice), 5);
  EXPECT_EQ(balance(bob), 7);
  EXPECT_EQ(postings(), 2);
  EXPECT_THAT(audit(), IsEmpty());
}

}  // namespace
}  // namespace cafe::storage
