// What the documents around a lost wallet refuse besides what every decoder does: each rule is
// broken once, and its reason comes back. What may be at the bounds is read.
#include <gtest/gtest.h>

#include <functional>

#include "libs/protocol/testing/recovery_samples.h"

namespace cafe::protocol {
namespace {

using cafe::testing::RecoverySamples;
using cafe::testing::World;

template <typename T>
struct Rule {
  std::string reason;  // empty: nothing is wrong with it
  std::function<void(T&)> alter;
};

template <typename T>
void expect(const T& good, const std::vector<Rule<T>>& rules) {
  ASSERT_TRUE(T::decode(good.encode()).ok());
  for (size_t n = 0; n < rules.size(); ++n) {
    T altered = good;
    rules[n].alter(altered);
    const auto decoded = T::decode(altered.encode());
    EXPECT_EQ(reason_of(decoded.status()), rules[n].reason) << "rule " << n;
    if (decoded.ok()) {
      EXPECT_EQ(decoded->encode(), altered.encode()) << "rule " << n;
    }
  }
}

class RecoveryDecoders : public ::testing::Test {
 protected:
  World world_{"recovery decoders"};
  const RecoverySamples samples_{world_};
};

TEST_F(RecoveryDecoders, AllOfThemNameAnIssuer) {
  const auto unnamed = [](auto document) {
    document.issuer_id = "";
    return reason_of(decltype(document)::decode(document.encode()).status());
  };
  const RecoverySamples& s = samples_;
  for (const std::string& reason :
       {unnamed(s.loss_report), unnamed(s.loss_recorded), unnamed(s.replacement),
        unnamed(s.replaced), unnamed(s.orders_query), unnamed(s.orders_listed),
        unnamed(s.spent_prefix), unnamed(s.hotlist), unnamed(s.backup), unnamed(s.backup_kept),
        unnamed(s.backup_query), unnamed(s.claim), unnamed(s.claim_receipt),
        unnamed(s.claim_refused), unnamed(s.claim_statement), unnamed(s.claim_query)}) {
    EXPECT_EQ(reason, "BAD_ISSUER_ID");
  }
}

TEST_F(RecoveryDecoders, AStatementRestsOnARequestOrOnTheOperator) {
  expect<LossRecorded>(samples_.loss_recorded,
                       {{"BAD_AUTHORITY", [](auto& r) { r.authority = static_cast<Authority>(0); }},
                        {"BAD_AUTHORITY", [](auto& r) { r.authority = static_cast<Authority>(3); }},
                        {"BAD_AUTHORITY", [](auto& r) { r.authority = Authority::kOperator; }},
                        {"BAD_AUTHORITY", [](auto& r) { r.report_digest = {}; }},
                        {"",
                         [](auto& r) {
                           r.authority = Authority::kOperator;
                           r.report_digest = {};
                         }},
                        {"", [](auto& r) { r.last_order = r.last_load = 0; }}});
  expect<Replaced>(samples_.replaced,
                   {{"BAD_AUTHORITY", [](auto& r) { r.authority = static_cast<Authority>(3); }},
                    {"BAD_AUTHORITY", [](auto& r) { r.authority = Authority::kAccountKey; }},
                    {"BAD_AUTHORITY", [](auto& r) { r.request_digest[31] = 1; }},
                    {"SAME_ACCOUNT", [](auto& r) { r.successor = r.lost; }}});
  expect<Replacement>(samples_.replacement,
                      {{"SAME_ACCOUNT", [](auto& r) { r.successor = r.lost; }}});
}

TEST_F(RecoveryDecoders, AListingHasNoGapInside) {
  expect<OrdersListed>(samples_.orders_listed,
                       {{"NOT_CANONICAL", [](auto& l) { l.orders.erase(l.orders.begin() + 1); }},
                        {"NOT_CANONICAL", [](auto& l) { l.orders.push_back(l.orders.back()); }},
                        {"NOT_CANONICAL", [](auto& l) { std::swap(l.orders[0], l.orders[1]); }},
                        {"NOT_CANONICAL", [](auto& l) { l.last_order = 3; }},
                        {"NOT_CANONICAL",
                         [](auto& l) {
                           l.orders.resize(1);
                           l.orders[0].order = 0;
                         }},
                        // A number that wraps around.
                        {"NOT_CANONICAL",
                         [](auto& l) {
                           l.last_order = UINT64_MAX;
                           l.orders = {{UINT64_MAX, {}, {}}, {0, {}, {}}};
                         }},
                        {"TOO_MANY_ITEMS",
                         [](auto& l) {
                           l.last_order = 1000;
                           for (uint64_t n = 5; l.orders.size() <= kMaxOrdersListed; ++n) {
                             l.orders.push_back({n, {}, {}});
                           }
                         }},
                        {"", [](auto& l) { l.orders.clear(); }},
                        {"", [](auto& l) { l.last_order = 4; }}});
}

TEST_F(RecoveryDecoders, AnAnswerIsAboutItsPrefixAlone) {
  const auto many = [](SpentPrefixAnswer& a, size_t coins, uint64_t slots) {
    a.prefix = {0, 0};
    a.spent.clear();
    for (size_t n = 0; n < coins; ++n) {
      CoinId id{};
      id.bytes[0] = static_cast<uint8_t>(n >> 8);
      id.bytes[1] = static_cast<uint8_t>(n);
      a.spent.push_back({id, slots});
    }
  };
  expect<SpentPrefixAnswer>(
      samples_.spent_prefix,
      {{"BAD_PREFIX", [](auto& a) { a.prefix.bits = kMaxPrefixBits + 1; }},
       {"BAD_PREFIX", [](auto& a) { a.prefix.bits = 255; }},
       {"BAD_PREFIX", [](auto& a) { a.prefix.value |= 1; }},
       {"BAD_PREFIX", [](auto& a) { a.prefix.bits = 0; }},
       {"COIN_OUTSIDE_PREFIX", [](auto& a) { a.spent[1].coin_id.bytes[0] ^= 1; }},
       {"NOT_CANONICAL", [](auto& a) { std::swap(a.spent[0], a.spent[1]); }},
       {"NOT_CANONICAL", [](auto& a) { a.spent[1] = a.spent[0]; }},
       {"NOT_CANONICAL", [](auto& a) { a.spent[0].slots = 0; }},
       {"TOO_MANY_ITEMS", [&](auto& a) { many(a, kMaxPrefixSlots + 1, 1); }},
       {"TOO_MANY_ITEMS", [&](auto& a) { many(a, kMaxPrefixSlots / 64 + 1, ~uint64_t{0}); }},
       {"", [&](auto& a) { many(a, kMaxPrefixSlots, uint64_t{1} << 63); }},
       {"", [&](auto& a) { many(a, kMaxPrefixSlots / 64, ~uint64_t{0}); }},
       {"",
        [](auto& a) {
          a.prefix = {0, 0};
        }},
       {"", [](auto& a) { a.spent.clear(); }}});
}

TEST_F(RecoveryDecoders, AHotlistLeadsForward) {
  expect<Hotlist>(samples_.hotlist,
                  {{"HOTLIST_ORDER", [](auto& h) { h.number = h.after - 1; }},
                   {"HOTLIST_ORDER", [](auto& h) { h.number = h.after; }},
                   {"NOT_CANONICAL", [](auto& h) { std::swap(h.entries[0], h.entries[1]); }},
                   {"NOT_CANONICAL", [](auto& h) { h.entries[1] = h.entries[0]; }},
                   {"NOT_CANONICAL", [](auto& h) { h.entries[0].slots = 0; }},
                   {"TOO_MANY_ITEMS",
                    [](auto& h) {
                      h.entries.clear();
                      for (uint64_t n = 0; n <= kMaxHotlistEntries; ++n) {
                        h.entries.push_back({n, 1, 1});
                      }
                    }},
                   {"",
                    [](auto& h) {
                      h.number = h.after;
                      h.entries.clear();
                    }},
                   {"", [](auto& h) { h.entries.clear(); }}});
}

TEST_F(RecoveryDecoders, AHotlistKnowsACoinByItsFirstBytes) {
  CoinId id{};
  id.bytes[0] = 0x01;
  id.bytes[7] = 0xFF;
  id.bytes[8] = 0x77;
  EXPECT_EQ(HotlistEntry::short_id_of(id), 0x01000000000000FFu);
}

TEST_F(RecoveryDecoders, ABackupIsOneSealedSeed) {
  expect<Backup>(samples_.backup, {{"BACKUP_NUMBER", [](auto& b) { b.number = 0; }},
                                   {"BAD_LENGTH", [](auto& b) { b.sealed.pop_back(); }},
                                   {"BAD_LENGTH", [](auto& b) { b.sealed.push_back(0); }},
                                   {"BAD_LENGTH", [](auto& b) { b.sealed.clear(); }}});
}

TEST_F(RecoveryDecoders, AClaimNamesEachCoinAndSessionOnce) {
  const auto more_coins = [this](Claim& c, size_t count) {
    while (c.coins.size() < count) {
      ClaimedCoin next = c.coins[0];
      next.order = c.coins.size() + 10;
      next.root = world_.rng.array<32>();
      c.coins.push_back(next);
    }
  };
  expect<Claim>(samples_.claim,
                {{"BAD_CLAIM_KIND", [](auto& c) { c.kind = static_cast<ClaimKind>(0); }},
                 {"BAD_CLAIM_KIND", [](auto& c) { c.kind = static_cast<ClaimKind>(4); }},
                 {"ITEM_COUNT", [](auto& c) { c.coins.clear(); }},
                 {"ITEM_COUNT", [](auto& c) { c.kind = ClaimKind::kPayments; }},
                 {"ITEM_COUNT", [this](auto& c) { c.payments = {samples_.void_payment}; }},
                 {"BAD_ORDER", [](auto& c) { c.coins[1].order = 0; }},
                 {"NO_SLOT", [](auto& c) { c.coins[1].slots = 0; }},
                 {"COIN_TWICE", [](auto& c) { c.coins.push_back(c.coins[0]); }},
                 // One session twice, with another coin; one coin twice, from another session.
                 {"COIN_TWICE", [](auto& c) { c.coins[1].i = c.coins[0].i; }},
                 {"COIN_TWICE",
                  [](auto& c) {
                    c.coins[1].A = c.coins[0].A;
                    c.coins[1].root = c.coins[0].root;
                  }},
                 {"TOO_MANY_ITEMS", [&](auto& c) { more_coins(c, kMaxClaimedCoins + 1); }},
                 {"", [&](auto& c) { more_coins(c, kMaxClaimedCoins); }},
                 {"", [](auto& c) { c.by = c.account; }},
                 {"", [](auto& c) { c.kind = ClaimKind::kCheques; }},
                 // The same place in another order, or in another denomination, is another session.
                 {"", [](auto& c) { c.coins[1].i = c.coins[0].i, c.coins[1].order = 9; }}});
}

TEST_F(RecoveryDecoders, AClaimOfPaymentsShowsThem) {
  expect<Claim>(samples_.payments_claim,
                {{"ITEM_COUNT", [](auto& c) { c.payments.clear(); }},
                 {"ITEM_COUNT", [](auto& c) { c.kind = ClaimKind::kCoins; }},
                 {"ITEM_COUNT", [](auto& c) { c.kind = ClaimKind::kCheques; }},
                 {"ITEM_COUNT", [](auto& c) { c.coins.clear(); }},
                 {"TOO_MANY_ITEMS",
                  [](auto& c) { c.payments.resize(kMaxClaimedPayments + 1, c.payments[0]); }},
                 {"", [](auto& c) { c.payments.resize(kMaxClaimedPayments, c.payments[0]); }}});
}

TEST_F(RecoveryDecoders, AReceiptNamesItsCurrenciesInOrder) {
  expect<ClaimReceipt>(samples_.claim_receipt,
                       {{"CLAIM_NUMBER", [](auto& r) { r.number = 0; }},
                        {"NOT_CANONICAL", [](auto& r) { std::swap(r.claimed[0], r.claimed[1]); }},
                        {"NOT_CANONICAL", [](auto& r) { r.claimed[1].currency = "EUR"; }},
                        {"BAD_CURRENCY", [](auto& r) { r.claimed[1].currency = "usd"; }},
                        {"TOO_MANY_ITEMS", [](auto& r) { r.claimed.resize(257, r.claimed[0]); }},
                        {"", [](auto& r) { r.claimed.clear(); }}});
  expect<ClaimRefused>(samples_.claim_refused,
                       {{"NO_REASON", [](auto& r) { r.reason.clear(); }},
                        {"", [](auto& r) { r.item = ClaimRefused::kWholeClaim; }}});
}

TEST_F(RecoveryDecoders, AStatementsSumsBearEachOther) {
  expect<ClaimStatement>(
      samples_.claim_statement,
      {{"CLAIM_NUMBER", [](auto& s) { s.number = 0; }},
       {"STATEMENT_SEQUENCE", [](auto& s) { s.sequence = 0; }},
       {"BAD_STATE", [](auto& s) { s.state = static_cast<ClaimState>(0); }},
       {"BAD_STATE", [](auto& s) { s.state = static_cast<ClaimState>(4); }},
       {"NOT_CANONICAL", [](auto& s) { std::swap(s.totals[0], s.totals[1]); }},
       {"BAD_CURRENCY", [](auto& s) { s.totals[0].currency = "E"; }},
       {"TOO_MANY_ITEMS", [](auto& s) { s.totals.resize(257, s.totals[0]); }},
       {"BAD_TOTAL", [](auto& s) { s.totals[0].credited += 1; }},
       {"BAD_TOTAL", [](auto& s) { s.totals[0].deducted = UINT64_MAX; }},
       {"BAD_TOTAL", [](auto& s) { s.totals[0].charged = s.totals[0].credited + 1; }},
       {"BAD_TOTAL", [](auto& s) { s.totals[0].uncollected = s.totals[0].charged + 1; }},
       {"BAD_CODE", [](auto& s) { s.deductions[0].code = static_cast<Deduction::Code>(0); }},
       {"BAD_CODE", [](auto& s) { s.deductions[0].code = static_cast<Deduction::Code>(3); }},
       {"SLOT_OUTSIDE_COIN", [](auto& s) { s.deductions[1].coin = kMaxClaimedCoins; }},
       {"SLOT_OUTSIDE_COIN", [](auto& s) { s.deductions[1].slot = kMaxSlots; }},
       {"NOT_CANONICAL", [](auto& s) { std::swap(s.deductions[0], s.deductions[1]); }},
       {"NOT_CANONICAL", [](auto& s) { s.deductions[1] = s.deductions[0]; }},
       // Cheques that spent more than was loaded leave nothing to credit.
       {"", [](auto& s) { s.totals[1] = {"USD", 3, 9, 0, 0, 0}; }},
       {"", [](auto& s) { s.deductions.clear(), s.totals.clear(); }}});
}

TEST_F(RecoveryDecoders, AChargeIsYesOrNo) {
  Bytes bytes = samples_.claim_statement.encode();
  const Bytes32& digest = samples_.claim_statement.deductions[0].payment_digest;
  const auto at = std::search(bytes.begin(), bytes.end(), digest.begin(), digest.end());
  ASSERT_NE(at, bytes.end());
  *(at - 9) = 2;  // before the value's eight bytes
  EXPECT_EQ(reason_of(ClaimStatement::decode(bytes).status()), "BAD_CODE");
}

}  // namespace
}  // namespace cafe::protocol
