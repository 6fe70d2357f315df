#include "libs/protocol/order_history.h"

#include <gtest/gtest.h>

#include <functional>

#include "libs/protocol/testing/world.h"

namespace cafe::protocol {
namespace {

using cafe::testing::World;
using cafe::testing::WorldWallet;

// An account with five completed orders, and honest answers about them.
class ListingTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kLast = 5;
  static constexpr uint64_t kLastLoad = 4;

  struct Answer {
    OrdersListed listed;
    std::vector<OrderRecord> records;
  };

  OrderRecord make_record(uint64_t number) {
    Order order{world.open(wallet, {{{world.coin.id, 1}}}), {}, Bytes(30, 1)};
    order.opened.order = number;
    order.challenges.push_back({world.rng.scalar(), world.rng.scalar()});
    const SignedDocument signed_order =
        SignedDocument::sign(order.encode(), wallet.identity.account_key);
    const Completion completion{std::string(World::kIssuer), wallet.account.account, number,
                                order.opened.time_slot,      signed_order.digest(),  {{"EUR", 500}},
                                {{0, world.rng.scalar()}}};
    return {signed_order, SignedDocument::sign(completion.encode(), world.withdrawal_key)};
  }
  OrdersQuery query_after(uint64_t after, uint64_t after_load = 0) const {
    return {std::string(World::kIssuer),
            wallet.account.account,
            wallet.account.account,
            after,
            after_load,
            7};
  }
  static ListedOrder entry_of(uint64_t number, const OrderRecord& record) {
    return {number, record.order.digest(), record.completion.digest()};
  }
  // The orders `from` to `to`.
  Answer answer(const OrdersQuery& query, uint64_t from, uint64_t to) const {
    Answer out{{query.issuer_id,
                query.account,
                SignedDocument{query.encode(), {}}.digest(),
                kLast,
                kLastLoad,
                8,
                {}},
               {}};
    for (uint64_t n = from; n <= to; ++n) {
      out.records.push_back(records[n - 1]);
      out.listed.orders.push_back(entry_of(n, records[n - 1]));
    }
    return out;
  }
  static std::string check(const OrdersQuery& query, const Answer& answer, size_t loads = 1) {
    return reason_of(check_listing(query, answer.listed, answer.records, loads));
  }

  World world{"listings"};
  const WorldWallet wallet = world.make_wallet();
  std::vector<OrderRecord> records = [this] {
    std::vector<OrderRecord> out;
    for (uint64_t n = 1; n <= kLast; ++n) out.push_back(make_record(n));
    return out;
  }();
};

TEST_F(ListingTest, HonestAnswersPass) {
  EXPECT_EQ(check(query_after(0), answer(query_after(0), 1, 5)), "");
  EXPECT_EQ(check(query_after(3), answer(query_after(3), 4, 5)), "");
  EXPECT_EQ(check(query_after(1), answer(query_after(1), 2, 3)), "") << "a page; one asks on";
  EXPECT_EQ(check(query_after(5), answer(query_after(5), 1, 0)), "") << "no order more";
  EXPECT_EQ(check(query_after(9), answer(query_after(9), 1, 0)), "");
}

TEST_F(ListingTest, NoOrderIsLeftOut) {
  EXPECT_EQ(check(query_after(0), answer(query_after(0), 2, 5)), "LISTING_GAP");
  EXPECT_EQ(check(query_after(2), answer(query_after(2), 1, 5)), "LISTING_GAP");
  EXPECT_EQ(check(query_after(0), answer(query_after(0), 1, 0)), "LISTING_GAP");
  EXPECT_EQ(check(query_after(5), answer(query_after(5), 5, 5)), "LISTING_GAP");
}

// A page has loads as far as there is room beside its orders, and whoever asks on gets all.
TEST_F(ListingTest, NoLoadIsLeftOut) {
  const auto check_loads = [&](uint64_t after, uint64_t after_load, size_t loads) {
    const OrdersQuery query = query_after(after, after_load);
    return check(query, answer(query, after + 1, kLast), loads);
  };
  EXPECT_EQ(check_loads(0, 0, 0), "") << "orders first";
  EXPECT_EQ(check_loads(0, 0, 4), "");
  EXPECT_EQ(check_loads(5, 2, 1), "") << "one asks on";
  EXPECT_EQ(check_loads(5, 4, 0), "") << "nothing more";
  EXPECT_EQ(check_loads(5, 3, 0), "LISTING_GAP") << "nobody would get the last";
  EXPECT_EQ(check_loads(0, 0, 5), "LISTING_GAP") << "more than the issuer says that there are";
  EXPECT_EQ(check_loads(5, 9, 0), "");
}

TEST_F(ListingTest, EveryDocumentIsTheOneThatIsListed) {
  const OrdersQuery query = query_after(0);
  const Answer good = answer(query, 1, 3);
  ASSERT_EQ(check(query, good), "");
  const std::vector<std::function<void(Answer&)>> changes = {
      [](Answer& a) { a.listed.issuer_id = "issuer-b.example"; },
      [](Answer& a) { a.listed.account.bytes[0] ^= 1; },
      [](Answer& a) { a.listed.query_digest[0] ^= 1; },
      [](Answer& a) { a.records.pop_back(); },
      [](Answer& a) { a.records.push_back(a.records[0]); },
      [](Answer& a) { std::swap(a.records[0], a.records[1]); },
      [](Answer& a) { std::swap(a.records[0].completion, a.records[1].completion); },
      [](Answer& a) { a.listed.orders[1].order_digest[0] ^= 1; },
      [](Answer& a) { a.listed.orders[1].completion_digest[0] ^= 1; },
      // Listed under another number than their own.
      [](Answer& a) {
        std::swap(a.records[0], a.records[1]);
        a.listed.orders[0] = entry_of(1, a.records[0]);
        a.listed.orders[1] = entry_of(2, a.records[1]);
      },
      // The completion of another order.
      [](Answer& a) {
        a.records[0].completion = a.records[1].completion;
        a.listed.orders[0] = entry_of(1, a.records[0]);
      },
  };
  for (size_t n = 0; n < changes.size(); ++n) {
    Answer bad = good;
    changes[n](bad);
    EXPECT_EQ(check(query, bad), "LISTING_MISMATCH") << "change " << n;
  }
  EXPECT_EQ(check(query_after(1), answer(query_after(0), 2, 3)), "LISTING_MISMATCH")
      << "the answer to another question";
}

TEST_F(ListingTest, OrdersOfAnotherAccountDoNotPass) {
  const WorldWallet other = world.make_wallet();
  OrdersQuery query = query_after(0);
  query.account = other.account.account;
  EXPECT_EQ(check(query, answer(query, 1, 2)), "LISTING_MISMATCH");
}

TEST_F(ListingTest, WhatIsNoOrderIsRefused) {
  const OrdersQuery query = query_after(0);
  Answer bad = answer(query, 1, 1);
  bad.records[0].order.frame.pop_back();
  bad.listed.orders[0] = entry_of(1, bad.records[0]);
  EXPECT_EQ(check(query, bad), "TRUNCATED");
}

}  // namespace
}  // namespace cafe::protocol
