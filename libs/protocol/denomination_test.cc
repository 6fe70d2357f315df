#include "libs/protocol/denomination.h"

#include <gtest/gtest.h>

#include <functional>

#include "libs/protocol/testing/world.h"

namespace cafe::protocol {
namespace {

using cafe::testing::kDay_s;
using cafe::testing::kWorldNow_s;
using cafe::testing::World;

class DenominationTest : public ::testing::Test {
 protected:
  World world{"denominations"};
  DenominationList list = world.list;

  // Another denomination like `like`, with a key of its own.
  Denomination sibling(const Denomination& like) {
    Denomination out = like;
    out.H = *multiply(world.rng.scalar(), g());
    return out;
  }
  std::string validate() const { return reason_of(list.validate()); }
  SignedDocument sign(const DenominationList& signed_list) {
    return SignedDocument::sign(signed_list.encode(), world.master_key);
  }
};

TEST_F(DenominationTest, rules_of_one_denomination) {
  struct Row {
    std::string reason;
    std::function<void(Denomination&)> alter;
  };
  const std::vector<Row> rows = {
      {"", [](Denomination&) {}},
      {"BAD_ISSUER_ID", [](Denomination& d) { d.issuer_id = ""; }},
      {"BAD_ISSUER_ID", [](Denomination& d) { d.issuer_id = "an issuer"; }},
      {"BAD_ISSUER_ID", [](Denomination& d) { d.issuer_id = std::string(129, 'a'); }},
      {"", [](Denomination& d) { d.issuer_id = std::string(128, 'a'); }},
      {"BAD_CURRENCY", [](Denomination& d) { d.currency = "eur"; }},
      {"BAD_CURRENCY", [](Denomination& d) { d.currency = "EURO"; }},
      {"BAD_KIND", [](Denomination& d) { d.kind = static_cast<Kind>(3); }},
      {"BAD_SLOTS", [](Denomination& d) { d.slot_values = {}; }},
      {"BAD_SLOTS",
       [](Denomination& d) {
         d.slot_values = {5, 0};
       }},
      {"BAD_SLOTS", [](Denomination& d) { d.slot_values.assign(65, 1); }},
      {"", [](Denomination& d) { d.slot_values.assign(64, 1); }},
      {"BAD_SLOTS",
       [](Denomination& d) {
         d.kind = Kind::kCheque, d.slot_values = {5, 5};
       }},
      {"AMOUNT_OVERFLOW",
       [](Denomination& d) {
         d.slot_values = {INT64_MAX, 1};
       }},
      {"AMOUNT_OVERFLOW", [](Denomination& d) { d.slot_values = {UINT64_MAX}; }},
      {"BAD_DATES", [](Denomination& d) { d.withdraw_from = d.withdraw_until; }},
      {"BAD_DATES", [](Denomination& d) { d.withdraw_until = d.spend_until + 1; }},
      {"", [](Denomination& d) { d.withdraw_until = d.spend_until; }},
      {"BAD_DATES", [](Denomination& d) { d.deposit_until = d.spend_until + 7 * kDay_s - 1; }},
      {"", [](Denomination& d) { d.deposit_until = d.spend_until + 7 * kDay_s; }},
      {"BAD_DATES", [](Denomination& d) { d.deposit_until = d.spend_until - 1; }},
      {"BAD_DATES",
       [](Denomination& d) { d.spend_until = d.deposit_until = d.claim_until = UINT64_MAX; }},
      {"BAD_DATES", [](Denomination& d) { d.claim_until = d.deposit_until - 1; }},
      {"", [](Denomination& d) { d.claim_until = d.deposit_until; }},
  };
  for (size_t n = 0; n < rows.size(); ++n) {
    Denomination denomination = world.coin.denomination;
    rows[n].alter(denomination);
    EXPECT_EQ(reason_of(denomination.validate()), rows[n].reason) << "row " << n;
  }
  EXPECT_EQ(world.split_coin.denomination.value(), 900u);
}

TEST_F(DenominationTest, every_field_changes_the_id) {
  const Denomination good = world.split_coin.denomination;
  const std::vector<std::function<void(Denomination&)>> changes = {
      [](Denomination& d) { d.issuer_id += "x"; },
      [](Denomination& d) { d.currency = "USD"; },
      [](Denomination& d) { d.kind = Kind::kCheque; },
      [](Denomination& d) { d.slot_values[4] += 1; },
      [](Denomination& d) { std::swap(d.slot_values[0], d.slot_values[1]); },
      [](Denomination& d) { d.slot_values.pop_back(); },
      [](Denomination& d) { ++d.withdraw_from; },
      [](Denomination& d) { ++d.withdraw_until; },
      [](Denomination& d) { ++d.spend_until; },
      [](Denomination& d) { ++d.deposit_until; },
      [](Denomination& d) { ++d.claim_until; },
      [](Denomination& d) { d.H = g1(); }};
  for (size_t n = 0; n < changes.size(); ++n) {
    Denomination changed = good;
    changes[n](changed);
    EXPECT_NE(changed.id(), good.id()) << "change " << n;
  }
}

TEST_F(DenominationTest, guard_a_key_stands_in_one_denomination_only) {
  // The attack: withdraw the coin of 5, spend it as the coin of 500 under the same key.
  Denomination dear = world.coin.denomination;
  dear.slot_values = {50000};
  list.denominations.push_back(dear);
  EXPECT_EQ(validate(), "KEY_REUSED");
  EXPECT_EQ(reason_of(open_list(sign(list), world.master_key.public_key()).status()), "KEY_REUSED");
}

TEST_F(DenominationTest, guard_a_key_of_an_older_list_stands_in_no_other_denomination) {
  // The same, spread over two lists, the older denomination's time being over.
  DenominationList newer = list;
  newer.number = 2;
  newer.issued_at = list.denominations[0].claim_until;
  newer.denominations.clear();
  Denomination dear = world.coin.denomination;
  dear.slot_values = {50000};
  newer.denominations.push_back(dear);
  EXPECT_EQ(reason_of(check_successor(list, newer)), "KEY_REUSED");
}

TEST_F(DenominationTest, guard_two_lists_of_one_number_convict_the_issuer) {
  // The attack: a list with a key that only one user is shown.
  DenominationList tagging = list;
  tagging.denominations[0] = sibling(tagging.denominations[0]);
  const SignedDocument shown_to_all = sign(list);
  const SignedDocument shown_to_one = sign(tagging);
  const Point& master = world.master_key.public_key();
  EXPECT_TRUE(is_equivocation(shown_to_all, shown_to_one, master));
  EXPECT_TRUE(is_equivocation(shown_to_one, shown_to_all, master));

  // A list that breaks other rules convicts as well.
  tagging.denominations.push_back(tagging.denominations[0]);
  ASSERT_FALSE(tagging.validate().ok());
  EXPECT_TRUE(is_equivocation(shown_to_all, sign(tagging), master));
}

TEST_F(DenominationTest, guard_an_honest_issuer_is_not_convicted) {
  const Point& master = world.master_key.public_key();
  const SignedDocument first = sign(list);
  EXPECT_FALSE(is_equivocation(first, first, master)) << "the same list shown twice";

  DenominationList next = list;
  next.number = 2;
  EXPECT_FALSE(is_equivocation(first, sign(next), master)) << "successive lists";

  DenominationList altered = list;
  altered.limits[0].offline_limit += 1;
  SignedDocument forged = sign(list);
  forged.frame = altered.encode();
  EXPECT_FALSE(is_equivocation(first, forged, master)) << "a forged second list";
  EXPECT_FALSE(
      is_equivocation(first, SignedDocument::sign(altered.encode(), world.deposit_key), master))
      << "another key's signature";
  altered.issuer_id = "issuer-b.example";
  EXPECT_FALSE(is_equivocation(first, sign(altered), master)) << "another issuer's list";

  // Other documents under the master key are no lists.
  EXPECT_FALSE(is_equivocation(first, world.deposit_certificate, master));
}

TEST_F(DenominationTest, guard_no_two_equal_denominations_are_open_at_one_time) {
  // The attack: of two equal denominations each user is sold one, which tags her by a bit.
  Denomination second = sibling(world.coin.denomination);
  list.denominations.push_back(second);
  EXPECT_EQ(validate(), "TAGGING_OVERLAP");

  // By one second only.
  second.withdraw_from = world.coin.denomination.withdraw_until - 1;
  second.withdraw_until = second.spend_until = second.withdraw_from + 40 * kDay_s;
  second.deposit_until = second.claim_until = second.spend_until + 30 * kDay_s;
  list.denominations.back() = second;
  EXPECT_EQ(validate(), "TAGGING_OVERLAP");

  // One after the other is how issue periods follow each other.
  list.denominations.back().withdraw_from += 1;
  EXPECT_EQ(validate(), "");
}

TEST_F(DenominationTest, guard_the_order_of_slots_makes_no_other_denomination) {
  // The attack: 4+2+1+1+1 and 1+1+1+2+4 buy the same, and would tag.
  Denomination second = sibling(world.split_coin.denomination);
  std::reverse(second.slot_values.begin(), second.slot_values.end());
  list.denominations.push_back(second);
  EXPECT_EQ(validate(), "TAGGING_OVERLAP");
}

TEST_F(DenominationTest, guard_no_denomination_is_open_for_less_than_30_days) {
  // The attack: a denomination for each hour, so that each has one user.
  Denomination& coin = list.denominations[0];
  coin.withdraw_until = coin.withdraw_from + 30 * kDay_s - 1;
  EXPECT_EQ(validate(), "TAGGING_SHORT");
  coin.withdraw_until = coin.withdraw_from + 30 * kDay_s;
  EXPECT_EQ(validate(), "");
}

TEST_F(DenominationTest, different_denominations_may_be_open_at_one_time) {
  Denomination dollars = sibling(world.coin.denomination);
  dollars.currency = "USD";
  Denomination blank_cheque = sibling(world.coin.denomination);
  blank_cheque.kind = Kind::kCheque;
  Denomination dear = sibling(world.coin.denomination);
  dear.slot_values = {501};
  Denomination two_slots = sibling(world.coin.denomination);
  two_slots.slot_values = {500, 500};
  for (const Denomination& other : {dollars, blank_cheque, dear, two_slots}) {
    list.denominations.push_back(other);
  }
  EXPECT_EQ(validate(), "");
}

TEST_F(DenominationTest, a_compromised_key_is_replaced_at_once) {
  list.compromised.push_back(world.coin.id);
  list.denominations.push_back(sibling(world.coin.denomination));
  EXPECT_EQ(validate(), "");
  EXPECT_TRUE(list.is_compromised(world.coin.id));
  EXPECT_FALSE(list.is_compromised(world.cheque.id));
}

TEST_F(DenominationTest, rules_of_a_list) {
  struct Row {
    std::string reason;
    std::function<void(DenominationList&)> alter;
  };
  const std::vector<Row> rows = {
      {"", [](DenominationList&) {}},
      {"BAD_ISSUER_ID", [](DenominationList& l) { l.issuer_id = ""; }},
      {"BAD_ISSUER_ID", [](DenominationList& l) { l.issuer_id = "issuer-b.example"; }},
      {"LIST_NUMBER", [](DenominationList& l) { l.number = 0; }},
      {"LIMITS_INVALID", [](DenominationList& l) { l.limits[0].currency = "Eur"; }},
      {"DUPLICATE_ITEM", [](DenominationList& l) { l.limits.push_back(l.limits[0]); }},
      {"DUPLICATE_ITEM",
       [](DenominationList& l) { l.denominations.push_back(l.denominations[0]); }},
      {"UNKNOWN_DENOMINATION", [](DenominationList& l) { l.compromised.push_back({}); }},
      {"DUPLICATE_ITEM",
       [](DenominationList& l) { l.compromised.assign(2, l.denominations[0].id()); }},
      {"BAD_SLOTS", [](DenominationList& l) { l.denominations[2].slot_values = {0}; }},
  };
  for (size_t n = 0; n < rows.size(); ++n) {
    DenominationList altered = list;
    rows[n].alter(altered);
    EXPECT_EQ(reason_of(altered.validate()), rows[n].reason) << "row " << n;
  }
}

TEST_F(DenominationTest, what_may_follow_a_list) {
  struct Row {
    std::string reason;
    std::function<void(DenominationList&)> alter;
  };
  list.compromised.push_back(world.cheque.id);
  const uint64_t claim_until = world.coin.denomination.claim_until;
  const std::vector<Row> rows = {
      {"", [](DenominationList&) {}},
      {"", [](DenominationList& l) { l.number += 5; }},
      {"LIST_NUMBER", [](DenominationList& l) { l.number -= 1; }},
      {"LIST_NUMBER", [](DenominationList& l) { l.issuer_id += "x"; }},
      {"LIST_NUMBER", [](DenominationList& l) { l.issued_at -= 2; }},
      {"DENOMINATION_VANISHED",
       [](DenominationList& l) { l.denominations.erase(l.denominations.begin()); }},
      {"DENOMINATION_VANISHED",
       [&](DenominationList& l) {
         l.denominations.erase(l.denominations.begin());
         l.issued_at = claim_until - 1;
       }},
      {"",
       [&](DenominationList& l) {
         l.denominations.erase(l.denominations.begin());
         l.issued_at = claim_until;
       }},
      {"KEY_REUSED", [](DenominationList& l) { ++l.denominations[0].claim_until; }},
      {"DENOMINATION_VANISHED", [](DenominationList& l) { l.denominations[0].H = g1(); }},
      {"DENOMINATION_VANISHED", [](DenominationList& l) { l.compromised.clear(); }},
  };
  for (size_t n = 0; n < rows.size(); ++n) {
    DenominationList newer = list;
    newer.number += 1;
    newer.issued_at += 1;
    rows[n].alter(newer);
    EXPECT_EQ(reason_of(check_successor(list, newer)), rows[n].reason) << "row " << n;
  }
}

TEST_F(DenominationTest, a_list_is_opened_under_the_master_key_only) {
  const Point& master = world.master_key.public_key();
  EXPECT_TRUE(open_list(world.signed_list, master).ok());
  EXPECT_EQ(reason_of(open_list(world.signed_list, world.deposit_key.public_key()).status()),
            "BAD_SIGNATURE");
  SignedDocument altered = world.signed_list;
  altered.frame.back() ^= 1;
  EXPECT_EQ(reason_of(open_list(altered, master).status()), "BAD_SIGNATURE");
}

TEST_F(DenominationTest, the_table_knows_all_lists_and_the_newest_limits) {
  DenominationTable table;
  table.add(list);
  const Denomination* coin = table.find(world.coin.id);
  ASSERT_NE(coin, nullptr);
  EXPECT_EQ(*coin, world.coin.denomination);
  EXPECT_EQ(table.find(DenomId{}), nullptr);

  DenominationList newer = list;
  newer.number = 2;
  newer.denominations = {sibling(world.coin.denomination)};
  newer.limits[0].offline_limit = 1;
  table.add(newer);
  EXPECT_EQ(table.find(world.coin.id), coin) << "pointers stay";
  EXPECT_NE(table.find(newer.denominations[0].id()), nullptr);
  EXPECT_EQ(table.limits(World::kIssuer, "EUR")->offline_limit, 1u);
  table.add(list);
  EXPECT_EQ(table.limits(World::kIssuer, "EUR")->offline_limit, 1u) << "an older list came late";
  EXPECT_EQ(table.limits(World::kIssuer, "USD"), nullptr);
  EXPECT_EQ(table.limits("issuer-b.example", "EUR"), nullptr);
}

// A list that changes the limits wrongs nobody who went by the one before for another day.
TEST_F(DenominationTest, a_changed_limit_leaves_a_day_in_which_both_hold) {
  DenominationTable table;
  DenominationList first = list;
  first.limits = {{"EUR", 500, 3000}};
  table.add(first);
  DenominationList second = list;
  second.number = 2;
  second.issued_at = list.issued_at + 10 * kListGrace_s;
  second.limits = {{"EUR", 800, 2500}};
  table.add(second);

  const auto at = [&](uint64_t time_s) { return *table.limits_at(World::kIssuer, "EUR", time_s); };
  for (const uint64_t before : {uint64_t{0}, list.issued_at, second.issued_at - 1}) {
    EXPECT_EQ(at(before).offline, 500u) << before;
    EXPECT_EQ(at(before).identification_needed, 3000u) << before;
    EXPECT_EQ(at(before).identification_allowed, 3000u) << before;
  }
  for (const uint64_t both : {second.issued_at, second.issued_at + kListGrace_s - 1}) {
    EXPECT_EQ(at(both).offline, 800u) << both;
    EXPECT_EQ(at(both).identification_needed, 3000u) << both;
    EXPECT_EQ(at(both).identification_allowed, 2500u) << both;
  }
  const LimitsInForce after = at(second.issued_at + kListGrace_s);
  EXPECT_EQ(after.offline, 800u);
  EXPECT_EQ(after.identification_needed, 2500u);
  EXPECT_EQ(after.identification_allowed, 2500u);
  EXPECT_EQ(table.limits_at(World::kIssuer, "USD", list.issued_at), std::nullopt);
  EXPECT_EQ(table.limits_at("issuer-b.example", "EUR", list.issued_at), std::nullopt);
}

TEST_F(DenominationTest, the_table_knows_what_is_compromised) {
  DenominationTable table;
  table.add(list);
  EXPECT_FALSE(table.is_compromised(world.coin.id));
  DenominationList newer = list;
  newer.number = 2;
  newer.compromised = {world.coin.id};
  table.add(newer);
  EXPECT_TRUE(table.is_compromised(world.coin.id));
}

}  // namespace
}  // namespace cafe::protocol
