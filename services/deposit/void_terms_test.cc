#include "services/deposit/void_terms.h"

#include <gtest/gtest.h>

#include "libs/protocol/payment_answer.h"
#include "services/deposit/testing/shop.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::reason_of;
using protocol::Refusal;
using protocol::SignedDocument;
using testing::kDay_s;
using testing::Shop;
using testing::Till;

constexpr uint64_t kNow_s = 1'800'000'000;

class ReadRefusalTest : public ::testing::Test {
 protected:
  ReadRefusalTest() { terms.fill(7); }

  absl::StatusOr<ReadRefusal> read(const Bytes& refusal, const Bytes& credential,
                                   std::string_view acquirer = Shop::kIssuer) {
    return read_refusal(refusal, credential, shop.anchors, acquirer);
  }
  // The reason to refuse the till's refusal after `alter`, signed with `key`.
  template <class Alter>
  std::string reason(Alter alter, const protocol::SigningKey& key) {
    Refusal refusal = *Refusal::decode(shop.refuse(till, terms).frame);
    alter(refusal);
    return reason_of(
        read(SignedDocument::sign(refusal.encode(), key).encode(), till.credential.encode())
            .status());
  }

  Shop shop{kNow_s};
  const Till till = shop.make_till();
  protocol::Bytes32 terms;
};

TEST_F(ReadRefusalTest, IsOfTheTerminalThatSignedIt) {
  const auto refused = read(shop.refuse(till, terms).encode(), till.credential.encode());
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_EQ(refused->terms, (VoidedTerms{terms, till.payee_id, till.terminal_id}));
  EXPECT_EQ(refused->certificate.key, till.key.public_key());
  EXPECT_EQ(refused->refused_ms, kNow_s * 1000);
}

TEST_F(ReadRefusalTest, AnAccountHolderRefusesWithHerAccountKey) {
  const testing::TestHolder holder = shop.make_holder();
  const auto refused = read(shop.refuse(holder.till, terms).encode(), holder.credential.encode());
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_EQ(refused->terms.payee_id, holder.till.payee_id);
}

TEST_F(ReadRefusalTest, RefusesWithItsReason) {
  const Till other = shop.make_till(till.payee_id);
  const auto nothing = [](Refusal&) {};
  EXPECT_EQ(reason(nothing, till.key), "");
  EXPECT_EQ(reason(nothing, other.key), "BAD_SIGNATURE");
  EXPECT_EQ(reason([](Refusal& r) { r.acquirer_id = "issuer-b.example"; }, till.key),
            "WRONG_ACQUIRER");
  // Its own key, but somebody else's name.
  EXPECT_EQ(reason([&](Refusal& r) { r.terminal_id = other.terminal_id; }, till.key),
            "WRONG_TERMINAL");
  EXPECT_EQ(reason([](Refusal& r) { r.payee_id.bytes[0] ^= 1; }, till.key), "WRONG_TERMINAL");
  EXPECT_EQ(reason([](Refusal& r) { r.time_ms = (kNow_s + 181 * kDay_s) * 1000; }, till.key),
            "KEY_EXPIRED");
}

TEST_F(ReadRefusalTest, NeedsTheWholeChain) {
  const Bytes refusal = shop.refuse(till, terms).encode();
  const Till other = shop.make_till();
  EXPECT_EQ(reason_of(read(refusal, other.credential.encode()).status()), "WRONG_TERMINAL");
  Till forged = till;
  forged.credential.terminal = SignedDocument::sign(till.certificate.encode(), other.key);
  EXPECT_EQ(reason_of(read(refusal, forged.credential.encode()).status()), "BAD_SIGNATURE");
  forged = till;
  forged.credential.enrolment_key = shop.deposit_key.certificate;
  EXPECT_FALSE(read(refusal, forged.credential.encode()).ok());
  // What is no refusal: the terms themselves.
  const Bytes terms_document =
      SignedDocument::sign(shop.terms(till, 500).encode(), till.key).encode();
  EXPECT_EQ(reason_of(read(terms_document, till.credential.encode()).status()), "WRONG_LABEL");
}

// Whatever is cut off or damaged voids nothing.
TEST_F(ReadRefusalTest, ReadsStrictly) {
  const Bytes refusal = shop.refuse(till, terms).encode(), credential = till.credential.encode();
  for (size_t length = 0; length < refusal.size(); ++length) {
    EXPECT_FALSE(
        read({refusal.begin(), refusal.begin() + static_cast<ptrdiff_t>(length)}, credential).ok());
  }
  for (size_t i = 0; i < refusal.size(); ++i) {
    Bytes damaged = refusal;
    damaged[i] ^= 1;
    EXPECT_FALSE(read(damaged, credential).ok()) << i;
  }
}

}  // namespace
}  // namespace cafe::deposit
