#include "libs/platform/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "libs/platform/client.h"
#include "libs/platform/error.h"
#include "libs/platform/log.h"
#include "libs/platform/server.h"
#include "libs/platform/testdata/certificates.h"
#include "libs/platform/testdata/echo_service.h"

namespace cafe::platform {
namespace {

using testdata::Echo;
using testdata::EchoRequest;
using testdata::EchoResponse;
using testdata::KeyAndCertificate;
using testdata::make_ca;
using testdata::make_certificate;
using testdata::write_tls_files;
using ::testing::HasSubstr;

// A doublespend service over TLS, and clients of all kinds.
class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    options_.service = "doublespend";
    options_.listen = "127.0.0.1:0";
    options_.tls = files("server", ca_, {"DNS:doublespend.cafe.internal"});
    host_ = std::make_unique<ServiceHost>(options_, clock_);
    host_->serve(std::make_unique<testdata::EchoService>(host_->runtime()));
    const absl::Status status = host_->start();
    EXPECT_TRUE(status.ok()) << status;
  }

  TlsOptions files(const std::string& name, const KeyAndCertificate& ca,
                   const std::vector<std::string>& names) {
    TlsOptions tls = write_tls_files(folder_.path(), name, make_certificate(ca, name, names), ca_);
    return tls;
  }

  absl::Status call(const TlsOptions& tls, const std::string& action,
                    const std::string& service = "doublespend") {
    const auto channel = connect("127.0.0.1:" + std::to_string(host_->grpc_port()), service, tls);
    if (!channel.ok()) {
      return channel.status();
    }
    EchoRequest request;
    request.set_action(action);
    return call_unary({.timeout = absl::Seconds(10)}, [&](grpc::ClientContext* context) {
      return Echo::NewStub(*channel)->Do(context, request, &response_);
    });
  }

  LogCapture quiet_{[](const std::string&) {}};
  testdata::TemporaryFolder folder_;
  KeyAndCertificate ca_ = make_ca("CAFE test CA");
  KeyAndCertificate other_ca_ = make_ca("Another CA");
  SystemClock clock_;
  ServiceOptions options_;
  std::unique_ptr<ServiceHost> host_;
  EchoResponse response_;
};

TEST_F(TlsTest, ServiceIsKnownByItsCertificate) {
  const TlsOptions deposit = files("client", ca_, {"DNS:deposit.cafe.internal"});
  EXPECT_TRUE(call(deposit, "whoami").ok());
  EXPECT_THAT(response_.text(), ::testing::StartsWith("deposit "));
  EXPECT_TRUE(call(deposit, "guarded").ok());
}

TEST_F(TlsTest, AnotherServiceMayNotCallAGuardedMethod) {
  const TlsOptions recovery = files("client", ca_, {"DNS:recovery.cafe.internal"});
  const absl::Status status = call(recovery, "guarded");
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_EQ(reason_of(status), "CALLER_NOT_ALLOWED");
}

TEST_F(TlsTest, OnlyNamesOfTypeDnsCount) {
  // The common name and other kinds of names say "deposit" too.
  const TlsOptions posing = write_tls_files(
      folder_.path(), "posing",
      make_certificate(ca_, "deposit.cafe.internal",
                       {"URI:deposit.cafe.internal", "email:x@deposit.cafe.internal"}),
      ca_);
  EXPECT_TRUE(call(posing, "echo").ok());
  EXPECT_EQ(reason_of(call(posing, "guarded")), "CALLER_NOT_ALLOWED");
}

TEST_F(TlsTest, WalletWithoutCertificateIsAnonymous) {
  TlsOptions wallet = files("wallet", ca_, {});
  wallet.cert.clear();
  wallet.key.clear();
  EXPECT_TRUE(call(wallet, "whoami").ok());
  EXPECT_THAT(response_.text(), ::testing::StartsWith(" "));
  EXPECT_EQ(reason_of(call(wallet, "guarded")), "CALLER_NOT_ALLOWED");
}

TEST_F(TlsTest, CertificateOfAnotherCaIsRefused) {
  const TlsOptions forged = files("forged", other_ca_, {"DNS:deposit.cafe.internal"});
  const absl::Status status = call(forged, "echo");
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST_F(TlsTest, ServerMustHaveTheNameTheClientWants) {
  const TlsOptions deposit = files("client", ca_, {"DNS:deposit.cafe.internal"});
  EXPECT_TRUE(absl::IsUnavailable(call(deposit, "echo", "withdrawal")));
}

TEST_F(TlsTest, ServerOfAnotherCaIsRefused) {
  TlsOptions wallet =
      write_tls_files(folder_.path(), "w", make_certificate(ca_, "w", {}), other_ca_);
  wallet.cert.clear();
  wallet.key.clear();
  EXPECT_TRUE(absl::IsUnavailable(call(wallet, "echo")));
}

TEST_F(TlsTest, PlaintextIsRefused) {
  EXPECT_TRUE(absl::IsUnavailable(call({.insecure = true}, "echo")));
}

TEST_F(TlsTest, BadFilesAreNamedAtTheStart) {
  const TlsOptions good = files("good", ca_, {"DNS:deposit.cafe.internal"});
  const TlsOptions other = files("other", ca_, {"DNS:deposit.cafe.internal"});
  const std::string junk = folder_.write("junk.pem", "junk");
  struct Case {
    TlsOptions tls;
    std::string in_message;
  };
  for (const Case& c : {
           Case{{.cert = "/nowhere", .key = good.key, .ca = good.ca},
                "--tls-cert: cannot read '/nowhere'"},
           Case{{.cert = junk, .key = good.key, .ca = good.ca}, "--tls-cert: '" + junk},
           Case{{.cert = good.cert, .key = junk, .ca = good.ca}, "--tls-key: '" + junk},
           Case{{.cert = good.cert, .key = other.key, .ca = good.ca}, "is not the key of"},
           Case{{.cert = good.cert, .key = good.key, .ca = junk}, "--tls-ca: '" + junk},
       }) {
    for (const absl::Status& status :
         {server_credentials(c.tls).status(), channel_credentials(c.tls).status()}) {
      EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr(c.in_message));
    }
  }
}

}  // namespace
}  // namespace cafe::platform
