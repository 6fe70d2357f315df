#include "libs/platform/metrics.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace cafe::platform {
namespace {

using ::testing::HasSubstr;

std::string http_get(int port, const std::string& path) {
  const int connection = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
  EXPECT_EQ(::write(connection, request.data(), request.size()),
            static_cast<ssize_t>(request.size()));
  std::string response;
  char part[4096];
  for (ssize_t length; (length = ::read(connection, part, sizeof(part))) > 0;) {
    response.append(part, static_cast<size_t>(length));
  }
  ::close(connection);
  return response;
}

TEST(Metrics, SameNameAndLabelsAreOneSeries) {
  Metrics metrics("deposit");
  Counter& first = metrics.counter("cafe_x_total", "X.", {{"kind", "coin"}});
  Counter& again = metrics.counter("cafe_x_total", "X.", {{"kind", "coin"}});
  Counter& other = metrics.counter("cafe_x_total", "X.", {{"kind", "cheque"}});
  EXPECT_EQ(&first, &again);
  EXPECT_NE(&first, &other);
  first.Increment();
  EXPECT_THAT(metrics.expose(), HasSubstr("cafe_x_total{service=\"deposit\",kind=\"coin\"} 1"));
}

TEST(Metrics, MethodSeriesCountByCode) {
  Metrics metrics("deposit");
  RpcMetrics rpc(metrics);
  EXPECT_EQ(&rpc.of("Deposit/Submit"), &rpc.of("Deposit/Submit"));
  MethodMetrics& method = rpc.of("Deposit/Submit");
  method.started();
  EXPECT_THAT(metrics.expose(),
              HasSubstr("cafe_rpc_in_flight{service=\"deposit\",method=\"Deposit/Submit\"} 1"));
  method.finished(absl::StatusCode::kOk, absl::Milliseconds(2));
  for (int i = 0; i < 2; ++i) {
    method.started();
    method.finished(absl::StatusCode::kAborted, absl::Milliseconds(2));
  }
  const std::string page = metrics.expose();
  EXPECT_THAT(page,
              HasSubstr("cafe_rpc_in_flight{service=\"deposit\",method=\"Deposit/Submit\"} 0"));
  EXPECT_THAT(
      page,
      HasSubstr(
          "cafe_rpc_handled_total{service=\"deposit\",code=\"OK\",method=\"Deposit/Submit\"} 1"));
  EXPECT_THAT(page, HasSubstr("code=\"ABORTED\",method=\"Deposit/Submit\"} 2"));
  EXPECT_THAT(page, HasSubstr("cafe_rpc_duration_seconds_bucket{service=\"deposit\",method="
                              "\"Deposit/Submit\",le=\"0.001\"} 0"));
  EXPECT_THAT(page, HasSubstr("le=\"0.0025\"} 3"));
}

TEST(MetricsServer, ServesThePageOnAFreePort) {
  Metrics metrics("deposit");
  metrics.counter("cafe_x_total", "X.").Increment(3);
  const auto server = MetricsServer::start(metrics, "127.0.0.1:0");
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_GT((*server)->port(), 0);
  const std::string response = http_get((*server)->port(), "/metrics");
  EXPECT_THAT(response, ::testing::StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(response, HasSubstr("cafe_x_total{service=\"deposit\"} 3"));
}

TEST(MetricsServer, SaysWhichAddressIsTaken) {
  const Metrics metrics("deposit");
  const auto first = MetricsServer::start(metrics, "127.0.0.1:0");
  ASSERT_TRUE(first.ok());
  const std::string taken = "127.0.0.1:" + std::to_string((*first)->port());
  const auto second = MetricsServer::start(metrics, taken);
  EXPECT_TRUE(absl::IsUnavailable(second.status()));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(taken));
}

}  // namespace
}  // namespace cafe::platform
