// Who may call which method, by certificates.
#include "libs/platform/client.h"
#include "libs/platform/testdata/certificates.h"
#include "services/doublespend/testing/service_fixture.h"

namespace cafe::doublespend::testing {
namespace {

using Stub = v1::DoubleSpend::Stub;

class CallerTest : public ServiceFixture {
 protected:
  CallerTest() {
    options_.tls = identity_of("doublespend");
    start();
  }
  platform::TlsOptions identity_of(const std::string& service) {
    return platform::testdata::write_tls_files(
        folder_.path(), service,
        platform::testdata::make_certificate(ca_, service,
                                             {"DNS:" + platform::service_dns_name(service)}),
        ca_);
  }
  // Calls as a service, or as nobody in particular.
  void become(const std::string& service) {
    platform::TlsOptions tls = options_.tls;
    tls.cert.clear();
    tls.key.clear();
    if (!service.empty()) tls = identity_of(service);
    const auto channel =
        platform::connect("127.0.0.1:" + std::to_string(host_->grpc_port()), "doublespend", tls);
    ASSERT_TRUE(channel.ok()) << channel.status();
    stub_ = v1::DoubleSpend::NewStub(*channel);
  }
  template <typename Request, typename Response>
  bool may_call(Method<Request, Response> method) {
    Response response;
    const Called called = call(method, Request(), response);
    if (called.reason() == "CALLER_NOT_ALLOWED") return false;
    // The empty request got as far as being read; of a look-up by prefix it is a right one.
    EXPECT_TRUE(called.ok() || called.status.code() == absl::StatusCode::kInvalidArgument ||
                called.status.code() == absl::StatusCode::kNotFound)
        << called.status;
    return true;
  }

  const platform::testdata::KeyAndCertificate ca_ = platform::testdata::make_ca("test ca");
};

TEST_F(CallerTest, EachMethodChecksTheCallersCertificate) {
  const struct {
    const char* caller;
    bool records, reads_cases, claims, locates;
  } cases[] = {
      {"", false, false, false, false},
      {"deposit", true, true, false, false},
      {"settlement", true, false, false, false},
      {"operator", false, true, false, true},
      {"withdrawal", false, false, false, false},
      {"recovery", false, false, true, true},
      {"doublespend", false, false, false, false},
  };
  for (const auto& c : cases) {
    become(c.caller);
    EXPECT_EQ(may_call(&Stub::Record), c.records) << c.caller;
    EXPECT_EQ(may_call(&Stub::Reserve), c.records) << c.caller;
    EXPECT_EQ(may_call(&Stub::GetCase), c.reads_cases) << c.caller;
    EXPECT_EQ(may_call(&Stub::ListCases), c.reads_cases) << c.caller;
    EXPECT_EQ(may_call(&Stub::MarkClaimed), c.claims) << c.caller;
    EXPECT_EQ(may_call(&Stub::Locate), c.locates) << c.caller;
    EXPECT_TRUE(may_call(&Stub::Lookup)) << c.caller;
    EXPECT_TRUE(may_call(&Stub::LookupPrefix)) << c.caller;
  }
}

}  // namespace
}  // namespace cafe::doublespend::testing
