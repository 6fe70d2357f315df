#include "services/deposit/order.h"

#include <gtest/gtest.h>

#include "services/deposit/testing/shop.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::reason_of;
using testing::Shop;
using testing::Till;

class OrderTest : public ::testing::Test {
 protected:
  std::string reason(const Bytes& order, const std::vector<Bytes>& payments) {
    return reason_of(read_order(order, payments, Shop::kIssuer, 1000).status());
  }

  Shop shop{1'800'000'000};
  Till till = shop.make_till();
  const std::vector<Bytes> payments{{1}, {2, 3}};
  const protocol::Bytes16 key = shop.rng.array<16>();
};

TEST_F(OrderTest, IsReadWithTheDigestThatTheReceiptNames) {
  const Bytes bytes = shop.order(till, key, payments);
  const absl::StatusOr<ReadOrder> read = read_order(bytes, payments, Shop::kIssuer, 1000);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->order.idempotency_key, key);
  EXPECT_EQ(read->digest, read->document.digest());
  EXPECT_TRUE(read->document.check(till.key.public_key()).ok());
}

TEST_F(OrderTest, HoldsOneToTheMostPayments) {
  EXPECT_EQ(reason(shop.order(till, key, {}), {}), "BATCH_EMPTY");
  const std::vector<Bytes> most(1000, Bytes{1});
  EXPECT_EQ(reason(shop.order(till, key, most), most), "");
  const std::vector<Bytes> more(1001, Bytes{1});
  EXPECT_EQ(reason(shop.order(till, key, more), more), "BATCH_TOO_LARGE");
}

TEST_F(OrderTest, CoversExactlyThesePaymentsInThisOrder) {
  const Bytes order = shop.order(till, key, payments);
  EXPECT_EQ(reason(order, {{2, 3}, {1}}), "PAYMENTS_MISMATCH");
  EXPECT_EQ(reason(order, {{1}}), "PAYMENTS_MISMATCH");
  EXPECT_EQ(reason(order, {{1}, {2}, {3}}), "PAYMENTS_MISMATCH");
}

TEST_F(OrderTest, IsForThisAcquirer) {
  const Bytes order = shop.order(till, key, payments);
  EXPECT_EQ(reason_of(read_order(order, payments, "issuer-b.example", 1000).status()),
            "WRONG_ACQUIRER");
}

TEST_F(OrderTest, RefusesEveryTruncation) {
  const Bytes order = shop.order(till, key, payments);
  for (size_t length = 0; length < order.size(); ++length) {
    EXPECT_NE(reason({order.begin(), order.begin() + length}, payments), "") << length;
  }
}

}  // namespace
}  // namespace cafe::deposit
