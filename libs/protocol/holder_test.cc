// What an account holder can show, and what nobody can show in her place.
#include "libs/protocol/holder.h"

#include "gtest/gtest.h"
#include "libs/protocol/testing/world.h"

namespace cafe::protocol {
namespace {

using testing::World;
using testing::WorldWallet;

class HolderTest : public ::testing::Test {
 protected:
  Identification identify(const WorldWallet& as, const WorldWallet& by, const Bytes32& terms) {
    return Identification::make(world_.credential_of(as), World::kIssuer, as.account.account, terms,
                                by.identity.account_key);
  }
  std::string reason(const Identification& identification, const Bytes32& terms,
                     std::string_view issuer = World::kIssuer) {
    return reason_of(check_identification(identification, issuer, terms, world_.anchors).status());
  }

  World world_{"holder"};
  WorldWallet alice_ = world_.make_wallet();
  WorldWallet bob_ = world_.make_wallet();
  const Bytes32 terms_ = Bytes32{1};
};

TEST_F(HolderTest, ACredentialNamesAccountAndKey) {
  const HolderCredential credential = world_.credential_of(alice_);
  const auto decoded = HolderCredential::decode(credential.encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, credential);
  const auto registered = decoded->open(world_.anchors);
  ASSERT_TRUE(registered.ok()) << registered.status();
  EXPECT_EQ(registered->account, alice_.account.account);
  EXPECT_EQ(registered->K, alice_.identity.account_key.public_key());
}

TEST_F(HolderTest, AReceiptThatTheIssuerDidNotSignIsNoCredential) {
  HolderCredential forged = world_.credential_of(alice_);
  RegistrationReceipt receipt = world_.receipt_of(alice_);
  receipt.K = bob_.identity.account_key.public_key();
  forged.receipt = SignedDocument::sign(receipt.encode(), bob_.identity.account_key);
  EXPECT_EQ(reason_of(forged.open(world_.anchors).status()), "BAD_SIGNATURE");
  // A key that the issuer certified for something else.
  forged = {world_.deposit_certificate,
            SignedDocument::sign(world_.receipt_of(alice_).encode(), world_.deposit_key)};
  EXPECT_EQ(reason_of(forged.open(world_.anchors).status()), "WRONG_PURPOSE");
  // Registered when the key was not valid.
  receipt = world_.receipt_of(alice_);
  receipt.time_s += 10 * 365 * testing::kDay_s;
  forged = {world_.withdrawal_certificate,
            SignedDocument::sign(receipt.encode(), world_.withdrawal_key)};
  EXPECT_EQ(reason_of(forged.open(world_.anchors).status()), "KEY_EXPIRED");
  EXPECT_EQ(reason_of(world_.credential_of(alice_).open({}).status()), "UNKNOWN_ISSUER");
}

TEST_F(HolderTest, AnIdentificationIsOfOnePayerForOnePayment) {
  const Identification good = identify(alice_, alice_, terms_);
  const auto account = check_identification(good, World::kIssuer, terms_, world_.anchors);
  ASSERT_TRUE(account.ok()) << account.status();
  EXPECT_EQ(*account, alice_.account.account);
  EXPECT_EQ(reason(good, Bytes32{2}), "WRONG_TERMS");
  EXPECT_EQ(reason(good, terms_, "issuer-b.example"), "WRONG_ISSUER");
  // Bob names Alice.
  EXPECT_EQ(reason(identify(alice_, bob_, terms_), terms_), "BAD_SIGNATURE");
  // Bob shows what Alice signed with his own credential.
  EXPECT_EQ(reason({world_.credential_of(bob_), good.statement}, terms_), "WRONG_TERMS");
}

TEST_F(HolderTest, IdsAsAPayeeFollowFromTheAccountAlone) {
  const AccountId &alice = alice_.account.account, &bob = bob_.account.account;
  EXPECT_EQ(holder_payee_id(alice), holder_payee_id(alice));
  EXPECT_NE(holder_payee_id(alice), holder_payee_id(bob));
  EXPECT_NE(holder_terminal_id(alice), holder_terminal_id(bob));
  EXPECT_NE(holder_payee_id(alice).bytes, holder_terminal_id(alice).bytes);
}

}  // namespace
}  // namespace cafe::protocol
