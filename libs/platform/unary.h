// Serves a unary method of the callback API with a blocking function.
//
//   class DepositService final : public v1::Deposit::CallbackService {
//     explicit DepositService(UnaryRuntime& runtime) ...
//     grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* context, const
//     v1::SubmitRequest* request,
//                                      v1::SubmitResponse* response) override {
//       return serve_unary(runtime_, "Deposit/Submit", context, request, response,
//                          [this](const CallInfo& call, const v1::SubmitRequest& request,
//                                 v1::SubmitResponse& response) { return submit(call, request,
//                                 response); });
//     }
//
// The function runs on a WorkPool thread, inside a RequestScope. serve_unary adds: the request id
// (the client's or a new one, returned as trailing metadata), the caller's identity, refusal when
// the queue is full, DEADLINE_EXCEEDED or CANCELLED without running when nobody waits any more,
// metrics, a log line, the reason as trailing metadata, and a barrier that turns any exception into
// INTERNAL.
//
// Lifetimes: `context`, `request` and `response` are gRPC's and valid until the function returns;
// it must not keep them. The function object is moved to the pool: it captures by value, or things
// that outlive the server (the service itself does). `runtime` outlives the server.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/platform/clock.h"
#include "libs/platform/identity.h"
#include "libs/platform/metrics.h"
#include "libs/platform/work_pool.h"

namespace cafe::platform {

// What a server's methods share. run_service (server.h) makes one; tests may make their own.
struct UnaryRuntime {
  WorkPool& pool;
  RpcMetrics& metrics;
  const Clock& clock;
  bool insecure = false;  // the server is plaintext: callers are unknown and believed
};

// What a method knows of the call beside its request.
struct CallInfo {
  std::string method{};  // as given to serve_unary
  std::string request_id{};
  PeerIdentity peer;
  absl::Time deadline{};  // InfiniteFuture when the client set none
  // Whether the client went away or the drain timeout cut the call off. Worth asking before long
  // work.
  std::function<bool()> cancelled{};
};

// require_caller(call.peer, allowed).
absl::Status require_caller(const CallInfo& call, std::initializer_list<std::string_view> allowed);

// serve_unary without its types.
grpc::ServerUnaryReactor* serve_erased(UnaryRuntime& runtime, std::string_view method,
                                       grpc::CallbackServerContext* context,
                                       absl::AnyInvocable<absl::Status(const CallInfo&)> run);

template <class Request, class Response, class Function>
grpc::ServerUnaryReactor* serve_unary(UnaryRuntime& runtime, std::string_view method,
                                      grpc::CallbackServerContext* context, const Request* request,
                                      Response* response, Function function) {
  return serve_erased(
      runtime, method, context,
      [request, response, function = std::move(function)](const CallInfo& call) mutable {
        return function(call, *request, *response);
      });
}

}  // namespace cafe::platform
