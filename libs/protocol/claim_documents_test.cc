// Opening what a claim names: from the issuer's own session, or not at all. How claims are read is
// in recovery_decoder_test.cc.
#include "libs/protocol/claim_documents.h"

#include <gtest/gtest.h>

#include <functional>

#include "libs/protocol/testing/claims.h"

namespace cafe::protocol {
namespace {

using cafe::testing::claimed;
using cafe::testing::session_of;
using cafe::testing::WithdrawnCoin;
using cafe::testing::World;
using cafe::testing::WorldWallet;

class ClaimedCoinTest : public ::testing::Test {
 protected:
  World world{"claims"};
  WorldWallet wallet = world.make_wallet();
  const std::vector<WithdrawnCoin> coins =
      world.withdraw(wallet, {{world.coin.id, 2}, {world.split_coin.id, 1}, {world.cheque.id, 1}});
  const Scalar one = Scalar::from_u64(1);

  static std::string opening(const ClaimedCoin& coin, const Session& session) {
    return reason_of(open_claimed_coin(coin, session).status());
  }
  Claim claim_of(std::vector<ClaimedCoin> claimed_coins) const {
    const AccountId& account = wallet.account.account;
    return {std::string(World::kIssuer), account, account, ClaimKind::kCoins, 1,
            std::move(claimed_coins),    {}};
  }
};

TEST_F(ClaimedCoinTest, IsTheCoinThatItsSessionMade) {
  for (const WithdrawnCoin& coin : coins) {
    const ClaimedCoin claim = claimed(coin, 1);
    EXPECT_EQ(claim.id(), coin.coin.id());
    const auto opened = open_claimed_coin(claim, session_of(wallet, coin));
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(*opened, coin.coin);
    EXPECT_TRUE(check_coin(*opened, coin.denomination).ok());
  }
}

TEST_F(ClaimedCoinTest, NeedsEveryPartRight) {
  const ClaimedCoin good = claimed(coins[0], 1);
  const Session session = session_of(wallet, coins[0]);
  ASSERT_EQ(opening(good, session), "");
  const std::vector<std::function<void(ClaimedCoin&, Session&)>> changes = {
      [](ClaimedCoin& c, Session&) { c.A = *add(c.A, g()); },
      [](ClaimedCoin& c, Session&) { c.root[0] ^= 1; },
      [](ClaimedCoin& c, Session&) { c.Z = *add(c.Z, g()); },
      [](ClaimedCoin& c, Session&) { std::swap(c.A, c.Z); },
      [&](ClaimedCoin& c, Session&) { c.opening.s = c.opening.s + one; },
      [&](ClaimedCoin& c, Session&) { c.opening.u = c.opening.u + one; },
      [&](ClaimedCoin& c, Session&) { c.opening.v = c.opening.v + one; },
      [](ClaimedCoin& c, Session&) { c.opening.s = Scalar(); },
      [](ClaimedCoin& c, Session&) { c.opening.u = Scalar(); },
      [](ClaimedCoin& c, Session&) { c.opening.u = c.opening.v = Scalar(); },
      [](ClaimedCoin& c, Session&) { c.opening = {}; },
      [](ClaimedCoin&, Session& s) { s.m = *add(s.m, g()); },
      [](ClaimedCoin&, Session& s) { s.z = *add(s.z, g()); },
      [](ClaimedCoin&, Session& s) { s.clause.a = *add(s.clause.a, g()); },
      [](ClaimedCoin&, Session& s) { s.clause.b = *add(s.clause.b, g()); },
      [&](ClaimedCoin&, Session& s) { s.c = s.c + one; },
  };
  for (size_t n = 0; n < changes.size(); ++n) {
    ClaimedCoin bad = good;
    Session changed = session;
    changes[n](bad, changed);
    EXPECT_EQ(opening(bad, changed), "CLAIM_INVALID") << "change " << n;
  }
}

// The answer r is the issuer's own record, and the coin carries it on: with another one it would
// not be valid.
TEST_F(ClaimedCoinTest, CarriesTheSessionsAnswer) {
  Session session = session_of(wallet, coins[0]);
  session.r = session.r + one;
  const auto opened = open_claimed_coin(claimed(coins[0], 1), session);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(reason_of(check_coin(*opened, coins[0].denomination)), "COIN_INVALID");
}

TEST_F(ClaimedCoinTest, OfAnotherAccountOpensNothing) {
  const WorldWallet stranger = world.make_wallet();
  EXPECT_EQ(opening(claimed(coins[0], 1), session_of(stranger, coins[0])), "CLAIM_INVALID");
}

TEST_F(ClaimedCoinTest, OfAnUnansweredClauseOpensNothing) {
  const WithdrawnCoin& coin = coins[0];
  const size_t other = 1 - coin.response.beta;
  ClaimedCoin claim = claimed(coin, 1);
  claim.opening.u = coin.secrets.clauses[other].u;
  claim.opening.v = coin.secrets.clauses[other].v;
  EXPECT_EQ(opening(claim, session_of(wallet, coin)), "CLAIM_INVALID");
}

// [guard] of section 8: any coin fits any session of its account and denomination, so that both are
// marked, in a claim as in the issuer's records.
TEST_F(ClaimedCoinTest, guard_a_coin_or_a_session_is_claimed_once) {
  const Session session = session_of(wallet, coins[0]);
  ClaimedCoin crossed = claimed(coins[1], 1);  // coin 1, from the session of coin 0
  crossed.i = coins[0].i;
  crossed.opening.u = coins[1].coin.challenge() * session.c.inverse();
  crossed.opening.v = coins[1].coin.r - session.r * crossed.opening.u;
  const auto opened = open_claimed_coin(crossed, session);
  ASSERT_TRUE(opened.ok()) << "the attack: " << opened.status();
  EXPECT_EQ(*opened, coins[1].coin);

  const auto reading = [&](std::vector<ClaimedCoin> claimed_coins) {
    return reason_of(Claim::decode(claim_of(std::move(claimed_coins)).encode()).status());
  };
  EXPECT_EQ(reading({claimed(coins[0], 1), claimed(coins[1], 1)}), "");
  EXPECT_EQ(reading({crossed, claimed(coins[1], 1)}), "COIN_TWICE") << "one coin, two sessions";
  EXPECT_EQ(reading({crossed, claimed(coins[0], 1)}), "COIN_TWICE") << "two coins, one session";
}

// [guard] of section 8: the session's own denomination is what a claimed coin is worth.
TEST_F(ClaimedCoinTest, guard_a_cheap_session_does_not_claim_a_dear_coin) {
  // The wallet blinds the challenge of a coin that names a dearer denomination.
  const DenomId dear = world.split_coin.id;
  const WithdrawnCoin& cheap = coins[0];
  const BlindedClause& clause = cheap.secrets.clauses[0];
  const Scalar c_dear =
      coin_challenge(dear, cheap.coin.A, cheap.coin.root, cheap.coin.Z, clause.a, clause.b);
  const NonceScope scope{wallet.account.account, 1, time_slot_of(cafe::testing::kWorldNow_s),
                         world.lineage};
  const Scalar w = world.issuer_secret.nonce(scope, world.coin.id, cheap.i, 0);
  Session session = session_of(wallet, cheap);
  session.clause = cheap.line.coins[cheap.i][0];
  session.c = c_dear * clause.u.inverse();
  session.r = session.c * world.coin.x + w;
  ClaimedCoin attack = claimed(cheap, 1);
  attack.denom_id = dear;
  attack.opening = {cheap.secrets.s, clause.u, clause.v};

  EXPECT_EQ(opening(attack, session), "WRONG_DENOMINATION");
  attack.denom_id = session.denom_id;
  EXPECT_EQ(opening(attack, session), "CLAIM_INVALID") << "nor is it the cheap coin";
  attack.denom_id = session.denom_id = dear;
  EXPECT_EQ(opening(attack, session), "") << "all else fits: only the session's name refuses it";
}

// Many coins at once get the same answers as each by itself, wrong ones among them.
TEST_F(ClaimedCoinTest, ManyAtOnceAreOpenedAsEachIs) {
  std::vector<ClaimedCoin> claims;
  std::vector<Session> sessions;
  for (uint64_t order = 2; order <= 5; ++order) {
    for (const WithdrawnCoin& coin : world.withdraw(
             wallet, {{world.coin.id, 7}, {world.split_coin.id, 7}, {world.cheque.id, 2}})) {
      claims.push_back(claimed(coin, order));
      sessions.push_back(session_of(wallet, coin));
    }
  }
  claims[3].denom_id = world.cheque.id;
  claims[4].A = *add(claims[4].A, g());
  claims[5].Z = *add(claims[5].Z, g());
  claims[6].root[0] ^= 1;
  claims[7].opening.s = Scalar();
  claims[8].opening.u = Scalar();
  claims[9].opening.v = Scalar();
  claims[10].opening = {};
  sessions[11].c = sessions[11].c + one;
  sessions[12].m = *add(sessions[12].m, g());
  sessions[13].z = *add(sessions[13].z, g());
  sessions[14].clause.a = g();
  sessions[15].clause.b = claims[15].A;
  claims[16].opening.v = -claims[16].opening.u;
  sessions[16].clause.a = g();  // u·a + v·G is the identity
  claims[17] = claims[18];
  for (const size_t count : {size_t{0}, size_t{1}, size_t{20}, size_t{32}, claims.size()}) {
    const auto coins_of = open_claimed_coins_var(std::span(claims).first(count), sessions);
    ASSERT_EQ(coins_of.size(), count);
    for (size_t i = 0; i < count; ++i) {
      const auto alone = open_claimed_coin(claims[i], sessions[i]);
      EXPECT_EQ(coins_of[i].status(), alone.status()) << i << " of " << count;
      EXPECT_EQ(alone.ok(), i < 3 || i > 17) << i;
      if (alone.ok() && coins_of[i].ok()) {
        EXPECT_EQ(*coins_of[i], *alone) << i << " of " << count;
      }
    }
  }
}

}  // namespace
}  // namespace cafe::protocol
