#include "services/deposit/terminals.h"

#include <gtest/gtest.h>

#include "services/deposit/testing/shop.h"

namespace cafe::deposit {
namespace {

using protocol::reason_of;
using testing::Shop;
using testing::Till;

class TerminalsTest : public ::testing::Test {
 protected:
  EnrolledTerminal enrolled(const Till& till) {
    return {till.payee_id, till.terminal_id, protocol::to_bytes(till.key.public_key().bytes()),
            till.credential.encode(), std::nullopt};
  }
  std::string open(const EnrolledTerminal& row) {
    return reason_of(open_terminal(row, shop.anchors, Shop::kIssuer).status());
  }

  Shop shop{1'800'000'000};
  Till till = shop.make_till();
};

TEST_F(TerminalsTest, CountsWithItsWholeChain) {
  const auto terminal = open_terminal(enrolled(till), shop.anchors, Shop::kIssuer);
  ASSERT_TRUE(terminal.ok()) << terminal.status();
  EXPECT_EQ(terminal->certificate.key, till.key.public_key());
}

// Whoever can write to the database cannot make a terminal.
TEST_F(TerminalsTest, DoesNotCountWithoutIt) {
  const Till other = shop.make_till(till.payee_id);
  EnrolledTerminal row = enrolled(till);
  row.key = protocol::to_bytes(other.key.public_key().bytes());
  EXPECT_EQ(open(row), "TERMINAL_CREDENTIAL_INVALID");
  row = enrolled(till);
  row.terminal_id = other.terminal_id;
  EXPECT_EQ(open(row), "TERMINAL_CREDENTIAL_INVALID");
  row = enrolled(till);
  row.payee_id.bytes[0] ^= 1;
  EXPECT_EQ(open(row), "TERMINAL_CREDENTIAL_INVALID");
  row = enrolled(till);
  row.credential.pop_back();
  EXPECT_EQ(open(row), "TERMINAL_CREDENTIAL_INVALID");
  // Signed by a key that the issuer did not certify for enrolment.
  Till forged = till;
  forged.credential.terminal = protocol::SignedDocument::sign(till.certificate.encode(), other.key);
  EXPECT_EQ(open(enrolled(forged)), "TERMINAL_CREDENTIAL_INVALID");
  forged = till;
  forged.credential.enrolment_key = shop.deposit_key.certificate;
  EXPECT_EQ(open(enrolled(forged)), "TERMINAL_CREDENTIAL_INVALID");
  EXPECT_EQ(reason_of(open_terminal(enrolled(till), shop.anchors, "issuer-b.example").status()),
            "TERMINAL_CREDENTIAL_INVALID");
}

TEST_F(TerminalsTest, AHoldersIsHerAccountKey) {
  const testing::TestHolder holder = shop.make_holder();
  EnrolledTerminal row = enrolled(holder.till);
  row.credential = holder.credential.encode();
  TerminalOpener opener(shop.anchors, std::string(Shop::kIssuer));
  for (int again = 0; again < 2; ++again) {
    const auto terminal = opener.open(row);
    ASSERT_TRUE(terminal.ok()) << terminal.status();
    EXPECT_TRUE(terminal->is_holder);
    EXPECT_EQ(terminal->certificate.key, holder.till.key.public_key());
    EXPECT_TRUE(check_terminal_at(*terminal, 0).ok()) << "it has no dates of its own";
  }
  EXPECT_FALSE(opener.open(enrolled(till))->is_holder);
  row.revoked_ms = 5000;
  EXPECT_EQ(reason_of(check_terminal_at(*opener.open(row), 5000)), "TERMINAL_REVOKED");
  // Enrolled under another payee, another holder's account, or with another key.
  EnrolledTerminal bad = row;
  bad.payee_id = till.payee_id;
  EXPECT_EQ(open(bad), "TERMINAL_CREDENTIAL_INVALID");
  bad = row;
  bad.credential = shop.make_holder().credential.encode();
  EXPECT_EQ(open(bad), "TERMINAL_CREDENTIAL_INVALID");
  bad = row;
  bad.key = protocol::to_bytes(till.key.public_key().bytes());
  EXPECT_EQ(open(bad), "TERMINAL_CREDENTIAL_INVALID");
}

TEST_F(TerminalsTest, SignsWithinItsDatesAndUntilItIsRevoked) {
  Terminal terminal{till.certificate, std::nullopt};
  const uint64_t from_ms = till.certificate.valid_from * 1000;
  const uint64_t until_ms = till.certificate.valid_until * 1000;
  EXPECT_EQ(reason_of(check_terminal_at(terminal, from_ms - 1)), "KEY_EXPIRED");
  EXPECT_TRUE(check_terminal_at(terminal, from_ms).ok());
  EXPECT_TRUE(check_terminal_at(terminal, until_ms - 1).ok());
  EXPECT_EQ(reason_of(check_terminal_at(terminal, until_ms)), "KEY_EXPIRED");
  terminal.revoked_ms = from_ms + 5;
  EXPECT_TRUE(check_terminal_at(terminal, from_ms + 4).ok());
  EXPECT_EQ(reason_of(check_terminal_at(terminal, from_ms + 5)), "TERMINAL_REVOKED");
}

// What is remembered is that a chain verifies, and nothing of the enrolment.
TEST_F(TerminalsTest, AChainThatIsKnownStillHasToFitItsRow) {
  TerminalOpener opener(shop.anchors, std::string(Shop::kIssuer));
  ASSERT_TRUE(opener.open(enrolled(till)).ok());
  ASSERT_EQ(opener.known(), 1u);
  EnrolledTerminal row = enrolled(till);
  row.revoked_ms = 5;
  EXPECT_EQ(opener.open(row)->revoked_ms, 5u);

  const Till other = shop.make_till(till.payee_id);
  row = enrolled(till);
  row.key = protocol::to_bytes(other.key.public_key().bytes());
  EXPECT_EQ(reason_of(opener.open(row).status()), "TERMINAL_CREDENTIAL_INVALID");
  row = enrolled(till);
  row.terminal_id = other.terminal_id;
  EXPECT_EQ(reason_of(opener.open(row).status()), "TERMINAL_CREDENTIAL_INVALID");
  EXPECT_EQ(opener.known(), 1u);
}

TEST_F(TerminalsTest, AChainThatDoesNotVerifyIsNeverKnown) {
  TerminalOpener opener(shop.anchors, std::string(Shop::kIssuer));
  EnrolledTerminal row = enrolled(till);
  row.credential.back() ^= 1;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(reason_of(opener.open(row).status()), "TERMINAL_CREDENTIAL_INVALID");
  }
  EXPECT_EQ(opener.known(), 0u);
}

}  // namespace
}  // namespace cafe::deposit
