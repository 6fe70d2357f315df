// One spend against its coin and terms: what section 5 lets be valid, attacks on the coin's tree,
// and damage of all kinds.
#include "libs/protocol/payment.h"

#include <functional>

#include "gtest/gtest.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/testing/market.h"

namespace cafe::protocol {
namespace {

using testing::Market;
using testing::WithdrawnCoin;
using testing::WorldWallet;

class SpendTest : public ::testing::Test {
 protected:
  std::string verdict(const Payment& payment) {
    const auto checked = check_payment(payment, market_.context());
    return checked.ok() ? "" : reason_of(checked.status());
  }
  std::string spend_verdict(const Payment& payment) {
    return reason_of(check_spends(std::vector{market_.check(payment)})[0]);
  }
  // A wallet's spend for check_spends whose response is right for whatever `spend` says.
  void answer(Spend& spend, const WithdrawnCoin& coin, const Coin& shown,
              const SlotSecrets& secrets, const Scalar& o2, const Bytes32& terms_digest) {
    const Kind kind = coin.denomination.kind;
    const Scalar d = challenge_of(coin.denomination, shown, spend, terms_digest);
    const Scalar ans = guardian_answer(wallet_.guardian_secret(kind), o2, d + secrets.e);
    const auto response = wallet_respond(ans, d, secrets, wallet_.identity.u1, coin.secrets.s,
                                         wallet_.guardian_point(kind), *multiply(o2, g1()));
    spend.r1 = response->r1;
    spend.r2 = response->r2;
  }

  Market market_{"spend"};
  WorldWallet wallet_ = market_.make_wallet();
  WithdrawnCoin plain_ = market_.take(wallet_, market_.coin);
  WithdrawnCoin split_ = market_.take(wallet_, market_.split_coin);
  WithdrawnCoin cheque_ = market_.take(wallet_, market_.cheque);
};

TEST_F(SpendTest, OnlyTheListedCombinationsOfValueTicksRootAndSaltAreValid) {
  // Every combination of these, on a coin's slot of 400 and on a cheque of 5000. 2 ticks of 2^63
  // would be worth nothing, did their product wrap.
  for (const bool is_coin : {true, false}) {
    const Denomination& denomination = (is_coin ? market_.split_coin : market_.cheque).denomination;
    const uint64_t slot_value = denomination.slot_values[0];
    int accepted = 0;
    for (const uint64_t value : {uint64_t{0}, uint64_t{1}, slot_value, slot_value + 1, UINT64_MAX})
      for (const uint64_t tick_value :
           {uint64_t{0}, uint64_t{5}, slot_value, uint64_t{1} << 63, UINT64_MAX})
        for (const uint32_t tick_count : {0u, 1u, 2u, 1000u, 1001u, UINT32_MAX})
          for (const int flags : {0, 1, 2, 3, 4, 5, 6, 7}) {
            const bool root = flags & 1, salt = flags & 2, shown = flags & 4;
            const Spend spend{
                .coin = 0,
                .slot = 0,
                .value = value,
                .tick_value = tick_value,
                .tick_count = tick_count,
                .tick_root = Bytes(root ? 32 : 0),
                .salt = Bytes(salt ? 32 : 0),
                .B = g1(),
                .path = {},
                .r1 = {},
                .r2 = {},
                .tick = shown ? std::optional(TickReveal{0, Scalar(), {}}) : std::nullopt};
            const bool no_ticks = tick_value == 0 && tick_count == 0 && !root && !shown;
            const bool valid =
                is_coin
                    ? value == slot_value && no_ticks && !salt
                    : salt &&
                          ((value > 0 && value <= slot_value && no_ticks) ||
                           (value == 0 && root && tick_value > 0 && tick_count > 0 &&
                            static_cast<unsigned __int128>(tick_value) * tick_count <= slot_value));
            const absl::Status status = check_combination(denomination, spend);
            ASSERT_EQ(status.ok(), valid) << is_coin << " " << value << " " << tick_value << " "
                                          << tick_count << " " << flags;
            ASSERT_EQ(reason_of(status), valid ? "" : "BAD_COMBINATION");
            accepted += valid;
          }
    // One way for a coin; two amounts and four tariffs, a tick shown or not, for a cheque.
    EXPECT_EQ(accepted, is_coin ? 1 : 2 + 2 * 4);
  }
}

TEST_F(SpendTest, HalvesOfARootOrSaltAreNoCombination) {
  Spend spend = market_.pay(wallet_, {{&cheque_, 0, 1234}}).spends[0];
  spend.salt.resize(31);
  EXPECT_EQ(reason_of(check_combination(market_.cheque.denomination, spend)), "BAD_COMBINATION");
  spend.salt.resize(33);
  EXPECT_EQ(reason_of(check_combination(market_.cheque.denomination, spend)), "BAD_COMBINATION");
}

TEST_F(SpendTest, ASlotOutsideTheCoinIsRefused) {
  Payment payment = market_.pay(wallet_, {{&split_, 4, 100}});
  for (const uint32_t slot : {5u, 6u, 7u, 8u, UINT32_MAX}) {
    payment.spends[0].slot = slot;
    EXPECT_EQ(verdict(payment), "SLOT_OUTSIDE_COIN") << slot;
  }
}

TEST_F(SpendTest, EveryPartOfACoinIsSigned) {
  const Payment good = market_.pay(wallet_, {{&plain_, 0, 500}});
  const Point other = *multiply(market_.rng.scalar(), g());
  const std::pair<std::string_view, std::function<void(Coin&)>> kAlterations[] = {
      {"A", [&](Coin& c) { c.A = other; }},
      {"root", [&](Coin& c) { c.root[0] ^= 1; }},
      {"Z", [&](Coin& c) { c.Z = other; }},
      {"a", [&](Coin& c) { c.a = other; }},
      {"b", [&](Coin& c) { c.b = other; }},
      {"r", [&](Coin& c) { c.r = c.r + Scalar::from_u64(1); }},
  };
  for (const auto& [what, alter] : kAlterations) {
    Payment forged = good;
    alter(forged.coins[0]);
    EXPECT_EQ(verdict(forged), "COIN_INVALID") << what;
  }
}

// The denomination is under the signature: a coin of 4+2+1+1+1 is not one of 5.
TEST_F(SpendTest, ACoinIsOfItsOwnDenominationOnly) {
  Payment forged = market_.pay(wallet_, {{&split_, 0, 400}}, market_.make_terms(500));
  forged.coins[0].denom_id = market_.coin.id;
  forged.spends[0].value = 500;
  EXPECT_EQ(verdict(forged), "COIN_INVALID");
  // Nor does a verifier that looked up the wrong denomination accept it.
  const Payment good = market_.pay(wallet_, {{&plain_, 0, 500}});
  SpendCheck check = market_.check(good);
  Denomination twin = *check.denomination;
  twin.spend_until += 1;
  check.denomination = &twin;
  EXPECT_EQ(reason_of(check_spends(std::vector{check})[0]), "COIN_INVALID");
}

TEST_F(SpendTest, EveryPartOfASpendCounts) {
  const Payment coin = market_.pay(wallet_, {{&split_, 1, 200}});
  const Payment cheque = market_.pay(wallet_, {{&cheque_, 0, 1234}});
  const Scalar one = Scalar::from_u64(1);
  const struct {
    std::string_view what;
    const Payment& of;
    std::function<void(Payment&)> alter;
    std::string_view reason;
  } kCases[] = {
      {"r1", coin, [&](Payment& p) { p.spends[0].r1 = p.spends[0].r1 + one; }, "SPEND_INVALID"},
      {"r2", coin, [&](Payment& p) { p.spends[0].r2 = p.spends[0].r2 + one; }, "SPEND_INVALID"},
      {"B", coin, [&](Payment& p) { p.spends[0].B = split_.secrets.B[2]; }, "BAD_PATH"},
      {"slot", coin, [&](Payment& p) { p.spends[0].slot = 2, p.spends[0].value = 100; },
       "BAD_PATH"},
      {"path", coin, [&](Payment& p) { p.spends[0].path[1][0] ^= 1; }, "BAD_PATH"},
      {"short path", coin, [&](Payment& p) { p.spends[0].path.pop_back(); }, "BAD_PATH"},
      {"no path", coin, [&](Payment& p) { p.spends[0].path.clear(); }, "BAD_PATH"},
      {"long path", coin, [&](Payment& p) { p.spends[0].path.push_back({}); }, "BAD_PATH"},
      {"path of 32", coin, [&](Payment& p) { p.spends[0].path.resize(32); }, "BAD_PATH"},
      {"value", cheque, [&](Payment& p) { p.spends[0].value = 5000; }, "SPEND_INVALID"},
      {"salt", cheque, [&](Payment& p) { p.spends[0].salt[0] ^= 1; }, "SPEND_INVALID"},
      {"terms", cheque, [&](Payment& p) { p.terms = market_.sign_terms(market_.make_terms(1234)); },
       "SPEND_INVALID"},
  };
  for (const auto& c : kCases) {
    Payment altered = c.of;
    c.alter(altered);
    EXPECT_EQ(spend_verdict(altered), c.reason) << c.what;
    EXPECT_FALSE(check_payment(altered, market_.context()).ok()) << c.what;
  }
}

// [guard] A coin of one slot, made over a tree of two: without the check of its size, each leaf
// would be "slot 0" with a B of its own, and two spends would not convict.
TEST_F(SpendTest, AnInflatedTreeDoesNotGiveASlotTwoFaces) {
  const SlotSecrets& secrets = plain_.secrets.slots[0];
  std::vector<GuardianSlot> slots = market_.make_slots(market_.coin.denomination);
  const Scalar second_o2 = slots[0].o2;
  const Point second_B =
      *linear_combination({{secrets.x1, g1()},
                           {secrets.x2, g2()},
                           {secrets.e * plain_.secrets.s, wallet_.guardian_point(Kind::kCoin)},
                           {plain_.secrets.s * second_o2, g1()}});
  const std::vector<Bytes> leaves{to_bytes(point_leaf(0, plain_.secrets.B[0])),
                                  to_bytes(point_leaf(0, second_B))};
  const Coin coin = market_.sign_coin(market_.coin, plain_.coin.A, merkle_root(leaves));

  for (const size_t face : {0, 1}) {
    Payment payment{market_.sign_terms(market_.make_terms(500)), {coin}, {}};
    Spend spend{.coin = 0,
                .slot = 0,
                .value = 500,
                .tick_root = {},
                .salt = {},
                .B = face == 0 ? plain_.secrets.B[0] : second_B,
                .path = merkle_path(leaves, face),
                .r1 = {},
                .r2 = {},
                .tick = std::nullopt};
    answer(spend, plain_, coin, secrets, face == 0 ? plain_.slots[0].o2 : second_o2,
           payment.terms.digest());
    payment.spends.push_back(spend);
    // All but the path is in order: the coin, and the equation of the spend.
    const Scalar d = challenge_of(market_.coin.denomination, coin, spend, payment.terms.digest());
    ASSERT_TRUE(check_coin(coin, market_.coin.denomination).ok());
    ASSERT_TRUE(combination_equals({{spend.r1, g1()}, {spend.r2, g2()}, {-d, coin.A}}, spend.B));
    ASSERT_TRUE(merkle_verify(coin.root, 2, face, leaves[face], spend.path));
    EXPECT_EQ(verdict(payment), "BAD_PATH");
  }
}

// [guard] An inner node shown as a leaf would be a slot that nobody made.
TEST_F(SpendTest, AnInnerNodeIsNoLeaf) {
  const std::vector<Bytes> leaves = point_leaves(split_.secrets.B);
  const Bytes32 left = merkle_root(std::span(leaves).first(2));
  // Everything above the node over leaves 0 and 1 is a fitting path for it.
  MerklePath above = merkle_path(leaves, 0);
  above.erase(above.begin());
  Bytes node_content = to_bytes(merkle_root(std::span(leaves).first(1)));
  append(node_content, merkle_root(std::span(leaves).subspan(1, 1)));
  EXPECT_FALSE(merkle_verify(split_.coin.root, 5, 0, node_content, above));
  EXPECT_FALSE(merkle_verify(split_.coin.root, 3, 0, node_content, above));
  EXPECT_FALSE(merkle_verify(split_.coin.root, 3, 0, left, above));
  // The premise: that node is what the path starts from.
  Bytes32 root = left;
  for (const Bytes32& sibling : above) {
    Bytes node{1};
    append(node, root);
    append(node, sibling);
    root = sha256(node);
  }
  EXPECT_EQ(root, split_.coin.root);
}

TEST_F(SpendTest, ABatchHasOneVerdictForEachSpend) {
  std::vector<Payment> payments;
  for (uint32_t slot = 0; slot < 5; ++slot) {
    payments.push_back(
        market_.pay(wallet_, {{&split_, slot, market_.split_coin.denomination.slot_values[slot]}}));
  }
  payments.push_back(market_.pay(wallet_, {{&plain_, 0, 500}}));
  payments.push_back(market_.pay(wallet_, {{&cheque_, 0, 77}}));
  payments[1].spends[0].r1 = Scalar();
  payments[3].coins[0].r = Scalar();
  payments[6].spends[0].salt[3] ^= 1;
  std::vector<SpendCheck> checks;
  for (const Payment& payment : payments) checks.push_back(market_.check(payment));
  const std::vector<absl::Status> verdicts = check_spends(checks);
  ASSERT_EQ(verdicts.size(), checks.size());
  const std::vector<std::string> expected{"", "SPEND_INVALID", "", "COIN_INVALID", "",
                                          "", "SPEND_INVALID"};
  for (size_t i = 0; i < verdicts.size(); ++i) {
    EXPECT_EQ(reason_of(verdicts[i]), expected[i]) << i;
    EXPECT_EQ(verdicts[i].ok(), expected[i].empty()) << i;
    EXPECT_EQ(check_spends(std::span(checks).subspan(i, 1))[0], verdicts[i]) << i;
  }
  EXPECT_TRUE(check_spends({}).empty());
}

// A bad copy of a coin in a batch must not ride on the good one's check, nor spoil it.
TEST_F(SpendTest, ACoinCheckedOnceVouchesForEqualCoinsOnly) {
  Payment good = market_.pay(wallet_, {{&split_, 0, 400}});
  Payment bad = market_.pay(wallet_, {{&split_, 1, 200}});
  bad.coins[0].b = *multiply(market_.rng.scalar(), g());
  ASSERT_EQ(bad.coins[0].id(), good.coins[0].id());
  for (const auto& [first, second] : {std::pair{&good, &bad}, std::pair{&bad, &good}}) {
    const auto verdicts = check_spends(std::vector{market_.check(*first), market_.check(*second)});
    EXPECT_EQ(verdicts[0].ok(), first == &good);
    EXPECT_EQ(verdicts[1].ok(), second == &good);
  }
}

TEST_F(SpendTest, RandomlyDamagedPaymentsNeitherCrashNorPass) {
  const Payment original = market_.pay(
      wallet_, {{&plain_, 0, 500}, {&split_, 1, 200}, {&cheque_, 0, 1234}, {&split_, 4, 100}});
  const Bytes good = original.encode();
  int decoded = 0;
  for (int round = 0; round < 6000; ++round) {
    Bytes bytes = good;
    const uint64_t damages = 1 + market_.rng.below(3);
    for (uint64_t i = 0; i < damages && !bytes.empty(); ++i) {
      const auto at = static_cast<ptrdiff_t>(market_.rng.below(bytes.size()));
      const auto length =
          static_cast<ptrdiff_t>(market_.rng.below(std::min<uint64_t>(40, bytes.size() - at) + 1));
      switch (market_.rng.below(6)) {
        case 0:
          bytes[at] ^= static_cast<uint8_t>(1 << market_.rng.below(8));
          break;
        case 1:
          bytes[at] = static_cast<uint8_t>(market_.rng.below(256));
          break;
        case 2:
          bytes.resize(at);
          break;
        case 3:
          bytes.erase(bytes.begin() + at, bytes.begin() + at + length);
          break;
        case 4: {
          const Bytes copy(bytes.begin() + at, bytes.begin() + at + length);
          const auto to = static_cast<ptrdiff_t>(market_.rng.below(bytes.size()));
          bytes.insert(bytes.begin() + to, copy.begin(), copy.end());
          break;
        }
        default: {  // one field's content over another's: good points and scalars in wrong places
          const Bytes copy(bytes.begin() + at, bytes.begin() + at + length);
          const auto to = static_cast<ptrdiff_t>(market_.rng.below(bytes.size() - length + 1));
          std::copy(copy.begin(), copy.end(), bytes.begin() + to);
        }
      }
    }
    const auto payment = Payment::decode(bytes);
    if (!payment.ok()) continue;
    ++decoded;
    ASSERT_EQ(payment->encode(), bytes);
    if (check_payment(*payment, market_.context()).ok()) {
      ASSERT_EQ(*payment, original);
    }
  }
  EXPECT_GT(decoded, 100) << "the damage is too coarse to reach the checks";
}

TEST_F(SpendTest, RandomBytesAreNoPayment) {
  for (int round = 0; round < 2000; ++round) {
    Bytes bytes(market_.rng.below(600));
    market_.rng.fill(bytes);
    EXPECT_FALSE(Payment::decode(bytes).ok());
  }
}

TEST(WorthTest, IsTheValueOrTheTicksShown) {
  Spend spend{.coin = 0,
              .slot = 0,
              .value = 77,
              .tick_root = {},
              .salt = {},
              .B = g1(),
              .path = {},
              .r1 = {},
              .r2 = {},
              .tick = std::nullopt};
  EXPECT_EQ(worth_of(spend), 77u);
  spend.value = 0;
  spend.tick_value = 3;
  spend.tick_count = 20;
  EXPECT_EQ(worth_of(spend), 0u);
  spend.tick = TickReveal{0, {}, {}};
  EXPECT_EQ(worth_of(spend), 3u);
  spend.tick->index = 19;
  EXPECT_EQ(worth_of(spend), 60u);
}

}  // namespace
}  // namespace cafe::protocol
