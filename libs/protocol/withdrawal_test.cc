#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "libs/protocol/hash.h"
#include "libs/protocol/testing/world.h"

namespace cafe::protocol {
namespace {

using cafe::testing::kWorldNow_s;
using cafe::testing::points_of_slots;
using cafe::testing::WithdrawnCoin;
using cafe::testing::World;
using cafe::testing::WorldWallet;

class WithdrawalTest : public ::testing::Test {
 protected:
  World world{"withdrawal"};
  WorldWallet wallet = world.make_wallet();
  const std::vector<OrderLine> lines = {
      {world.coin.id, 3}, {world.split_coin.id, 2}, {world.cheque.id, 1}};
  const OpenAnswer opened = world.open(wallet, lines);
  const NonceScope scope{wallet.account.account, 1, time_slot_of(kWorldNow_s), world.lineage};

  const Point& m(Kind kind) const { return m_for(kind, wallet.account.points); }
  // An order of random challenges: to the issuer they look like any others.
  Order order_of(const OpenAnswer& answer) {
    Order order{answer, {}, Bytes(100, 7)};
    for (const OpenedLine& line : answer.lines) {
      for (size_t i = 0; i < line.coins.size(); ++i) {
        order.challenges.push_back({world.rng.scalar(), world.rng.scalar()});
      }
    }
    return order;
  }
  absl::StatusOr<std::vector<CoinResponse>> respond(const Order& order) const {
    std::vector<const DenominationKey*> keys;
    for (const OpenedLine& line : order.opened.lines) keys.push_back(&world.key(line.denom_id));
    return issuer_respond(world.issuer_secret, order, sha256(order.encode()), world.lineage, keys);
  }
};

TEST_F(WithdrawalTest, every_kind_of_coin_comes_out_valid) {
  const std::vector<WithdrawnCoin> coins = world.withdraw(wallet, lines);
  ASSERT_EQ(coins.size(), 6u);
  std::set<CoinId> ids;
  for (const WithdrawnCoin& coin : coins) {
    EXPECT_TRUE(check_coin(coin.coin, coin.denomination).ok());
    EXPECT_EQ(coin.secrets.B.size(), coin.denomination.slot_values.size());
    EXPECT_TRUE(ids.insert(coin.coin.id()).second);
  }
}

TEST_F(WithdrawalTest, what_the_issuer_saw_fits_every_coin_of_the_account) {
  // Blindness: for each pair of a session and a coin there are u and v that lead from one to the
  // other, so the issuer cannot tell which coin an answer became.
  const std::vector<WithdrawnCoin> coins = world.withdraw(wallet, {{world.coin.id, 7}});
  for (const WithdrawnCoin& session : coins) {
    const uint8_t beta = session.response.beta;
    const Clause& clause = session.line.coins[session.i][beta];
    for (const WithdrawnCoin& other : coins) {
      const Scalar u = other.coin.challenge() * session.secrets.clauses[beta].c.inverse();
      const Scalar v = other.coin.r - session.response.r * u;
      const Scalar su = other.secrets.s * u;
      EXPECT_EQ(linear_combination({{u, clause.a}, {v, g()}}), other.coin.a);
      EXPECT_EQ(linear_combination({{su, clause.b}, {v, other.coin.A}}), other.coin.b);
    }
  }
}

TEST_F(WithdrawalTest, answers_are_what_section_4_says) {
  const Order order = order_of(opened);
  const std::vector<CoinResponse> responses = respond(order).value();
  size_t n = 0;
  for (const OpenedLine& line : opened.lines) {
    const DenominationKey& key = world.key(line.denom_id);
    EXPECT_EQ(line.z, multiply(key.x, m(key.denomination.kind)));
    for (uint32_t i = 0; i < line.coins.size(); ++i, ++n) {
      const auto& [beta, r] = responses[n];
      const Scalar minus_c = -order.challenges[n][beta];
      EXPECT_TRUE(
          combination_equals({{r, g()}, {minus_c, key.denomination.H}}, line.coins[i][beta].a));
      EXPECT_TRUE(combination_equals({{r, m(key.denomination.kind)}, {minus_c, line.z}},
                                     line.coins[i][beta].b));
    }
  }
  EXPECT_EQ(respond(order)->at(0).r, responses[0].r) << "the same order has the same answer";
}

TEST_F(WithdrawalTest, a_lying_issuer_is_found_out) {
  const Denomination& denomination = world.coin.denomination;
  const CoinPlace place{0, 1, points_of_slots(world.make_slots(denomination))};
  const auto blind = [&](const OpenAnswer& answer) {
    return wallet_blind(wallet.coin_seed, answer, place, denomination, m(Kind::kCoin),
                        wallet.guardian_point(Kind::kCoin))
        .value();
  };
  const auto unblind = [&](const OpenAnswer& answer, const BlindedCoin& blinded,
                           const CoinResponse& response) {
    return reason_of(
        wallet_unblind(blinded, denomination, m(Kind::kCoin), answer.lines[0], 1, response)
            .status());
  };
  // The issuer's answer with key x to blinded challenges.
  const auto answer_with = [&](const BlindedCoin& blinded, const Scalar& x, uint8_t beta) {
    return CoinResponse{beta, blinded.clauses[beta].c * x +
                                  world.issuer_secret.nonce(scope, world.coin.id, 1, beta)};
  };
  const BlindedCoin honest = blind(opened);
  const Scalar& x = world.coin.x;
  for (const uint8_t beta : {0, 1}) {
    EXPECT_EQ(unblind(opened, honest, answer_with(honest, x, beta)), "");
    CoinResponse wrong = answer_with(honest, x, beta);
    wrong.r = wrong.r + Scalar::from_u64(1);
    EXPECT_EQ(unblind(opened, honest, wrong), "WRONG_ANSWER");
    wrong = answer_with(honest, x, beta);
    wrong.beta = 1 - beta;
    EXPECT_EQ(unblind(opened, honest, wrong), "WRONG_ANSWER");
    wrong.beta = 2;
    EXPECT_EQ(unblind(opened, honest, wrong), "WRONG_ANSWER");
    EXPECT_EQ(unblind(opened, honest, answer_with(honest, x + x, beta)), "WRONG_ANSWER");
  }
  // A key of its own for this one user, in z only: it would tag her coins' Z.
  OpenAnswer tagging = opened;
  tagging.lines[0].z = *multiply(x + x, m(Kind::kCoin));
  const BlindedCoin tagged = blind(tagging);
  EXPECT_EQ(unblind(tagging, tagged, answer_with(tagged, x, 0)), "WRONG_ANSWER");
  EXPECT_EQ(unblind(tagging, tagged, answer_with(tagged, x + x, 0)), "WRONG_ANSWER");
}

TEST_F(WithdrawalTest, a_wallet_goes_on_with_the_answer_to_its_own_request_only) {
  const OpenRequest request{
      std::string(World::kIssuer), wallet.account.account, 1, 1, world.signed_list.digest(), lines};
  EXPECT_TRUE(check_open_answer(request, opened).ok());
  const std::vector<std::function<void(OpenAnswer&)>> changes = {
      [](OpenAnswer& a) { a.issuer_id += "x"; },
      [](OpenAnswer& a) { a.account.bytes[0] ^= 1; },
      [](OpenAnswer& a) { ++a.order; },
      [](OpenAnswer& a) { a.lines.pop_back(); },
      [](OpenAnswer& a) { std::swap(a.lines[0], a.lines[1]); },
      [](OpenAnswer& a) { a.lines[0].coins.pop_back(); },
      [](OpenAnswer& a) { a.lines[0].denom_id.bytes[0] ^= 1; },
  };
  for (size_t n = 0; n < changes.size(); ++n) {
    OpenAnswer changed = opened;
    changes[n](changed);
    EXPECT_EQ(reason_of(check_open_answer(request, changed)), "ANSWER_MISMATCH") << "change " << n;
  }
}

TEST_F(WithdrawalTest, a_wallet_blinds_only_what_stands_in_the_answer) {
  const Denomination& denomination = world.split_coin.denomination;
  const auto blind = [&](const CoinPlace& place, const Denomination& with) {
    return reason_of(wallet_blind(wallet.coin_seed, opened, place, with, m(Kind::kCoin),
                                  wallet.guardian_point(Kind::kCoin))
                         .status());
  };
  CoinPlace place{1, 1, points_of_slots(world.make_slots(denomination))};
  EXPECT_EQ(blind(place, denomination), "");
  EXPECT_EQ(blind(place, world.coin.denomination), "ANSWER_MISMATCH");
  place.B_O.pop_back();
  EXPECT_EQ(blind(place, denomination), "SLOT_COUNT");
  place.i = 2;
  EXPECT_EQ(blind(place, denomination), "ANSWER_MISMATCH");
  place.line = 3;
  EXPECT_EQ(blind(place, denomination), "ANSWER_MISMATCH");
}

TEST_F(WithdrawalTest, guard_each_denomination_once_or_its_nonces_repeat) {
  // The attack: two lines of one denomination. Had the issuer answered both, one nonce would have
  // answered two challenges, and their difference gives the key away:
  const Scalar w = world.issuer_secret.nonce(scope, world.coin.id, 0, 0);
  const Scalar c1 = world.rng.scalar();
  const Scalar c2 = world.rng.scalar();
  const Scalar r1 = c1 * world.coin.x + w;
  const Scalar r2 = c2 * world.coin.x + w;
  ASSERT_EQ((r1 - r2) * (c1 - c2).inverse(), world.coin.x);

  const std::vector<OrderLine> twice = {
      {world.coin.id, 1}, {world.cheque.id, 1}, {world.coin.id, 1}};
  EXPECT_EQ(reason_of(check_lines(twice)), "DENOMINATION_TWICE");
  EXPECT_EQ(reason_of(issuer_open(world.issuer_secret, World::kIssuer, scope, wallet.account.points,
                                  twice, world.keys(twice))
                          .status()),
            "DENOMINATION_TWICE");
  Order order = order_of(opened);
  order.opened.lines = {opened.lines[0], opened.lines[2], opened.lines[0]};
  order.challenges.resize(7, order.challenges[0]);
  EXPECT_EQ(reason_of(respond(order).status()), "DENOMINATION_TWICE");
  EXPECT_EQ(reason_of(Order::decode(order.encode()).status()), "DENOMINATION_TWICE");
  const OpenRequest request{std::string(World::kIssuer), wallet.account.account, 1, 1, {}, twice};
  EXPECT_EQ(reason_of(OpenRequest::decode(request.encode()).status()), "DENOMINATION_TWICE");
}

TEST_F(WithdrawalTest, guard_at_most_7_coins_of_a_denomination) {
  // The attack: many sessions at once on one m.
  const std::vector<OrderLine> seven = {{world.coin.id, 7}};
  const std::vector<OrderLine> eight = {{world.coin.id, 8}};
  EXPECT_TRUE(check_lines(seven).ok());
  EXPECT_EQ(reason_of(check_lines(eight)), "TOO_MANY_COINS");
  const OpenRequest request{std::string(World::kIssuer), wallet.account.account, 1, 1, {}, eight};
  EXPECT_EQ(reason_of(OpenRequest::decode(request.encode()).status()), "TOO_MANY_COINS");
  EXPECT_EQ(reason_of(issuer_open(world.issuer_secret, World::kIssuer, scope, wallet.account.points,
                                  eight, world.keys(eight))
                          .status()),
            "TOO_MANY_COINS");
  Order order = order_of(world.open(wallet, seven));
  ASSERT_TRUE(Order::decode(order.encode()).ok());
  order.opened.lines[0].coins.push_back(opened.lines[0].coins[0]);
  order.challenges.push_back(order.challenges[0]);
  EXPECT_EQ(reason_of(respond(order).status()), "TOO_MANY_COINS");
  EXPECT_EQ(reason_of(Order::decode(order.encode()).status()), "TOO_MANY_COINS");
}

TEST_F(WithdrawalTest, orders_have_lines_and_lines_have_coins) {
  EXPECT_EQ(reason_of(check_lines({})), "BAD_ORDER");
  EXPECT_EQ(reason_of(check_lines(std::vector<OrderLine>{{world.coin.id, 0}})), "BAD_ORDER");
  std::vector<OrderLine> many;
  for (uint8_t n = 0; n < 33; ++n) {
    DenomId id;
    id.bytes[0] = n;
    many.push_back({id, 1});
  }
  EXPECT_EQ(reason_of(check_lines(many)), "BAD_ORDER");
  many.pop_back();
  EXPECT_TRUE(check_lines(many).ok());
  const auto open = [&](std::span<const DenominationKey* const> keys) {
    return reason_of(
        issuer_open(world.issuer_secret, World::kIssuer, scope, wallet.account.points, lines, keys)
            .status());
  };
  std::vector<const DenominationKey*> keys = world.keys(lines);
  EXPECT_EQ(open(keys), "");
  std::swap(keys[0], keys[1]);
  EXPECT_EQ(open(keys), "BAD_ORDER") << "a key of another denomination";
  keys.pop_back();
  EXPECT_EQ(open(keys), "BAD_ORDER");
  Order order = order_of(opened);
  order.challenges.pop_back();
  EXPECT_EQ(reason_of(respond(order).status()), "COUNT_MISMATCH");
}

TEST_F(WithdrawalTest, a_key_belongs_to_its_denomination) {
  EXPECT_EQ(reason_of(DenominationKey::create(world.coin.denomination, world.cheque.x).status()),
            "KEY_MISMATCH");
  EXPECT_EQ(reason_of(DenominationKey::create(world.coin.denomination, Scalar()).status()),
            "KEY_MISMATCH");
}

TEST_F(WithdrawalTest, guard_no_secret_is_used_under_two_sets_of_nonces) {
  // The attack: the issuer answers the same Open again with something changed (or the guardian
  // gives another point). Were one secret used twice, the two challenges would link the coin.
  const Denomination& denomination = world.coin.denomination;
  const CoinPlace place{0, 1, {g1()}};
  using Change = std::function<void(OpenAnswer&, CoinPlace&, Denomination&)>;
  const auto as = [](Denomination& d, OpenAnswer& a, CoinPlace& p, const Denomination& other) {
    d = other;
    a.lines[p.line].denom_id = other.id();
  };
  Denomination reissued = denomination;
  reissued.claim_until += 1;
  const std::vector<Change> changes = {
      [](OpenAnswer&, CoinPlace&, Denomination&) {},
      [](OpenAnswer& a, CoinPlace&, Denomination&) { a.issuer_id += "x"; },
      [](OpenAnswer& a, CoinPlace&, Denomination&) { a.account.bytes[0] ^= 1; },
      [](OpenAnswer& a, CoinPlace&, Denomination&) { ++a.order; },
      [](OpenAnswer& a, CoinPlace&, Denomination&) { ++a.time_slot; },
      [&](OpenAnswer& a, CoinPlace& p, Denomination& d) { as(d, a, p, reissued); },
      [](OpenAnswer&, CoinPlace& p, Denomination&) { p.i = 0; },
      [](OpenAnswer& a, CoinPlace&, Denomination&) { a.lines[0].z = g(); },
      [](OpenAnswer& a, CoinPlace&, Denomination&) { a.lines[0].coins[1][0].a = g(); },
      [](OpenAnswer& a, CoinPlace&, Denomination&) { a.lines[0].coins[1][0].b = g(); },
      [](OpenAnswer& a, CoinPlace&, Denomination&) { a.lines[0].coins[1][1].a = g(); },
      [](OpenAnswer& a, CoinPlace&, Denomination&) { a.lines[0].coins[1][1].b = g(); },
      [](OpenAnswer& a, CoinPlace&, Denomination&) {
        std::swap(a.lines[0].coins[1][0], a.lines[0].coins[1][1]);
      },
      [](OpenAnswer&, CoinPlace& p, Denomination&) { p.B_O[0] = g2(); },
  };
  std::set<Bytes32> seen;
  for (size_t n = 0; n < changes.size(); ++n) {
    OpenAnswer answer = opened;
    CoinPlace at = place;
    Denomination with = denomination;
    changes[n](answer, at, with);
    const BlindedCoin blinded = wallet_blind(wallet.coin_seed, answer, at, with, m(Kind::kCoin),
                                             wallet.guardian_point(Kind::kCoin))
                                    .value();
    const auto fresh = [&](const Scalar& secret) { return seen.insert(secret.bytes()).second; };
    EXPECT_TRUE(fresh(blinded.s)) << "change " << n;
    for (const SlotSecrets& slot : blinded.slots) {
      EXPECT_TRUE(fresh(slot.x1) && fresh(slot.x2) && fresh(slot.e)) << "change " << n;
    }
    for (const BlindedClause& clause : blinded.clauses) {
      EXPECT_TRUE(fresh(clause.u) && fresh(clause.v) && fresh(clause.c)) << "change " << n;
    }
  }
  // After an interruption the same answer yields the same coin again.
  const auto again = [&] {
    return wallet_blind(wallet.coin_seed, opened, place, denomination, m(Kind::kCoin),
                        wallet.guardian_point(Kind::kCoin))
        .value();
  };
  EXPECT_EQ(again().challenges(), again().challenges());
  // And another seed yields another.
  EXPECT_NE(wallet_blind(wallet.identity_seed, opened, place, denomination, m(Kind::kCoin),
                         wallet.guardian_point(Kind::kCoin))
                ->s,
            again().s);
}

TEST_F(WithdrawalTest, guard_no_slot_of_a_coin_shares_its_secrets_with_another) {
  const Denomination& denomination = world.split_coin.denomination;
  const CoinPlace place{1, 0, std::vector<Point>(5, g1())};
  const BlindedCoin blinded = wallet_blind(wallet.coin_seed, opened, place, denomination,
                                           m(Kind::kCoin), wallet.guardian_point(Kind::kCoin))
                                  .value();
  std::set<Bytes32> seen;
  for (const SlotSecrets& slot : blinded.slots) {
    for (const Scalar& secret : {slot.x1, slot.x2, slot.e}) {
      EXPECT_TRUE(seen.insert(secret.bytes()).second);
    }
  }
  EXPECT_EQ(std::set<Point>(blinded.B.begin(), blinded.B.end()).size(), 5u);
}

TEST_F(WithdrawalTest, cheques_have_no_e) {
  const CoinPlace place{2, 0, {g1()}};
  const BlindedCoin blinded =
      wallet_blind(wallet.coin_seed, opened, place, world.cheque.denomination, m(Kind::kCheque),
                   wallet.guardian_point(Kind::kCheque))
          .value();
  EXPECT_TRUE(blinded.slots[0].e.is_zero());
}

class AttachmentTest : public WithdrawalTest {
 protected:
  const std::vector<Point> points = {g(), g1(), g2()};
  const Bytes sealed = seal_attachment(wallet.coin_seed, opened, points, world.rng);
  std::string open(const Seed& seed, const OpenAnswer& answer, ByteView attachment) const {
    return reason_of(open_attachment(seed, answer, attachment).status());
  }
};

TEST_F(AttachmentTest, gives_the_guardians_points_back) {
  EXPECT_EQ(open_attachment(wallet.coin_seed, opened, sealed).value(), points);
  const Bytes empty = seal_attachment(wallet.coin_seed, opened, {}, world.rng);
  EXPECT_TRUE(open_attachment(wallet.coin_seed, opened, empty)->empty());
  EXPECT_NE(seal_attachment(wallet.coin_seed, opened, points, world.rng), sealed)
      << "the same points twice look different";
}

TEST_F(AttachmentTest, guard_nothing_but_the_coin_seed_opens_it) {
  // The attack: whoever has the issuer's records tries other keys, guessable ones among them.
  EXPECT_EQ(open(wallet.identity_seed, opened, sealed), "BAD_ATTACHMENT");
  EXPECT_EQ(open(Seed(), opened, sealed), "BAD_ATTACHMENT");
  EXPECT_EQ(open(Seed(sha256(view_of("correct horse battery staple"))), opened, sealed),
            "BAD_ATTACHMENT");
  for (size_t bit = 0; bit < 256; ++bit) {
    Seed near = wallet.coin_seed;
    near.mutable_view()[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_EQ(open(near, opened, sealed), "BAD_ATTACHMENT");
  }
}

TEST_F(AttachmentTest, belongs_to_its_order) {
  const std::vector<std::function<void(OpenAnswer&)>> changes = {
      [](OpenAnswer& a) { a.issuer_id += "x"; }, [](OpenAnswer& a) { a.account.bytes[0] ^= 1; },
      [](OpenAnswer& a) { ++a.order; }, [](OpenAnswer& a) { ++a.time_slot; }};
  for (const auto& change : changes) {
    OpenAnswer other = opened;
    change(other);
    EXPECT_EQ(open(wallet.coin_seed, other, sealed), "BAD_ATTACHMENT");
  }
}

TEST_F(AttachmentTest, any_altered_byte_is_found) {
  for (size_t at = 0; at < sealed.size(); ++at) {
    Bytes altered = sealed;
    altered[at] ^= 0x80;
    EXPECT_EQ(open(wallet.coin_seed, opened, altered), "BAD_ATTACHMENT");
    EXPECT_EQ(open(wallet.coin_seed, opened, ByteView(sealed).first(at)), "BAD_ATTACHMENT");
  }
}

}  // namespace
}  // namespace cafe::protocol
