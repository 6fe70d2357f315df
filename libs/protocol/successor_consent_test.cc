#include "libs/protocol/successor_consent.h"

#include <gtest/gtest.h>

#include "libs/protocol/status.h"
#include "libs/protocol/testing/recovery_samples.h"

namespace cafe::protocol {
namespace {

class SuccessorConsentTest : public ::testing::Test {
 protected:
  Bytes sign_with(const testing::WorldWallet& wallet, const Replacement& replacement) const {
    return to_bytes(wallet.identity.account_key.sign(replacement.encode()));
  }
  absl::Status check(const Bytes& consent) const {
    return check_consent(document_, consent, samples_.successor.identity.account_key.public_key());
  }
  void unwilling(const Bytes& consent, const char* what) const {
    const absl::Status status = check(consent);
    EXPECT_EQ(reason_of(status), "SUCCESSOR_UNWILLING") << what;
    EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << what;
  }

  testing::World world_{"successor consent"};
  testing::RecoverySamples samples_{world_};
  SignedDocument document_ =
      SignedDocument::sign(samples_.replacement.encode(), samples_.lost.identity.account_key);
};

TEST_F(SuccessorConsentTest, IsTheSuccessorsSignatureOfThisReplacement) {
  const Bytes consent = sign_with(samples_.successor, samples_.replacement);
  EXPECT_TRUE(check(consent).ok()) << check(consent);
  unwilling({}, "nothing");
  unwilling(sign_with(samples_.lost, samples_.replacement), "the lost account's");
  unwilling(
      SignedDocument::sign(samples_.replacement.encode(), samples_.successor.identity.account_key)
          .encode(),
      "a whole document");
  Replacement other = samples_.replacement;
  ++other.time_ms;
  unwilling(sign_with(samples_.successor, other), "of another time");
  other = samples_.replacement;
  other.lost = AccountId{};
  unwilling(sign_with(samples_.successor, other), "of another lost account");
  other = samples_.replacement;
  other.issuer_id += ".elsewhere";
  unwilling(sign_with(samples_.successor, other), "at another issuer");
}

TEST_F(SuccessorConsentTest, NoByteOfItCanBeAltered) {
  const Bytes consent = sign_with(samples_.successor, samples_.replacement);
  for (size_t at = 0; at < consent.size(); ++at) {
    Bytes altered = consent;
    altered[at] ^= 0x10;
    unwilling(altered, "altered");
    unwilling({consent.begin(), consent.begin() + static_cast<ptrdiff_t>(at)}, "cut off");
  }
  Bytes longer = consent;
  longer.push_back(0);
  unwilling(longer, "longer");
}

}  // namespace
}  // namespace cafe::protocol
