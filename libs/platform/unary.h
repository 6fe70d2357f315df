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
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
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

// serve_unary without its types. `bytes`: what the request holds while it waits.
grpc::ServerUnaryReactor* serve_erased(UnaryRuntime& runtime, std::string_view method,
                                       grpc::CallbackServerContext* context, size_t bytes,
                                       absl::AnyInvocable<absl::Status(const CallInfo&)> run);

template <class Request, class Response, class Function>
grpc::ServerUnaryReactor* serve_unary(UnaryRuntime& runtime, std::string_view method,
                                      grpc::CallbackServerContext* context, const Request* request,
                                      Response* response, Function function) {
  return serve_erased(
      runtime, method, context, request->ByteSizeLong(),
      [request, response, function = std::move(function)](const CallInfo& call) mutable {
        return function(call, *request, *response);
      });
}

// A call whose answer is given later, by whoever holds this. Call finish once; until then context,
// request and response are valid, afterwards they may be gone. One that is let go without it is
// answered INTERNAL.
class LateCall {
 public:
  virtual ~LateCall() = default;
  virtual const CallInfo& info() const = 0;
  virtual void finish(const absl::Status& status) = 0;
};

// Finishes a call for which nobody waits any more, DEADLINE_EXCEEDED (DEADLINE_PASSED) or CANCELLED
// (CALL_CANCELLED): nothing was done. Tells whether it did. For who takes calls from a queue.
bool finish_if_abandoned(LateCall& call, const Clock& clock);

// Serves a unary method that does not run on the runtime's pool: `start` is called on gRPC's own
// thread, must not block, and hands the call over to whoever will finish it. With an error, it has
// not handed it over, and the call is finished with that. Beside this the same as serve_unary.
grpc::ServerUnaryReactor* serve_late(
    UnaryRuntime& runtime, std::string_view method, grpc::CallbackServerContext* context,
    absl::FunctionRef<absl::Status(const std::shared_ptr<LateCall>& call)> start);

}  // namespace cafe::platform
