// Who may call what, over TLS with certificates.
#include "libs/platform/testdata/certificates.h"
#include "services/withdrawal/wallet_fixture.h"

namespace cafe::withdrawal {
namespace {

namespace testdata = platform::testdata;
using protocol::reason_of;

TEST(WithdrawalCallers, MethodsForServicesAreRefusedToEveryoneElse) {
  TestIssuer issuer;
  const platform::ManualClock clock(absl::FromUnixSeconds(testing::kWorldNow_s));
  const testdata::KeyAndCertificate ca = testdata::make_ca("test");
  const auto tls_of = [&](const std::string& service) {
    return testdata::write_tls_files(
        issuer.folder(), service,
        testdata::make_certificate(ca, service, {"DNS:" + service + ".cafe.internal"}), ca);
  };
  InProcess service(issuer, clock, {}, tls_of("withdrawal"));
  Wallet wallet(issuer);
  wallet.join(service.stub());

  const auto find = [&](Stub& stub) {
    v1::FindAccountRequest request;
    request.set_identity_point(protocol::to_string(wallet.world.account.points.I_coin.bytes()));
    v1::FindAccountResponse response;
    return call([&](grpc::ClientContext* c) { return stub.FindAccount(c, request, &response); });
  };
  // Not a case: whoever may call is told so.
  const auto close = [&](Stub& stub) {
    v1::CloseAccountRequest request;
    v1::CloseAccountResponse response;
    return call([&](grpc::ClientContext* c) { return stub.CloseAccount(c, request, &response); });
  };
  const auto stop = [&](Stub& stub) {
    v1::StopDenominationRequest request;
    request.set_denom_id(protocol::to_string(issuer.split_coin.id));
    request.set_reason("test");
    v1::StopDenominationResponse response;
    return call(
        [&](grpc::ClientContext* c) { return stub.StopDenomination(c, request, &response); });
  };

  struct Case {
    std::string caller;  // empty: without a certificate
    bool finds, closes, stops;
  };
  for (const Case& c :
       {Case{"", false, false, false}, Case{"withdrawal", false, false, false},
        Case{"recovery", false, false, false}, Case{"deposit", false, false, true},
        Case{"operator", true, false, true}, Case{"doublespend", true, true, false}}) {
    platform::TlsOptions tls = tls_of(c.caller.empty() ? "nobody" : c.caller);
    if (c.caller.empty()) tls.cert = tls.key = "";
    const auto stub = service.connect(tls);
    const auto allowed = [](const absl::Status& status) {
      return reason_of(status) != "CALLER_NOT_ALLOWED" &&
             status.code() != absl::StatusCode::kUnavailable;
    };
    EXPECT_EQ(allowed(find(*stub)), c.finds) << c.caller;
    EXPECT_EQ(allowed(close(*stub)), c.closes) << c.caller;
    const std::string before = issuer.rows();
    EXPECT_EQ(allowed(stop(*stub)), c.stops) << c.caller;
    if (!c.stops) {
      EXPECT_EQ(issuer.rows(), before) << c.caller;
    }
    // Everybody may ask for the list.
    EXPECT_TRUE(call_denominations(*stub).ok()) << c.caller;
  }
  EXPECT_EQ(issuer.count("withdrawal.denomination_stop WHERE stopped_by = 'deposit'"), 1);
}

}  // namespace
}  // namespace cafe::withdrawal
