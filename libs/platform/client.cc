#include "libs/platform/client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <thread>

#include "absl/random/random.h"
#include "absl/time/clock.h"
#include "libs/platform/error.h"
#include "libs/platform/grpc_status.h"
#include "libs/platform/identity.h"
#include "libs/platform/log.h"
#include "libs/platform/request_scope.h"
#include "libs/platform/tls.h"

namespace cafe::platform {
namespace {

constexpr int kMaxMessageBytes = 8 << 20;  // as servers have it (server.h)
// A peer that restarts is found again within a second or two; gRPC's own default waits up to two
// minutes.
constexpr int kFirstReconnectMs = 100;
constexpr int kLongestReconnectMs = 2'000;
// gRPC gives one attempt, the TLS handshake included, as long as its "minimum backoff": on a loaded
// machine a handshake takes longer than the pause between attempts.
constexpr int kConnectTimeoutMs = 5'000;
constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 10'000;

absl::Status attempt(absl::Time deadline, const std::string& request_id,
                     absl::FunctionRef<grpc::Status(grpc::ClientContext*)> rpc) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  context.AddMetadata(kRequestIdMetadata, request_id);
  const grpc::Status status = rpc(&context);
  return from_grpc(status, context);
}

absl::Duration backoff(const CallOptions& options, int failures) {
  thread_local absl::BitGen random;
  return options.initial_backoff * (1 << std::min(failures - 1, 10)) *
         absl::Uniform(random, 0.8, 1.2);
}

void pause(const CallOptions& options, absl::Duration wait) {
  if (options.sleep) {
    options.sleep(wait);
  } else {
    absl::SleepFor(wait);
  }
}

absl::Status timeout_missing() {
  return make_error(absl::StatusCode::kInvalidArgument, "TIMEOUT_MISSING",
                    "A call to another service needs a timeout above zero.");
}

absl::Status no_time_left() {
  return make_error(absl::StatusCode::kDeadlineExceeded, "DEADLINE_PASSED",
                    "The deadline passed before the call to the other service was made.");
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> connect(const std::string& address,
                                                       const std::string& service,
                                                       const TlsOptions& tls) {
  const auto credentials = channel_credentials(tls);
  if (!credentials.ok()) {
    return credentials.status();
  }
  grpc::ChannelArguments arguments;
  if (!tls.insecure) {
    // Services are found under addresses that change; what is checked is the name in the
    // certificate.
    arguments.SetSslTargetNameOverride(service_dns_name(service));
  }
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestReconnectMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  return grpc::CreateCustomChannel(address, *credentials, arguments);
}

absl::Status call_unary(const CallOptions& options,
                        absl::FunctionRef<grpc::Status(grpc::ClientContext*)> rpc) {
  if (options.timeout <= absl::ZeroDuration()) {
    return timeout_missing();
  }
  const absl::Time deadline = std::min(absl::Now() + options.timeout, options.no_later_than);
  const std::string& scope_id = RequestScope::current_id();
  const std::string request_id = scope_id.empty() ? new_request_id() : scope_id;
  for (int failures = 0;;) {
    if (absl::Now() >= deadline) {
      return no_time_left();
    }
    absl::Status status = attempt(deadline, request_id, rpc);
    if (!absl::IsUnavailable(status) || !options.idempotent || ++failures >= options.max_attempts) {
      return status;
    }
    const absl::Duration wait = backoff(options, failures);
    if (absl::Now() + wait >= deadline) {
      return status;
    }
    log_debug("call failed, trying again",
              {{"status", status}, {"attempt", failures}, {"wait_ms", wait}});
    pause(options, wait);
  }
}

}  // namespace cafe::platform
