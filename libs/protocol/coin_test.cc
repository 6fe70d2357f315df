#include "libs/protocol/coin.h"

#include <gtest/gtest.h>

#include <functional>

#include "libs/protocol/testing/claims.h"

namespace cafe::protocol {
namespace {

using cafe::testing::opening_of;
using cafe::testing::WithdrawnCoin;
using cafe::testing::World;
using cafe::testing::WorldWallet;

class CoinTest : public ::testing::Test {
 protected:
  World world{"coins"};
  WorldWallet wallet = world.make_wallet();
  const std::vector<WithdrawnCoin> coins =
      world.withdraw(wallet, {{world.coin.id, 2}, {world.split_coin.id, 1}, {world.cheque.id, 1}});
  const Scalar one = Scalar::from_u64(1);

  static std::string check(const Coin& coin, const Denomination& denomination) {
    return reason_of(check_coin(coin, denomination));
  }
  // The issuer's record of a coin's session.
  Session session_of(const WithdrawnCoin& coin) const {
    return cafe::testing::session_of(wallet, coin);
  }
};

TEST_F(CoinTest, every_altered_part_makes_it_invalid) {
  const Coin& good = coins[0].coin;
  const Denomination& denomination = coins[0].denomination;
  ASSERT_EQ(check(good, denomination), "");
  const std::vector<std::function<void(Coin&)>> changes = {
      [](Coin& c) { c.denom_id.bytes[0] ^= 1; },
      [](Coin& c) { c.A = *add(c.A, g1()); },
      [](Coin& c) { c.root[31] ^= 1; },
      [](Coin& c) { c.Z = *add(c.Z, g1()); },
      [](Coin& c) { c.a = *add(c.a, g()); },
      [](Coin& c) { c.b = *add(c.b, c.A); },
      [&](Coin& c) { c.r = c.r + one; },
      [](Coin& c) { std::swap(c.a, c.b); },
      [](Coin& c) { c.r = Scalar(); }};
  for (size_t n = 0; n < changes.size(); ++n) {
    Coin bad = good;
    changes[n](bad);
    EXPECT_EQ(check(bad, denomination), "COIN_INVALID") << "change " << n;
  }
}

TEST_F(CoinTest, counts_for_its_own_denomination_only) {
  EXPECT_EQ(check(coins[0].coin, coins[2].denomination), "COIN_INVALID");
  Denomination dearer = coins[0].denomination;
  dearer.slot_values = {50000};  // the same key H
  EXPECT_EQ(check(coins[0].coin, dearer), "COIN_INVALID");
  Coin renamed = coins[0].coin;
  renamed.denom_id = dearer.id();
  EXPECT_EQ(check(renamed, dearer), "COIN_INVALID") << "the name is under the blinding";
}

TEST_F(CoinTest, no_other_coin_can_be_made_of_it) {
  // A blinded again: the equations are homogeneous, but the challenge covers A, Z and b'.
  Coin second = coins[0].coin;
  const Scalar t = world.rng.scalar();
  second.A = *multiply(t, second.A);
  second.Z = *multiply(t, second.Z);
  second.b = *multiply(t, second.b);
  EXPECT_EQ(check(second, coins[0].denomination), "COIN_INVALID");
  // Other slots under the same A.
  second = coins[0].coin;
  second.root = coins[1].coin.root;
  EXPECT_EQ(check(second, coins[0].denomination), "COIN_INVALID");
}

TEST_F(CoinTest, is_not_made_without_the_issuers_key) {
  // Own x: valid under another H only.
  const DenominationKey own = world.make_denomination(Kind::kCoin, {500});
  Coin forged = coins[0].coin;
  const Scalar w = world.rng.scalar();
  forged.Z = *multiply(own.x, forged.A);
  forged.a = *multiply(w, g());
  forged.b = *multiply(w, forged.A);
  forged.r = forged.challenge() * own.x + w;
  EXPECT_EQ(check(forged, coins[0].denomination), "COIN_INVALID");
  // A simulated transcript: r and c first, then a' and b', whose hash is not c.
  const Scalar minus_c = -world.rng.scalar();
  forged = coins[0].coin;
  forged.a = *linear_combination({{forged.r, g()}, {minus_c, coins[0].denomination.H}});
  forged.b = *linear_combination({{forged.r, forged.A}, {minus_c, forged.Z}});
  EXPECT_EQ(check(forged, coins[0].denomination), "COIN_INVALID");
}

TEST_F(CoinTest, each_can_be_claimed_from_its_own_session) {
  for (const WithdrawnCoin& coin : coins) {
    EXPECT_TRUE(check_claim(coin.coin, session_of(coin), opening_of(coin)).ok());
  }
}

TEST_F(CoinTest, a_claim_needs_every_part_right) {
  const auto claim = [](const Coin& coin, const Session& session, const Unblinding& opening) {
    return reason_of(check_claim(coin, session, opening));
  };
  const Session session = session_of(coins[0]);
  const Unblinding opening = opening_of(coins[0]);
  const std::vector<std::function<void(Coin&, Session&, Unblinding&)>> changes = {
      [](Coin& c, Session&, Unblinding&) { c.A = *add(c.A, g()); },
      [](Coin& c, Session&, Unblinding&) { c.root[0] ^= 1; },
      [](Coin& c, Session&, Unblinding&) { c.Z = *add(c.Z, g()); },
      [](Coin& c, Session&, Unblinding&) { c.a = *add(c.a, g()); },
      [](Coin& c, Session&, Unblinding&) { c.b = *add(c.b, g()); },
      [&](Coin& c, Session&, Unblinding&) { c.r = c.r + one; },
      [](Coin&, Session& s, Unblinding&) { s.m = *add(s.m, g()); },
      [](Coin&, Session& s, Unblinding&) { s.z = *add(s.z, g()); },
      [](Coin&, Session& s, Unblinding&) { s.clause.a = *add(s.clause.a, g()); },
      [](Coin&, Session& s, Unblinding&) { s.clause.b = *add(s.clause.b, g()); },
      [&](Coin&, Session& s, Unblinding&) { s.c = s.c + one; },
      [&](Coin&, Session& s, Unblinding&) { s.r = s.r + one; },
      [&](Coin&, Session&, Unblinding& o) { o.s = o.s + one; },
      [&](Coin&, Session&, Unblinding& o) { o.u = o.u + one; },
      [&](Coin&, Session&, Unblinding& o) { o.v = o.v + one; },
      [](Coin&, Session&, Unblinding& o) { o = {}; },
  };
  for (size_t n = 0; n < changes.size(); ++n) {
    Coin coin = coins[0].coin;
    Session changed_session = session;
    Unblinding changed_opening = opening;
    changes[n](coin, changed_session, changed_opening);
    EXPECT_EQ(claim(coin, changed_session, changed_opening), "CLAIM_INVALID") << "change " << n;
  }
  EXPECT_EQ(claim(coins[1].coin, session, opening_of(coins[1])), "CLAIM_INVALID")
      << "another session, without its own u and v";
}

TEST_F(CoinTest, guard_any_coin_fits_any_session_of_its_account) {
  // Why a claimed coin marks its session too: with u and v computed afterwards, coin 1 is claimed
  // from the session of coin 0. The mark is the service's; that it is needed shows here.
  const Session session = session_of(coins[0]);
  const Scalar u = coins[1].coin.challenge() * session.c.inverse();
  const Scalar v = coins[1].coin.r - session.r * u;
  EXPECT_TRUE(check_claim(coins[1].coin, session, {coins[1].secrets.s, u, v}).ok());
  // Of another denomination, or on another m, it does not.
  EXPECT_FALSE(check_claim(coins[2].coin, session, {coins[2].secrets.s, u, v}).ok());
}

TEST_F(CoinTest, guard_a_cheap_session_does_not_claim_a_dear_coin) {
  // The attack: the wallet blinds the challenge of a coin that names a dearer denomination. Such a
  // coin is invalid in every payment, but it is the unblinding of its session, and would be
  // credited at the value that it names.
  const Denomination& dear = world.split_coin.denomination;
  const WithdrawnCoin& cheap = coins[0];
  const BlindedClause& clause = cheap.secrets.clauses[0];
  Coin named_dear = cheap.coin;
  named_dear.denom_id = dear.id();
  named_dear.a = clause.a;
  named_dear.b = clause.b;
  const NonceScope scope{wallet.account.account, 1, time_slot_of(cafe::testing::kWorldNow_s),
                         world.lineage};
  const Scalar w = world.issuer_secret.nonce(scope, world.coin.id, cheap.i, 0);
  Session session = session_of(cheap);
  session.clause = cheap.line.coins[cheap.i][0];
  session.c = named_dear.challenge() * clause.u.inverse();
  session.r = session.c * world.coin.x + w;
  named_dear.r = session.r * clause.u + clause.v;
  const Unblinding opening{cheap.secrets.s, clause.u, clause.v};

  EXPECT_EQ(check(named_dear, dear), "COIN_INVALID");
  EXPECT_EQ(reason_of(check_claim(named_dear, session, opening)), "CLAIM_INVALID");
  session.denom_id = dear.id();
  EXPECT_TRUE(check_claim(named_dear, session, opening).ok())
      << "all else fits: the session's own denomination is what refuses it";
}

}  // namespace
}  // namespace cafe::protocol
