// Lost coins come back as they were, and only from what they were made of.
#include "libs/protocol/rebuild.h"

#include "gtest/gtest.h"
#include "libs/protocol/testing/world.h"

namespace cafe::protocol {
namespace {

using testing::WithdrawnCoin;
using testing::World;
using testing::WorldWallet;

class RebuildTest : public ::testing::Test {
 protected:
  // The wallet's orders as the issuer would list them, read again from their bytes.
  Order order(size_t n = 0) const { return Order::decode(wallet_.orders[n].order.frame).value(); }
  Completion completion(size_t n = 0) const {
    return Completion::decode(wallet_.orders[n].completion.frame).value();
  }
  std::vector<Point> points(const Order& of) const {
    return open_attachment(wallet_.coin_seed, of.opened, of.attachment).value();
  }
  absl::StatusOr<std::vector<RebuiltCoin>> rebuild(const Seed& seed, const Order& of,
                                                   const Completion& answer,
                                                   std::span<const Point> B_O) const {
    return rebuild_order(
        seed, of, answer, B_O, [&](const DenomId& id) { return world_.table.find(id); },
        wallet_.account.points, wallet_.guardian_point(Kind::kCoin),
        wallet_.guardian_point(Kind::kCheque));
  }
  std::string reason(const Seed& seed, const Order& of, const Completion& answer,
                     std::span<const Point> B_O) const {
    return reason_of(rebuild(seed, of, answer, B_O).status());
  }
  std::string reason(const Order& of, const Completion& answer) const {
    return reason(wallet_.coin_seed, of, answer, points(of));
  }

  World world_{"rebuild"};
  WorldWallet wallet_ = world_.make_wallet();
  // Two plain coins, two that split and three cheques, in one order; then a second order.
  std::vector<WithdrawnCoin> coins_ = world_.withdraw(
      wallet_, {{world_.coin.id, 2}, {world_.split_coin.id, 2}, {world_.cheque.id, 3}});
  std::vector<WithdrawnCoin> later_ = world_.withdraw(wallet_, {{world_.coin.id, 1}});
};

TEST_F(RebuildTest, YieldsEveryCoinOfAnOrderAsItWas) {
  const Order lost = order();
  const auto rebuilt = rebuild(wallet_.coin_seed, lost, completion(), points(lost));
  ASSERT_TRUE(rebuilt.ok()) << rebuilt.status();
  ASSERT_EQ(rebuilt->size(), coins_.size());
  for (size_t n = 0; n < coins_.size(); ++n) {
    const RebuiltCoin& coin = (*rebuilt)[n];
    const WithdrawnCoin& was = coins_[n];
    const BlindedClause& clause = was.secrets.clauses[was.response.beta];
    EXPECT_EQ(coin.coin, was.coin) << n;
    EXPECT_EQ(coin.i, was.i) << n;
    EXPECT_EQ(lost.opened.lines[coin.line].denom_id, was.coin.denom_id) << n;
    EXPECT_EQ(coin.opening.s, was.secrets.s) << n;
    EXPECT_EQ(coin.opening.u, clause.u) << n;
    EXPECT_EQ(coin.opening.v, clause.v) << n;
    EXPECT_TRUE(check_coin(coin.coin, was.denomination).ok()) << n;
  }
}

TEST_F(RebuildTest, BothClausesAreRebuilt) {
  std::array<int, 2> answered{};
  for (const WithdrawnCoin& coin : coins_) ++answered[coin.response.beta];
  for (int more = 0; more < 20 && (answered[0] == 0 || answered[1] == 0); ++more) {
    ++answered[world_.withdraw(wallet_, {{world_.coin.id, 1}})[0].response.beta];
  }
  ASSERT_GT(answered[0], 0);
  ASSERT_GT(answered[1], 0);
  for (size_t n = 0; n < wallet_.orders.size(); ++n) {
    EXPECT_EQ(reason(order(n), completion(n)), "") << n;
  }
}

// What a claim shows of it is what the issuer's record of the session accepts.
TEST_F(RebuildTest, OpensItsSession) {
  const Order lost = order();
  const auto rebuilt = rebuild(wallet_.coin_seed, lost, completion(), points(lost));
  ASSERT_TRUE(rebuilt.ok()) << rebuilt.status();
  for (const RebuiltCoin& coin : *rebuilt) {
    const bool is_cheque = coin.coin.denom_id == world_.cheque.id;
    const IdentityPoints& known = wallet_.account.points;
    const auto session = session_of(lost, completion(), coin.coin.denom_id, coin.i,
                                    is_cheque ? known.m_cheque : known.m_coin);
    ASSERT_TRUE(session.ok()) << session.status();
    EXPECT_TRUE(check_claim(coin.coin, *session, coin.opening).ok());
    const auto other = session_of(lost, completion(), coin.coin.denom_id, coin.i == 0 ? 1 : 0,
                                  is_cheque ? known.m_cheque : known.m_coin);
    ASSERT_TRUE(other.ok()) << other.status();
    EXPECT_EQ(reason_of(check_claim(coin.coin, *other, coin.opening)), "CLAIM_INVALID");
  }
}

TEST_F(RebuildTest, AnotherSeedYieldsNothing) {
  const Order lost = order();
  EXPECT_EQ(reason(world_.rng.seed(), lost, completion(), points(lost)), "REBUILD_MISMATCH");
  EXPECT_EQ(reason_of(open_attachment(world_.rng.seed(), lost.opened, lost.attachment).status()),
            "BAD_ATTACHMENT");
}

TEST_F(RebuildTest, AnotherOrderYieldsNothing) {
  const Order lost = order();
  EXPECT_EQ(reason(lost, completion(1)), "BAD_ORDER");
  // Everything that the context binds: N, the time slot, z, the nonces of both clauses, the points.
  const std::vector<Point> B_O = points(lost);
  const auto altered = [&](auto change) {
    Order order = lost;
    Completion answer = completion();
    change(order, answer);
    return reason(wallet_.coin_seed, order, answer, B_O);
  };
  EXPECT_EQ(altered([](Order& o, Completion& c) { c.order = ++o.opened.order; }),
            "REBUILD_MISMATCH");
  EXPECT_EQ(altered([](Order& o, Completion& c) { c.time_slot = ++o.opened.time_slot; }),
            "REBUILD_MISMATCH");
  EXPECT_EQ(altered([](Order& o, Completion&) { o.opened.lines[0].z = g2(); }), "REBUILD_MISMATCH");
  for (size_t beta = 0; beta < 2; ++beta) {
    EXPECT_EQ(altered([&](Order& o, Completion&) { o.opened.lines[0].coins[0][beta].a = g2(); }),
              "REBUILD_MISMATCH");
    EXPECT_EQ(altered([&](Order& o, Completion&) { o.opened.lines[0].coins[0][beta].b = g2(); }),
              "REBUILD_MISMATCH");
  }
  const uint8_t beta = coins_[0].response.beta;
  EXPECT_EQ(altered([&](Order& o, Completion&) { o.challenges[0][beta] = Scalar::from_u64(1); }),
            "REBUILD_MISMATCH");
  std::vector<Point> other_points = B_O;
  std::swap(other_points[0], other_points[1]);
  EXPECT_EQ(reason(wallet_.coin_seed, lost, completion(), other_points), "REBUILD_MISMATCH");
}

TEST_F(RebuildTest, AnotherGuardianOrAccountYieldsNothing) {
  const WorldWallet other = world_.make_wallet();
  const Order lost = order();
  const auto find = [&](const DenomId& id) { return world_.table.find(id); };
  const auto rebuilt = rebuild_order(wallet_.coin_seed, lost, completion(), points(lost), find,
                                     wallet_.account.points, other.guardian_point(Kind::kCoin),
                                     wallet_.guardian_point(Kind::kCheque));
  EXPECT_EQ(reason_of(rebuilt.status()), "REBUILD_MISMATCH");
  const auto of_another =
      rebuild_order(wallet_.coin_seed, lost, completion(), points(lost), find, other.account.points,
                    wallet_.guardian_point(Kind::kCoin), wallet_.guardian_point(Kind::kCheque));
  EXPECT_EQ(reason_of(of_another.status()), "REBUILD_MISMATCH");
}

TEST_F(RebuildTest, AWrongAnswerIsToldFromAWrongOrder) {
  for (size_t n = 0; n < coins_.size(); ++n) {
    Completion wrong = completion();
    wrong.responses[n].r = wrong.responses[n].r + Scalar::from_u64(1);
    EXPECT_EQ(reason(order(), wrong), "WRONG_ANSWER") << n;
    wrong = completion();
    wrong.responses[n].beta ^= 1;  // answers the other clause's challenge with this one's r
    EXPECT_EQ(reason(order(), wrong), "WRONG_ANSWER") << n;
  }
  Completion no_clause = completion();
  no_clause.responses[0].beta = 2;
  EXPECT_EQ(reason(order(), no_clause), "WRONG_ANSWER");
}

TEST_F(RebuildTest, CountsMustFit) {
  const Order lost = order();
  std::vector<Point> B_O = points(lost);
  const Point last = B_O.back();
  B_O.pop_back();
  EXPECT_EQ(reason(wallet_.coin_seed, lost, completion(), B_O), "ATTACHMENT_MISMATCH");
  EXPECT_EQ(reason(wallet_.coin_seed, lost, completion(), {}), "ATTACHMENT_MISMATCH");
  B_O.push_back(last);
  B_O.push_back(last);
  EXPECT_EQ(reason(wallet_.coin_seed, lost, completion(), B_O), "ATTACHMENT_MISMATCH");
  Completion shorter = completion();
  shorter.responses.pop_back();
  EXPECT_EQ(reason(lost, shorter), "COUNT_MISMATCH");
  Order challenges = lost;
  challenges.challenges.pop_back();
  EXPECT_EQ(reason(challenges, shorter), "COUNT_MISMATCH");
  const auto unknown = rebuild_order(
      wallet_.coin_seed, lost, completion(), points(lost),
      [](const DenomId&) -> const Denomination* { return nullptr; }, wallet_.account.points,
      wallet_.guardian_point(Kind::kCoin), wallet_.guardian_point(Kind::kCheque));
  EXPECT_EQ(reason_of(unknown.status()), "UNKNOWN_DENOMINATION");
}

TEST_F(RebuildTest, ASessionIsOfOneCoinOfTheOrder) {
  const Point& m = wallet_.account.points.m_coin;
  const auto reason = [&](const Completion& answer, const DenomId& id, uint32_t i) {
    return reason_of(session_of(order(), answer, id, i, m).status());
  };
  EXPECT_EQ(reason(completion(), world_.coin.id, 1), "");
  EXPECT_EQ(reason(completion(), world_.coin.id, 2), "NO_SUCH_COIN");
  EXPECT_EQ(reason(completion(), DenomId{}, 0), "NO_SUCH_COIN");
  EXPECT_EQ(reason(completion(1), world_.coin.id, 0), "BAD_ORDER");
  Completion other_account = completion();
  other_account.account = world_.make_wallet().account.account;
  EXPECT_EQ(reason(other_account, world_.coin.id, 0), "BAD_ORDER");
}

}  // namespace
}  // namespace cafe::protocol
