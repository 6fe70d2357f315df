#include "libs/platform/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "health.grpc.pb.h"
#include "libs/platform/client.h"
#include "libs/platform/log.h"
#include "libs/platform/testdata/certificates.h"
#include "libs/platform/testdata/echo_service.h"

namespace cafe::platform {
namespace {

namespace health = ::grpc::health::v1;

class ServiceHostTest : public ::testing::Test {
 protected:
  ServiceHostTest() {
    options_.service = "echo";
    options_.listen = "127.0.0.1:0";
    options_.metrics_listen = "127.0.0.1:0";
    options_.port_file = folder_.file("ports.json");
    options_.tls.insecure = true;
  }

  std::shared_ptr<grpc::Channel> channel(const ServiceHost& host) {
    return *connect("127.0.0.1:" + std::to_string(host.grpc_port()), "echo", {.insecure = true});
  }

  LogCapture quiet_{[](const std::string&) {}};
  testdata::TemporaryFolder folder_;
  SystemClock clock_;
  ServiceOptions options_;
};

TEST_F(ServiceHostTest, HealthSaysServingOnlyWhenReady) {
  ServiceHost host(options_, clock_);
  ASSERT_TRUE(host.start().ok());
  const auto stub = health::Health::NewStub(channel(host));
  const auto status = [&] {
    health::HealthCheckResponse response;
    EXPECT_TRUE(call_unary({.timeout = absl::Seconds(10)}, [&](grpc::ClientContext* context) {
                  return stub->Check(context, {}, &response);
                }).ok());
    return response.status();
  };
  EXPECT_EQ(status(), health::HealthCheckResponse::NOT_SERVING);
  host.set_ready(true);
  EXPECT_EQ(status(), health::HealthCheckResponse::SERVING);
  host.set_ready(false);
  EXPECT_EQ(status(), health::HealthCheckResponse::NOT_SERVING);
}

TEST_F(ServiceHostTest, PortFileHoldsBothPortsAndNothingElseIsLeft) {
  ServiceHost host(options_, clock_);
  ASSERT_TRUE(host.start().ok());
  ASSERT_TRUE(host.write_port_file().ok());
  std::ifstream file(options_.port_file);
  const std::string content(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(content, "{\"grpc\":" + std::to_string(host.grpc_port()) +
                         ",\"metrics\":" + std::to_string(host.metrics_port()) + "}\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);

  options_.port_file = "/nowhere/ports.json";
  EXPECT_TRUE(absl::IsUnavailable(host.write_port_file()));
}

TEST_F(ServiceHostTest, PartsEndInReverseOrderAfterTheDrain) {
  struct Part {
    Part(std::vector<int>& log, int number) : log(log), number(number) {}
    ~Part() { log.push_back(number); }
    std::vector<int>& log;
    int number;
  };
  std::vector<int> ended;
  {
    ServiceHost host(options_, clock_);
    host.own(std::make_unique<Part>(ended, 1));
    host.own(std::make_unique<Part>(ended, 2));
    ASSERT_TRUE(host.start().ok());
    host.drain(absl::Seconds(1));
    host.drain(absl::Seconds(1));
    EXPECT_TRUE(ended.empty());
  }
  EXPECT_THAT(ended, ::testing::ElementsAre(2, 1));
}

TEST_F(ServiceHostTest, MessagesUpToEightMebibytesPass) {
  ServiceHost host(options_, clock_);
  host.serve(std::make_unique<testdata::EchoService>(host.runtime()));
  ASSERT_TRUE(host.start().ok());
  const auto stub = testdata::Echo::NewStub(channel(host));
  const auto send = [&](size_t bytes) {
    testdata::EchoRequest request;
    request.set_text(std::string(bytes, 'x'));
    testdata::EchoResponse response;
    return call_unary({.timeout = absl::Seconds(20)}, [&](grpc::ClientContext* context) {
      return stub->Do(context, request, &response);
    });
  };
  EXPECT_TRUE(send(kMaxMessageBytes - 1024).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(send(kMaxMessageBytes + 1)));
}

TEST_F(ServiceHostTest, BadCertificatesAreSaidAtTheStart) {
  options_.tls = {.cert = "/nowhere", .key = "/nowhere", .ca = "/nowhere"};
  ServiceHost host(options_, clock_);
  EXPECT_TRUE(absl::IsInvalidArgument(host.start()));
}

}  // namespace
}  // namespace cafe::platform
