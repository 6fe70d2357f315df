#include "libs/protocol/credentials.h"

#include <gtest/gtest.h>

#include "libs/protocol/testing/world.h"

namespace cafe::protocol {
namespace {

using cafe::testing::kWorldNow_s;
using cafe::testing::World;

class CredentialsTest : public ::testing::Test {
 protected:
  World world{"credentials"};

  std::string open_key(const SignedDocument& document, std::string_view purpose,
                       std::optional<uint64_t> at_s = kWorldNow_s) const {
    return reason_of(open_key_certificate(document, world.anchors, purpose, at_s).status());
  }
  std::string open_terminal(const TerminalCredential& credential,
                            std::optional<uint64_t> at_s = kWorldNow_s) const {
    return reason_of(credential.open(world.anchors, at_s).status());
  }
};

TEST_F(CredentialsTest, a_key_serves_its_purpose_only) {
  const SignedDocument* certificates[] = {&world.withdrawal_certificate, &world.deposit_certificate,
                                          &world.coinstore_certificate,
                                          &world.enrolment_certificate};
  const std::string_view purposes[] = {kPurposeWithdrawal, kPurposeDeposit, kPurposeCoinstore,
                                       kPurposeEnrolment};
  for (size_t have = 0; have < 4; ++have) {
    for (size_t want = 0; want < 4; ++want) {
      EXPECT_EQ(open_key(*certificates[have], purposes[want]), have == want ? "" : "WRONG_PURPOSE");
    }
  }
}

TEST_F(CredentialsTest, a_key_serves_within_its_dates_only) {
  const KeyCertificate certificate =
      KeyCertificate::decode(world.deposit_certificate.frame).value();
  const uint64_t from = certificate.valid_from;
  const uint64_t until = certificate.valid_until;
  EXPECT_EQ(open_key(world.deposit_certificate, kPurposeDeposit, from), "");
  EXPECT_EQ(open_key(world.deposit_certificate, kPurposeDeposit, until - 1), "");
  EXPECT_EQ(open_key(world.deposit_certificate, kPurposeDeposit, from - 1), "KEY_EXPIRED");
  EXPECT_EQ(open_key(world.deposit_certificate, kPurposeDeposit, until), "KEY_EXPIRED");
  EXPECT_EQ(open_key(world.deposit_certificate, kPurposeDeposit, std::nullopt), "")
      << "a court looks at old evidence";
}

TEST_F(CredentialsTest, a_certificate_needs_its_issuers_master_key) {
  KeyCertificate certificate = KeyCertificate::decode(world.deposit_certificate.frame).value();
  EXPECT_EQ(
      open_key(SignedDocument::sign(certificate.encode(), world.deposit_key), kPurposeDeposit),
      "BAD_SIGNATURE");
  certificate.issuer_id = "issuer-b.example";
  EXPECT_EQ(open_key(SignedDocument::sign(certificate.encode(), world.master_key), kPurposeDeposit),
            "UNKNOWN_ISSUER");
  // The label keeps documents apart: a list under the same key is no certificate.
  EXPECT_EQ(open_key(world.signed_list, kPurposeDeposit), "WRONG_LABEL");
}

TEST_F(CredentialsTest, a_terminals_chain_is_followed_to_the_master_key) {
  const TerminalCertificate opened =
      world.terminal_credential.open(world.anchors, kWorldNow_s).value();
  EXPECT_EQ(opened.key, world.terminal_key.public_key());
  EXPECT_EQ(opened.payee_id, world.terminal.payee_id);
  EXPECT_EQ(open_terminal(world.terminal_credential, world.terminal.valid_until), "KEY_EXPIRED");
  EXPECT_EQ(open_terminal(world.terminal_credential, std::nullopt), "");

  TerminalCredential bad = world.terminal_credential;
  bad.enrolment_key = world.deposit_certificate;
  EXPECT_EQ(open_terminal(bad), "WRONG_PURPOSE");
  bad = world.terminal_credential;
  bad.terminal = SignedDocument::sign(world.terminal.encode(), world.terminal_key);
  EXPECT_EQ(open_terminal(bad), "BAD_SIGNATURE");

  TerminalCertificate expired = world.terminal;
  expired.valid_until = kWorldNow_s;
  bad.terminal = SignedDocument::sign(expired.encode(), world.enrolment_key);
  EXPECT_EQ(open_terminal(bad), "KEY_EXPIRED");
}

TEST_F(CredentialsTest, an_acquirer_enrols_its_own_terminals_only) {
  TerminalCertificate foreign = world.terminal;
  foreign.acquirer_id = "issuer-b.example";
  world.anchors.master_keys.emplace(foreign.acquirer_id, world.deposit_key.public_key());
  TerminalCredential bad = world.terminal_credential;
  bad.terminal = SignedDocument::sign(foreign.encode(), world.enrolment_key);
  EXPECT_EQ(open_terminal(bad), "WRONG_ACQUIRER");
}

TEST_F(CredentialsTest, a_guardian_needs_a_known_manufacturer) {
  const GuardianCertificate certificate{Serial{}, g1(), g2()};
  EXPECT_TRUE(open_guardian_certificate(
                  SignedDocument::sign(certificate.encode(), world.manufacturer_key), world.anchors)
                  .ok());
  EXPECT_EQ(
      reason_of(open_guardian_certificate(
                    SignedDocument::sign(certificate.encode(), world.master_key), world.anchors)
                    .status()),
      "UNKNOWN_MANUFACTURER");
  // One of several manufacturers is enough.
  world.anchors.manufacturer_keys.push_back(world.master_key.public_key());
  EXPECT_TRUE(open_guardian_certificate(
                  SignedDocument::sign(certificate.encode(), world.master_key), world.anchors)
                  .ok());
}

}  // namespace
}  // namespace cafe::protocol
