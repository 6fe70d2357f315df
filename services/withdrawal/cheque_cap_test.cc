#include "services/withdrawal/cheque_cap.h"

#include <gmock/gmock.h>

#include "libs/protocol/testing/world.h"

namespace cafe::withdrawal {
namespace {

using protocol::reason_of;
using testing::kWorldNow_s;
using testing::World;

const protocol::AccountId kAlice{{1}}, kBob{{2}};

BlankCheques euros(uint64_t worth, const protocol::AccountId& account = kAlice) {
  return {account, 1, {}, "EUR", worth, kWorldNow_s};
}

TEST(ChequeCap, HoldsToTheMinorUnit) {
  HeldCheques held;
  held.add(kAlice, "EUR", 7'000);
  struct Case {
    uint64_t worth;
    uint64_t cap;
    const char* reason;
  };
  for (const Case& c : {Case{3'000, 10'000, ""}, Case{3'001, 10'000, "CHEQUE_CAP"},
                        Case{1, 7'000, "CHEQUE_CAP"}, Case{1, 0, "CHEQUE_CAP"},
                        Case{1, INT64_MAX, ""}, Case{INT64_MAX, INT64_MAX, "AMOUNT_OVERFLOW"}}) {
    EXPECT_EQ(reason_of(check_cheque_cap(held, {{euros(c.worth)}}, c.cap)), c.reason)
        << c.worth << " under " << c.cap;
  }
}

TEST(ChequeCap, SumsTheLinesOfAnOrder) {
  const HeldCheques held;
  const std::vector<BlankCheques> order = {euros(4'000), euros(6'000)};
  EXPECT_EQ(reason_of(check_cheque_cap(held, order, 10'000)), "");
  EXPECT_EQ(reason_of(check_cheque_cap(held, order, 9'999)), "CHEQUE_CAP");
}

TEST(ChequeCap, IsForEachAccountAndCurrency) {
  HeldCheques held;
  held.add(kAlice, "EUR", 10'000);
  EXPECT_EQ(reason_of(check_cheque_cap(held, {{euros(10'000, kBob)}}, 10'000)), "");
  BlankCheques dollars = euros(10'000);
  dollars.currency = "USD";
  EXPECT_EQ(reason_of(check_cheque_cap(held, {{dollars}}, 10'000)), "");
  EXPECT_EQ(reason_of(check_cheque_cap(held, {{dollars, euros(1)}}, 10'000)), "CHEQUE_CAP");
}

TEST(ChequeCap, OrderWithoutChequesIsAlwaysWithinIt) {
  HeldCheques held;
  held.add(kAlice, "EUR", 10'000);
  EXPECT_TRUE(check_cheque_cap(held, {}, 0).ok());
}

TEST(ChequeCap, CountsChequesAtTheMostThatTheyCanBeWrittenOutFor) {
  World world("cheque cap");
  storage::DenominationSecrets secrets{std::string(World::kIssuer), {}, {}};
  for (const auto* key : {&world.coin, &world.cheque}) {
    secrets.keys.emplace_back(key->denomination.H, key->x);
  }
  const auto book =
      DenominationBook::open(world.signed_list, world.master_key.public_key(), secrets, nullptr);
  ASSERT_TRUE(book.ok()) << book.status();
  const std::vector<protocol::OrderLine> lines = {{world.coin.id, 2}, {world.cheque.id, 3}};
  const auto entries = select_lines(**book, {}, lines, kWorldNow_s, 0);
  ASSERT_TRUE(entries.ok()) << entries.status();
  const auto cheques = blank_cheques_of(kBob, 5, *entries, lines);
  ASSERT_TRUE(cheques.ok()) << cheques.status();
  ASSERT_EQ(cheques->size(), 1U) << "coins are paid for";
  EXPECT_EQ((*cheques)[0].account, kBob);
  EXPECT_EQ((*cheques)[0].n, 5U);
  EXPECT_EQ((*cheques)[0].denom_id, world.cheque.id);
  EXPECT_EQ((*cheques)[0].currency, "EUR");
  EXPECT_EQ((*cheques)[0].worth, 3 * world.cheque.denomination.value());
  EXPECT_EQ((*cheques)[0].deposit_until, world.cheque.denomination.deposit_until);
}

}  // namespace
}  // namespace cafe::withdrawal
