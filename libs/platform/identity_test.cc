#include "libs/platform/identity.h"

#include <gtest/gtest.h>

#include "libs/platform/error.h"

namespace cafe::platform {
namespace {

TEST(Identity, OneLabelUnderTheDomainNamesAService) {
  EXPECT_EQ(service_of_dns_name(service_dns_name("deposit")), "deposit");
  for (const char* other :
       {"", "deposit", ".cafe.internal", "a.deposit.cafe.internal",
        "deposit.cafe.internal.evil.org", "*.cafe.internal", "Deposit.cafe.internal",
        "deposit.cafe.internal.", "x@y.cafe.internal", "depositcafe.internal"}) {
    EXPECT_EQ(service_of_dns_name(other), "") << other;
  }
}

TEST(Identity, TwoServicesInOneCertificateAreNone) {
  EXPECT_EQ(identity_of({"localhost", "deposit.cafe.internal"}).service, "deposit");
  EXPECT_EQ(identity_of({"deposit.cafe.internal", "deposit.cafe.internal"}).service, "deposit");
  EXPECT_TRUE(identity_of({"deposit.cafe.internal", "operator.cafe.internal"}).anonymous());
  EXPECT_TRUE(identity_of({"localhost"}).anonymous());
  EXPECT_TRUE(identity_of({}).anonymous());
}

TEST(Identity, RequireCallerLetsOnlyTheNamedThrough) {
  const PeerIdentity deposit = identity_of({"deposit.cafe.internal"});
  EXPECT_TRUE(require_caller(deposit, {"operator", "deposit"}).ok());
  const absl::Status wrong = require_caller(deposit, {"operator", "recovery"});
  EXPECT_TRUE(absl::IsPermissionDenied(wrong));
  EXPECT_EQ(reason_of(wrong), "CALLER_NOT_ALLOWED");
  EXPECT_TRUE(absl::IsPermissionDenied(require_caller(PeerIdentity{}, {"operator"})));
  EXPECT_TRUE(absl::IsPermissionDenied(require_caller(PeerIdentity{}, {""})));
  EXPECT_TRUE(absl::IsPermissionDenied(require_caller(deposit, {})));
  EXPECT_TRUE(require_caller(PeerIdentity{.insecure = true}, {"operator"}).ok());
}

}  // namespace
}  // namespace cafe::platform
