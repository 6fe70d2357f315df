// What the issuer's half must never get wrong: nonces, the choice of the clause, its own answers
// and their age (section 4).
#include "libs/protocol/withdrawal_issuer.h"

#include <gtest/gtest.h>

#include <bit>
#include <functional>
#include <set>

#include "libs/protocol/hash.h"
#include "libs/protocol/testing/world.h"

namespace cafe::protocol {
namespace {

using cafe::testing::kWorldNow_s;
using cafe::testing::World;
using cafe::testing::WorldWallet;

class IssuerSecretTest : public ::testing::Test {
 protected:
  World world{"issuer"};
  WorldWallet wallet = world.make_wallet();
  const IssuerSecret& secret = world.issuer_secret;
  const std::vector<OrderLine> lines = {{world.coin.id, 2}, {world.cheque.id, 1}};
  const OpenAnswer opened = world.open(wallet, lines);
  const NonceScope scope{wallet.account.account, 1, time_slot_of(kWorldNow_s), world.lineage};

  // Every way in which one order's place differs from another's, one field at a time.
  const std::vector<std::function<void(NonceScope&)>> scope_changes = {
      [](NonceScope& s) { s.account.bytes[31] ^= 1; },
      [](NonceScope& s) { ++s.order; },
      [](NonceScope& s) { ++s.time_slot; },
      [](NonceScope& s) { s.lineage[0] ^= 1; },
  };
  // 64 clause choices at once: one alone is a bit, and agrees with any other half of the time.
  uint64_t clauses(const NonceScope& at, const DenomId& denom_id, const Bytes32& order_digest,
                   uint32_t from = 0) const {
    uint64_t bits = 0;
    for (uint32_t i = 0; i < 64; ++i) {
      bits = bits << 1 | secret.clause(at, denom_id, from + i, order_digest);
    }
    return bits;
  }
};

TEST_F(IssuerSecretTest, guard_a_nonce_hangs_on_everything_that_tells_orders_apart) {
  std::set<Bytes32> seen;
  const auto fresh = [&](const Scalar& nonce) { return seen.insert(nonce.bytes()).second; };
  EXPECT_TRUE(fresh(secret.nonce(scope, world.coin.id, 0, 0)));
  EXPECT_TRUE(fresh(secret.nonce(scope, world.coin.id, 0, 1))) << "clause";
  EXPECT_TRUE(fresh(secret.nonce(scope, world.coin.id, 1, 0))) << "coin";
  EXPECT_TRUE(fresh(secret.nonce(scope, world.cheque.id, 0, 0))) << "denomination";
  for (size_t n = 0; n < scope_changes.size(); ++n) {
    NonceScope other = scope;
    scope_changes[n](other);
    EXPECT_TRUE(fresh(secret.nonce(other, world.coin.id, 0, 0))) << "change " << n;
  }
  EXPECT_TRUE(fresh(IssuerSecret(wallet.coin_seed).nonce(scope, world.coin.id, 0, 0))) << "seed";
  EXPECT_FALSE(fresh(secret.nonce(scope, world.coin.id, 0, 0))) << "and on nothing else";
}

TEST_F(IssuerSecretTest, guard_a_restored_database_has_another_lineage) {
  const Bytes16 epoch = world.rng.array<16>();
  Bytes16 other_epoch = epoch;
  other_epoch[15] ^= 1;
  const std::set<Bytes32> lineages = {lineage_digest(1, 1, epoch), lineage_digest(2, 1, epoch),
                                      lineage_digest(1, 2, epoch),
                                      lineage_digest(1, 1, other_epoch)};
  EXPECT_EQ(lineages.size(), 4u);
}

TEST_F(IssuerSecretTest, guard_the_clause_hangs_on_every_byte_of_the_order) {
  // The attack: to alter the order until the clauses come out as wished, where a byte of it does
  // not count.
  Order order{opened, {}, Bytes(40, 1)};
  for (int n = 0; n < 3; ++n) {
    order.challenges.push_back({world.rng.scalar(), world.rng.scalar()});
  }
  const Bytes bytes = order.encode();
  std::set<uint64_t> seen = {clauses(scope, world.coin.id, sha256(bytes))};
  for (size_t at = 0; at < bytes.size(); ++at) {
    Bytes altered = bytes;
    altered[at] ^= 1;
    EXPECT_TRUE(seen.insert(clauses(scope, world.coin.id, sha256(altered))).second)
        << "byte " << at;
  }
}

TEST_F(IssuerSecretTest, guard_the_clause_hangs_on_the_orders_place) {
  const Bytes32 digest = sha256(view_of("an order"));
  std::set<uint64_t> seen = {clauses(scope, world.coin.id, digest),
                             clauses(scope, world.cheque.id, digest),
                             clauses(scope, world.coin.id, digest, 64)};
  EXPECT_EQ(seen.size(), 3u);
  for (const auto& change : scope_changes) {
    NonceScope other = scope;
    change(other);
    EXPECT_TRUE(seen.insert(clauses(other, world.coin.id, digest)).second);
  }
}

TEST_F(IssuerSecretTest, clauses_are_balanced) {
  int ones = 0;
  for (uint32_t n = 0; n < 64; ++n) {
    ones += std::popcount(clauses(scope, world.coin.id, sha256(encode_u32(n))));
  }
  // 4096 fair bits: 2048 with a deviation of 32; six of them on each side.
  EXPECT_NEAR(ones, 2048, 192);
}

TEST_F(IssuerSecretTest, responses_answer_the_chosen_clause) {
  Order order{opened, {}, {}};
  for (int n = 0; n < 3; ++n) {
    order.challenges.push_back({world.rng.scalar(), world.rng.scalar()});
  }
  const Bytes32 digest = sha256(order.encode());
  const auto responses =
      issuer_respond(secret, order, digest, world.lineage, world.keys(lines)).value();
  ASSERT_EQ(responses.size(), 3u);
  EXPECT_EQ(responses[0].beta, secret.clause(scope, world.coin.id, 0, digest));
  EXPECT_EQ(responses[1].beta, secret.clause(scope, world.coin.id, 1, digest));
  EXPECT_EQ(responses[2].beta, secret.clause(scope, world.cheque.id, 0, digest));
  EXPECT_EQ(responses[2].r, order.challenges[2][responses[2].beta] * world.cheque.x +
                                secret.nonce(scope, world.cheque.id, 0, responses[2].beta));
}

TEST_F(IssuerSecretTest, guard_a_foreign_or_altered_answer_is_not_completed) {
  EXPECT_TRUE(check_own_answer(secret, opened, world.lineage).ok());
  const std::vector<std::function<void(OpenAnswer&)>> changes = {
      [](OpenAnswer& a) { a.issuer_id += "x"; },
      [](OpenAnswer& a) { a.account.bytes[0] ^= 1; },
      [](OpenAnswer& a) { ++a.order; },
      [](OpenAnswer& a) { ++a.time_slot; },
      [](OpenAnswer& a) { a.lines.pop_back(); },
      [](OpenAnswer& a) { std::swap(a.lines[0], a.lines[1]); },
      [](OpenAnswer& a) { a.lines[0].denom_id.bytes[0] ^= 1; },
      [](OpenAnswer& a) { a.lines[0].z = g(); },
      [](OpenAnswer& a) { a.lines[0].coins.pop_back(); },
      [](OpenAnswer& a) { std::swap(a.lines[0].coins[0], a.lines[0].coins[1]); },
      [](OpenAnswer& a) { a.lines[0].coins[0][0].a = g(); },
      [](OpenAnswer& a) { a.lines[0].coins[0][1].b = g(); },
      [](OpenAnswer& a) { a.mac[31] ^= 1; },
      [](OpenAnswer& a) { a.mac = {}; },
  };
  for (size_t n = 0; n < changes.size(); ++n) {
    OpenAnswer altered = opened;
    changes[n](altered);
    const absl::Status status = check_own_answer(secret, altered, world.lineage);
    EXPECT_EQ(reason_of(status), "NOT_OUR_ANSWER") << "change " << n;
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  }
  // Another issuer's answer, well made under its own secret.
  EXPECT_EQ(reason_of(check_own_answer(IssuerSecret(wallet.coin_seed), opened, world.lineage)),
            "NOT_OUR_ANSWER");
}

TEST_F(IssuerSecretTest, guard_an_answer_of_a_lost_lineage_is_dead) {
  // The attack: the database is restored from a copy that lacks a completed order; the wallet sends
  // another Complete for the same opened answer, to get a second answer under one nonce.
  Bytes32 restored = world.lineage;
  restored[5] ^= 1;
  EXPECT_EQ(reason_of(check_own_answer(secret, opened, restored)), "NOT_OUR_ANSWER");
  // And even had that check been left out, the nonce is another.
  Order order{opened, {}, {}};
  for (int n = 0; n < 3; ++n)
    order.challenges.push_back({Scalar::from_u64(3), Scalar::from_u64(4)});
  const Bytes32 digest = sha256(order.encode());
  const auto before = issuer_respond(secret, order, digest, world.lineage, world.keys(lines));
  const auto after = issuer_respond(secret, order, digest, restored, world.keys(lines));
  for (size_t n = 0; n < 3; ++n) EXPECT_NE(before->at(n).r, after->at(n).r);
}

TEST(CheckAge, guard_an_order_completes_in_its_time_slot_or_the_next) {
  // The attack of ePrint 2020/945 needs sessions that stay open while it computes.
  const uint64_t slot = time_slot_of(kWorldNow_s);
  EXPECT_TRUE(check_age(slot, slot).ok());
  EXPECT_TRUE(check_age(slot, slot + 1).ok());
  for (const uint64_t now :
       {slot + 2, slot + 3, slot + 1'000'000, UINT64_MAX, slot - 1, uint64_t{0}}) {
    EXPECT_EQ(reason_of(check_age(slot, now)), "ORDER_TOO_OLD") << now;
  }
  EXPECT_EQ(reason_of(check_age(UINT64_MAX, 0)), "ORDER_TOO_OLD") << "no wrap-around";
  EXPECT_EQ(time_slot_of(59), 0u);
  EXPECT_EQ(time_slot_of(60), 1u);
}

TEST_F(IssuerSecretTest, KnownZSavesItsMultiplicationOnly) {
  const std::vector<const DenominationKey*> keys = {&world.coin, &world.cheque};
  const auto open = [&](std::span<const std::optional<Point>> known_z) {
    return issuer_open(secret, World::kIssuer, scope, wallet.account.points, lines, keys, known_z);
  };
  const Bytes whole = open({})->encode();
  const std::vector<std::optional<Point>> none(2);
  EXPECT_EQ(open(none)->encode(), whole);
  const std::vector<std::optional<Point>> both = {opened.lines[0].z, opened.lines[1].z};
  EXPECT_EQ(open(both)->encode(), whole);
  const std::vector<std::optional<Point>> second = {std::nullopt, opened.lines[1].z};
  EXPECT_EQ(open(second)->encode(), whole);
  EXPECT_EQ(reason_of(open(std::span(both).first(1)).status()), "BAD_ORDER");
}

}  // namespace
}  // namespace cafe::protocol
