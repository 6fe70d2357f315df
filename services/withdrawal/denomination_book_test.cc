#include "services/withdrawal/denomination_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/protocol/testing/world.h"

namespace cafe::withdrawal {
namespace {

using protocol::reason_of;
using testing::kDay_s;
using testing::kWorldNow_s;
using testing::World;

class Book : public ::testing::Test {
 protected:
  Book() : secrets_{std::string(World::kIssuer), world_.rng.seed(), {}} {
    for (const auto* key : {&world_.coin, &world_.split_coin, &world_.cheque}) hold(*key);
  }
  void hold(const protocol::DenominationKey& key) {
    secrets_.keys.emplace_back(key.denomination.H, key.x);
  }
  protocol::SignedDocument sign(const protocol::DenominationList& list) const {
    return protocol::SignedDocument::sign(list.encode(), world_.master_key);
  }
  absl::StatusOr<std::shared_ptr<const DenominationBook>> open(
      const protocol::SignedDocument& document, const DenominationBook* previous = nullptr) const {
    return DenominationBook::open(document, world_.master_key.public_key(), secrets_, previous);
  }
  protocol::DenominationList next() const {
    protocol::DenominationList list = world_.list;
    ++list.number;
    list.issued_at += kDay_s;
    return list;
  }

  World world_{"book"};
  storage::DenominationSecrets secrets_;
};

TEST_F(Book, FindsItsDenominationsWithTheirKeys) {
  const auto book = open(world_.signed_list);
  ASSERT_TRUE(book.ok()) << book.status();
  EXPECT_EQ((*book)->digest(), world_.signed_list.digest());
  const DenominationBook::Entry* entry = (*book)->find(world_.coin.id);
  ASSERT_NE(entry, nullptr);
  ASSERT_TRUE(entry->key.has_value());
  EXPECT_EQ(entry->key->x, world_.coin.x);
  EXPECT_FALSE(entry->compromised);
  EXPECT_EQ((*book)->find(protocol::DenomId{}), nullptr);
  EXPECT_THAT((*book)->missing_keys(kWorldNow_s), ::testing::IsEmpty());
}

TEST_F(Book, ListOfAnotherMasterKeyIsRefused) {
  const auto forged = protocol::SignedDocument::sign(world_.list.encode(), world_.deposit_key);
  EXPECT_EQ(reason_of(open(forged).status()), "BAD_SIGNATURE");
}

TEST_F(Book, ListOfAnotherIssuerIsRefused) {
  secrets_.issuer_id = "issuer-b.example";
  EXPECT_EQ(reason_of(open(world_.signed_list).status()), "WRONG_ISSUER");
}

// [guard] of section 2: a key in a second denomination would let a coin name either.
TEST_F(Book, ListThatUsesAKeyAgainIsRefused) {
  protocol::DenominationList list = next();
  protocol::Denomination again = world_.coin.denomination;
  again.slot_values = {700};
  list.denominations.push_back(again);
  EXPECT_EQ(reason_of(open(sign(list)).status()), "KEY_REUSED");
}

TEST_F(Book, SuccessorThatDropsADenominationIsRefused) {
  const auto first = open(world_.signed_list);
  ASSERT_TRUE(first.ok());
  protocol::DenominationList list = next();
  list.denominations.erase(list.denominations.begin());
  EXPECT_EQ(reason_of(open(sign(list), first->get()).status()), "DENOMINATION_VANISHED");
  EXPECT_TRUE(open(sign(next()), first->get()).ok());
}

TEST_F(Book, SameNumberAgainIsNoSuccessor) {
  const auto first = open(world_.signed_list);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(reason_of(open(world_.signed_list, first->get()).status()), "LIST_NUMBER");
}

TEST_F(Book, MissingKeysAreThoseOnOffer) {
  secrets_.keys.clear();
  hold(world_.split_coin);
  const auto book = open(world_.signed_list);
  ASSERT_TRUE(book.ok()) << book.status();
  EXPECT_FALSE((*book)->find(world_.coin.id)->key.has_value());
  EXPECT_THAT((*book)->missing_keys(kWorldNow_s),
              ::testing::UnorderedElementsAre(world_.coin.id, world_.cheque.id));
  EXPECT_THAT((*book)->missing_keys(world_.coin.denomination.withdraw_until), ::testing::IsEmpty());
}

TEST_F(Book, CompromisedDenominationIsMarked) {
  protocol::DenominationList list = next();
  list.compromised = {world_.coin.id};
  const auto book = open(sign(list));
  ASSERT_TRUE(book.ok()) << book.status();
  EXPECT_TRUE((*book)->find(world_.coin.id)->compromised);
  EXPECT_FALSE((*book)->find(world_.split_coin.id)->compromised);
}

}  // namespace
}  // namespace cafe::withdrawal
