#include "libs/platform/server.h"

#include <fcntl.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "libs/platform/log.h"
#include "libs/platform/tls.h"

namespace cafe::platform {
namespace {

constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kLeastPingIntervalMs = 10'000;  // clients ping each 30 s (client.cc)

absl::Status file_error(const std::string& path, const char* action) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", action, " '", path, "': ", std::strerror(errno)));
}

absl::Status write_durably(const std::string& path, const std::string& content) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) {
    return file_error(path, "create");
  }
  const bool written =
      ::write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
      ::fsync(file) == 0;
  absl::Status status = written ? absl::OkStatus() : file_error(path, "write");
  ::close(file);
  return status;
}

}  // namespace

ServiceHost::ServiceHost(const ServiceOptions& options, const Clock& clock)
    : options_(options),
      clock_(clock),
      metrics_(options.service),
      rpc_metrics_(metrics_),
      pool_({.name = "rpc",
             .workers = options.workers,
             .queue_capacity = options.queue_capacity,
             .queue_bytes = size_t{options.queue_mebibytes} << 20,
             .queue_wait = absl::Milliseconds(options.queue_wait_ms)},
            clock_, metrics_),
      runtime_{pool_, rpc_metrics_, clock_, options.tls.insecure} {}

ServiceHost::~ServiceHost() {
  drain(absl::ZeroDuration());
  server_.reset();
  while (!parts_.empty()) {
    parts_.pop_back();
  }
}

absl::Status ServiceHost::start() {
  const auto credentials = server_credentials(options_.tls);
  if (!credentials.ok()) {
    return credentials.status();
  }
  if (!options_.metrics_listen.empty()) {
    auto metrics_server = MetricsServer::start(metrics_, options_.metrics_listen);
    if (!metrics_server.ok()) {
      return metrics_server.status();
    }
    metrics_server_ = *std::move(metrics_server);
  }
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options_.listen, *credentials, &grpc_port_);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  // Two processes that share a port would each get half of the calls, and nobody would notice.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kLeastPingIntervalMs);
  for (grpc::Service* const service : services_) {
    builder.RegisterService(service);
  }
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || grpc_port_ == 0) {
    return absl::UnavailableError(absl::StrCat("cannot serve gRPC on ", options_.listen,
                                               ": is it in use? Set --listen to another port"));
  }
  set_ready(false);
  return absl::OkStatus();
}

void ServiceHost::set_ready(bool ready) {
  if (server_ != nullptr) {
    server_->GetHealthCheckService()->SetServingStatus(ready);
  }
}

absl::Status ServiceHost::write_port_file() const {
  if (options_.port_file.empty()) {
    return absl::OkStatus();
  }
  const std::string temporary = absl::StrCat(options_.port_file, ".", ::getpid());
  const std::string content =
      absl::StrCat("{\"grpc\":", grpc_port(), ",\"metrics\":", metrics_port(), "}\n");
  absl::Status status = write_durably(temporary, content);
  if (status.ok() && std::rename(temporary.c_str(), options_.port_file.c_str()) != 0) {
    status = file_error(options_.port_file, "write");
  }
  if (!status.ok()) {
    std::remove(temporary.c_str());
  }
  return status;
}

void ServiceHost::drain(absl::Duration timeout) {
  set_ready(false);
  if (server_ != nullptr) {
    server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
  }
  pool_.drain();
}

}  // namespace cafe::platform
