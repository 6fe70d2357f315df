// Calls to other services.
//
//   CAFE_ASSIGN_OR_RETURN(auto channel, connect(options.doublespend_address, "doublespend", tls));
//   auto stub = v1::DoubleSpend::NewStub(channel);
//   v1::RecordResponse response;
//   absl::Status status = call_unary(
//       {.timeout = absl::Seconds(5), .no_later_than = call.deadline, .idempotent = true},
//       [&](grpc::ClientContext* context) { return stub->Record(context, request, &response); });
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/platform/service_options.h"

namespace cafe::platform {

// A channel to `address` (host:port) that only talks to a server whose certificate names `service`
// (<service>.cafe.internal). Does not connect yet. Keep it: it is thread-safe and reconnects by
// itself. Errors: InvalidArgument (certificate files).
absl::StatusOr<std::shared_ptr<grpc::Channel>> connect(const std::string& address,
                                                       const std::string& service,
                                                       const TlsOptions& tls);

struct CallOptions {
  // Of the call with all its retries; must be > 0.
  absl::Duration timeout = absl::ZeroDuration();
  // The deadline of the call that this one serves.
  absl::Time no_later_than = absl::InfiniteFuture();
  // Whether running it twice does what running it once does. Only then UNAVAILABLE is retried,
  // after initial_backoff · 2^n (± 20 %), as long as attempts and deadline last.
  bool idempotent = false;
  int max_attempts = 5;
  absl::Duration initial_backoff = absl::Milliseconds(50);
  std::function<void(absl::Duration)> sleep{};  // for tests; by default the thread sleeps
};

// Runs `rpc` with a deadline and the thread's request id. `rpc` starts the call on the context it
// is given (a fresh one for each attempt) and returns its status. Returns the status with the
// server's reason. Errors: those of the server; INVALID_ARGUMENT when no timeout was set;
// DEADLINE_EXCEEDED.
absl::Status call_unary(const CallOptions& options,
                        absl::FunctionRef<grpc::Status(grpc::ClientContext*)> rpc);

}  // namespace cafe::platform
