// Who may call what, over TLS with certificates.
#include "libs/platform/testdata/certificates.h"
#include "services/withdrawal/loss_fixture.h"

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
  Wallet wallet(issuer), lost(issuer);
  wallet.join(service.stub());
  lost.join(service.stub());

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
    bool finds, closes, stops, acts, reads;
  };
  for (const Case& c : {Case{"", false, false, false, false, false},
                        Case{"withdrawal", false, false, false, false, false},
                        Case{"recovery", false, false, false, false, true},
                        Case{"deposit", false, false, true, false, false},
                        Case{"doublespend", true, true, false, false, false},
                        Case{"operator", true, false, true, true, true}}) {
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
    EXPECT_EQ(allowed(call_account(*stub, wallet.account()).status()), c.reads) << c.caller;
    EXPECT_EQ(allowed(call_orders(*stub, wallet.account(), 0, 1).status()), c.reads) << c.caller;
    EXPECT_EQ(allowed(call_loads(*stub, wallet.account(), 0, 1).status()), c.reads) << c.caller;
    const std::string unacted = issuer.rows();
    EXPECT_EQ(allowed(call_report(*stub, lost.account()).status()), c.acts) << c.caller;
    EXPECT_EQ(allowed(call_replace(*stub, lost.account(), wallet.account()).status()), c.acts)
        << c.caller;
    if (!c.acts) {
      EXPECT_EQ(issuer.rows(), unacted) << c.caller;
    }
    // Everybody may ask for the list.
    EXPECT_TRUE(call_denominations(*stub).ok()) << c.caller;
  }
  EXPECT_EQ(issuer.count("withdrawal.denomination_stop WHERE stopped_by = 'deposit'"), 1);
  EXPECT_EQ(issuer.count("withdrawal.operator_act WHERE asked_by = 'operator'"), 2);
}

}  // namespace
}  // namespace cafe::withdrawal
