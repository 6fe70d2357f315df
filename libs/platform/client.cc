#include "libs/platform/client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <thread>

#include "absl/random/random.h"
#include "absl/synchronization/blocking_counter.h"
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

absl::Status deadline_passed() {
  return make_error(absl::StatusCode::kDeadlineExceeded, "DEADLINE_PASSED",
                    "The deadline passed before the call to the other service was made.");
}

// Starts the calls of `which` and waits for all of them.
void run_round(std::span<const size_t> which, std::span<const absl::Time> deadlines,
               StartCall start, std::vector<absl::Status>& statuses) {
  const std::string& scope_id = RequestScope::current_id();
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  absl::BlockingCounter running(static_cast<int>(which.size()));
  for (const size_t index : which) {
    grpc::ClientContext* const context =
        contexts.emplace_back(std::make_unique<grpc::ClientContext>()).get();
    context->set_deadline(absl::ToChronoTime(deadlines[index]));
    context->AddMetadata(kRequestIdMetadata, scope_id.empty() ? new_request_id() : scope_id);
    start(index, context, [&running, &status = statuses[index], context](const grpc::Status& done) {
      status = from_grpc(done, *context);
      running.DecrementCount();
    });
  }
  running.Wait();
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
      return deadline_passed();
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

std::vector<absl::Status> call_each(const CallOptions& options,
                                    std::span<const absl::Time> no_later_than, StartCall start) {
  std::vector<absl::Status> statuses(no_later_than.size());
  if (options.timeout <= absl::ZeroDuration()) {
    std::fill(statuses.begin(), statuses.end(), timeout_missing());
    return statuses;
  }
  const absl::Time began = absl::Now();
  std::vector<absl::Time> deadlines;
  std::vector<size_t> open;  // calls to be made
  for (size_t i = 0; i < statuses.size(); ++i) {
    deadlines.push_back(std::min(began + options.timeout, no_later_than[i]));
    if (began < deadlines[i]) {
      open.push_back(i);
    } else {
      statuses[i] = deadline_passed();
    }
  }
  for (int failures = 0; !open.empty();) {
    run_round(open, deadlines, start, statuses);
    if (!options.idempotent || ++failures >= options.max_attempts) break;
    const absl::Duration wait = backoff(options, failures);
    const absl::Time next = absl::Now() + wait;
    std::erase_if(
        open, [&](size_t i) { return !absl::IsUnavailable(statuses[i]) || next >= deadlines[i]; });
    if (!open.empty()) pause(options, wait);
  }
  return statuses;
}

}  // namespace cafe::platform
