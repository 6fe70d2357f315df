// Lookup against a real PostgreSQL and Redis.
#include "libs/protocol/lookup.h"
#include "services/doublespend/testing/service_fixture.h"
#include "tests/support/private_redis.h"

namespace cafe::doublespend::testing {
namespace {

using protocol::to_string;
using Stub = v1::DoubleSpend::Stub;
using Outcomes = std::vector<v1::RecordVerdict::Outcome>;

class LookupTest : public ServiceFixture {
 protected:
  LookupTest() {
    redis_ = *cafe::testing::PrivateRedis::start();
    options_.redis_url = redis_->address();
    own_.lookups_per_minute = 10;
    start();
  }
  Called look_up(const std::vector<protocol::CoinId>& coins, v1::LookupResponse& response) {
    v1::LookupRequest request;
    for (const auto& coin : coins) request.add_coin_ids(to_string(coin));
    return call(&Stub::Lookup, request, response);
  }
  protocol::SpentSlotsAnswer answer(const std::vector<protocol::CoinId>& coins) {
    v1::LookupResponse response;
    const Called called = look_up(coins, response);
    EXPECT_TRUE(called.ok()) << called.status;
    const auto certificate =
        protocol::SignedDocument::decode(protocol::view_of(response.key_certificate()));
    EXPECT_TRUE(certificate.ok());
    const auto key = protocol::open_key_certificate(*certificate, market_.anchors,
                                                    protocol::kPurposeCoinstore, std::nullopt);
    EXPECT_TRUE(key.ok()) << key.status();
    const auto document = protocol::SignedDocument::decode(protocol::view_of(response.answer()));
    EXPECT_TRUE(document.ok() && document->check(key->key).ok());
    return protocol::SpentSlotsAnswer::decode(document->frame).value();
  }
  std::unique_ptr<cafe::testing::PrivateRedis> redis_;
};

TEST_F(LookupTest, TellsEverySpentSlotSigned) {
  const protocol::CoinId a = rows_.coin(), whole = rows_.coin(), c = rows_.coin();
  // One coin's month is another than the other's.
  RowMaker other_month("month", rows_.spends(1, 1)[0].key.deposit_until + 62 * kDay_s,
                       rows_.spends(1, 1)[0].claim_until);
  record({rows_.spend(a, 0, {1, 0}), rows_.spend(a, 63, {1, 1}), other_month.spend(c, 5, {1, 2})});
  for (int again = 0; again < 2; ++again) {  // from the database, then from the cache
    const auto got = answer({a, whole, c});
    EXPECT_EQ(got.issuer_id, options_.issuer_id);
    EXPECT_EQ(got.time_ms, platform::unix_ms(clock_));
    EXPECT_EQ(got.coin_ids, (std::vector{a, whole, c}));
    EXPECT_EQ(got.spent, (std::vector<protocol::SpentSlotsAnswer::Spent>{{0, 0}, {0, 63}, {2, 5}}));
  }
}

TEST_F(LookupTest, WithRedisDownEverythingWorks) {
  const auto rows = rows_.spends(2, 1);
  redis_->kill();
  EXPECT_EQ(outcomes(rows), Outcomes(2, FRESH));
  EXPECT_EQ(answer({rows[0].key.coin_id}).spent.size(), 1u);
}

TEST_F(LookupTest, OneAddressIsLimitedOthersAreNot) {
  const protocol::CoinId coin = rows_.coin();
  v1::LookupResponse response;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(look_up({coin}, response).ok());
  const Called limited = look_up({coin}, response);
  EXPECT_EQ(limited.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(limited.reason(), "RATE_LIMITED");
  EXPECT_EQ(outcomes(rows_.spends(1, 1)), Outcomes{FRESH}) << "services are not";
  clock_.advance(absl::Minutes(1));
  EXPECT_TRUE(look_up({coin}, response).ok());
}

TEST_F(LookupTest, RefusesWhatIsNoCoinId) {
  v1::LookupRequest request;
  v1::LookupResponse response;
  EXPECT_EQ(call(&Stub::Lookup, request, response).reason(), "COIN_COUNT");
  request.add_coin_ids("short");
  EXPECT_EQ(call(&Stub::Lookup, request, response).reason(), "BAD_LENGTH");
}

}  // namespace
}  // namespace cafe::doublespend::testing
