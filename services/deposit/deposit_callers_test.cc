// Who may call what, over TLS.
#include "libs/platform/client.h"
#include "libs/platform/log.h"
#include "libs/platform/testdata/certificates.h"
#include "services/deposit/testing/back_end.h"

namespace cafe::deposit {
namespace {

namespace testdata = platform::testdata;
using protocol::reason_of;
using testing::BackEnd;

constexpr uint64_t kNow_s = 1'800'000'000;

class DepositCallersTest : public ::testing::Test {
 protected:
  DepositCallersTest() {
    EXPECT_TRUE(set_up(host, back_end.options()).ok());
    EXPECT_TRUE(host.start().ok());
  }
  platform::TlsOptions tls_of(const std::string& name) {
    return testdata::write_tls_files(
        files.path(), name,
        testdata::make_certificate(ca, name, {"DNS:" + name + ".cafe.internal"}), ca);
  }
  template <class Request, class Response>
  using Method = grpc::Status (v1::Deposit::Stub::*)(grpc::ClientContext*, const Request&,
                                                     Response*);
  template <class Request, class Response>
  std::string reason(const platform::TlsOptions& tls, Method<Request, Response> method,
                     const Request& request) {
    const auto channel =
        platform::connect("127.0.0.1:" + std::to_string(host.grpc_port()), "deposit", tls);
    EXPECT_TRUE(channel.ok()) << channel.status();
    const auto stub = v1::Deposit::NewStub(*channel);
    return reason_of(
        platform::call_unary({.timeout = absl::Seconds(10)}, [&](grpc::ClientContext* context) {
          Response response;
          return (stub.get()->*method)(context, request, &response);
        }));
  }
  std::string get_payment(const platform::TlsOptions& tls) {
    v1::GetPaymentRequest request;
    request.set_batch(1);
    return reason(tls, &v1::Deposit::Stub::GetPayment, request);
  }
  std::string void_terms(const platform::TlsOptions& tls) {
    return reason(tls, &v1::Deposit::Stub::VoidTerms, v1::VoidTermsRequest());
  }
  std::string locate_cheques(const platform::TlsOptions& tls) {
    return reason(tls, &v1::Deposit::Stub::LocateCheques, v1::LocateRequest());
  }
  platform::TlsOptions tls_of_nobody() {
    platform::TlsOptions nobody = tls_of("nobody");
    nobody.cert.clear();
    nobody.key.clear();
    return nobody;
  }

  platform::LogCapture quiet{[](const std::string&) {}};
  testdata::TemporaryFolder files;
  const testdata::KeyAndCertificate ca = testdata::make_ca("test CA");
  platform::SystemClock clock;
  BackEnd back_end{kNow_s};
  const platform::ServiceOptions service = [this] {
    platform::ServiceOptions options = back_end.service_options();
    options.tls = tls_of("deposit");
    return options;
  }();
  platform::ServiceHost host{service, clock};
};

TEST_F(DepositCallersTest, PaymentsAreGivenToDoublespendRecoveryAndTheOperatorOnly) {
  for (const char* caller : {"doublespend", "recovery", "operator"}) {
    EXPECT_EQ(get_payment(tls_of(caller)), "UNKNOWN_BATCH") << caller;
  }
  EXPECT_EQ(get_payment(tls_of("withdrawal")), "CALLER_NOT_ALLOWED");
  EXPECT_EQ(get_payment(tls_of_nobody()), "CALLER_NOT_ALLOWED");
}

TEST_F(DepositCallersTest, ChequesAreLocatedForRecoveryAndTheOperatorOnly) {
  for (const char* caller : {"recovery", "operator"}) {
    EXPECT_EQ(locate_cheques(tls_of(caller)), "COIN_COUNT") << caller;
  }
  for (const char* caller : {"doublespend", "withdrawal"}) {
    EXPECT_EQ(locate_cheques(tls_of(caller)), "CALLER_NOT_ALLOWED") << caller;
  }
  EXPECT_EQ(locate_cheques(tls_of_nobody()), "CALLER_NOT_ALLOWED");
}

TEST_F(DepositCallersTest, TermsAreVoidedForRecoveryOnly) {
  EXPECT_EQ(void_terms(tls_of("recovery")), "TRUNCATED");
  for (const char* caller : {"doublespend", "withdrawal", "operator"}) {
    EXPECT_EQ(void_terms(tls_of(caller)), "CALLER_NOT_ALLOWED") << caller;
  }
  EXPECT_EQ(void_terms(tls_of_nobody()), "CALLER_NOT_ALLOWED");
}

}  // namespace
}  // namespace cafe::deposit
