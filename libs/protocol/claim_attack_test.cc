// Attacks on claims: every single alteration, by anybody and by the issuer itself.
#include <set>

#include "libs/protocol/testing/claim_fixture.h"
#include "libs/protocol/testing/leaves.h"

namespace cafe::protocol {
namespace {

using ClaimAttackTest = testing::ClaimFixture;

struct Alteration {
  std::string where;
  Bytes document;
};

// Every leaf field of a document, frames within frames: one bit flipped in its first, middle and
// last byte, or a byte added to an empty one.
std::vector<Alteration> alterations(ByteView document) {
  std::vector<Alteration> out;
  for (const testing::Leaf& leaf : testing::leaves_of(document)) {
    if (leaf.length == 0) {
      out.push_back({leaf.where, testing::replace_field(document, leaf.offset, Bytes{0})});
      continue;
    }
    for (const size_t at : {size_t{0}, leaf.length / 2, leaf.length - 1}) {
      Bytes altered = to_bytes(document);
      altered[leaf.offset + at] ^= 1;
      out.push_back({leaf.where, std::move(altered)});
    }
  }
  return out;
}

TEST_F(ClaimAttackTest, EverySingleAlteredFieldIsRefused) {
  for (const ClaimFile& file : {charged_claim(), spent_cheques_claim(), refused_claim()}) {
    const Bytes good = file.encode();
    ASSERT_EQ(verdict(file), "");
    const std::vector<Alteration> all = alterations(good);
    EXPECT_GT(all.size(), 300u);
    for (const Alteration& alteration : all) {
      ASSERT_NE(alteration.document, good) << alteration.where;
      const auto decoded = ClaimFile::decode(alteration.document);
      EXPECT_FALSE(decoded.ok() && verify_claim_file(*decoded, market_.anchors).ok())
          << alteration.where;
    }
  }
}

TEST_F(ClaimAttackTest, EveryAlteredByteIsRefused) {
  const Bytes good = charged_claim().encode();
  for (size_t at = 0; at < good.size(); at += 7) {
    Bytes altered = good;
    altered[at] ^= static_cast<uint8_t>(1 << market_.rng.below(8));
    const auto decoded = ClaimFile::decode(altered);
    EXPECT_FALSE(decoded.ok() && verify_claim_file(*decoded, market_.anchors).ok()) << at;
  }
}

TEST_F(ClaimAttackTest, TruncatedFilesAreRefused) {
  const Bytes good = charged_claim().encode();
  for (size_t length = 0; length < good.size(); length += 5) {
    EXPECT_FALSE(ClaimFile::decode(ByteView(good).first(length)).ok());
  }
}

// The issuer alters what it signed itself, and signs it again. Only dates and what the claimant's
// account did not hold are its own to say, and whether the last step is the final one.
TEST_F(ClaimAttackTest, EveryFieldThatProvesSomethingHoldsAgainstTheIssuerToo) {
  const std::set<std::string> receipts_own = {
      "claim-receipt/5",  // time
      "claim-receipt/6",  // held until
      "claim-receipt/7",  // final at
  };
  const std::set<std::string> statements_own = {
      "claim-statement/6",   // time
      "claim-statement/7",   // state
      "claim-statement/15",  // uncollected
  };
  const auto refused_but = [&](const ClaimFile& file, const std::set<std::string>& own,
                               auto document_of) {
    for (const Alteration& alteration : alterations(document_of(file).frame)) {
      ClaimFile altered = file;
      document_of(altered) = SignedDocument::sign(alteration.document, market_.recovery_key);
      const bool verifies = verify_claim_file(altered, market_.anchors).ok();
      if (!own.contains(alteration.where)) {
        EXPECT_FALSE(verifies) << alteration.where;
      }
    }
  };
  for (const ClaimFile& file : {charged_claim(), spent_cheques_claim()}) {
    refused_but(
        file, receipts_own, [](auto& f) -> auto& { return f.claim_receipt; });
    refused_but(
        file, statements_own, [](auto& f) -> auto& { return f.statements.back(); });
  }
}

// The claimant cannot make more of her claim after it was received: what the issuer signed names
// it.
TEST_F(ClaimAttackTest, TheClaimantCannotChangeWhatSheClaimed) {
  const ClaimFile file = charged_claim();
  for (const Alteration& alteration : alterations(file.claim.frame)) {
    ClaimFile altered = file;
    altered.claim = SignedDocument::sign(alteration.document, last_.identity.account_key);
    EXPECT_FALSE(verify_claim_file(altered, market_.anchors).ok()) << alteration.where;
  }
}

}  // namespace
}  // namespace cafe::protocol
