#include "libs/platform/unary.h"

#include <grpcpp/server_context.h>

#include <chrono>
#include <exception>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/platform/error.h"
#include "libs/platform/grpc_status.h"
#include "libs/platform/log.h"
#include "libs/platform/request_scope.h"
#include "libs/platform/string_view.h"
#include "libs/platform/tls.h"

namespace cafe::platform {
namespace {

absl::Time deadline_of(const grpc::CallbackServerContext& context) {
  const auto deadline = context.deadline();
  return deadline == std::chrono::system_clock::time_point::max() ? absl::InfiniteFuture()
                                                                  : absl::FromChrono(deadline);
}

// A call from its arrival to its answer.
struct PendingCall {
  grpc::CallbackServerContext* context;
  grpc::ServerUnaryReactor* reactor;
  MethodMetrics& metrics;
  CallInfo info;
  std::chrono::steady_clock::time_point arrived = std::chrono::steady_clock::now();

  // Answers. Afterwards context, request and response may be gone.
  void finish(const absl::Status& status);
};

// Our own faults are errors; a client's are information; and what comes by the thousand when a
// server is overloaded is left to the metrics.
LogLevel level_of(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kResourceExhausted:
      return LogLevel::kDebug;
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
      return LogLevel::kError;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kUnimplemented:
      return LogLevel::kWarning;
    default:
      return LogLevel::kInfo;
  }
}

void PendingCall::finish(const absl::Status& status) {
  const absl::Duration took = absl::FromChrono(std::chrono::steady_clock::now() - arrived);
  log(level_of(status.code()), "call",
      {{"method", info.method},
       {"caller", info.peer.anonymous() ? "-" : std::string_view(info.peer.service)},
       {"took_ms", took},
       {"status", status}});
  const grpc::Status answer = finish_status(status, info.request_id, *context);
  metrics.finished(static_cast<absl::StatusCode>(answer.error_code()), took);
  reactor->Finish(answer);
}

absl::Status run_guarded(absl::AnyInvocable<absl::Status(const CallInfo&)>& run,
                         const CallInfo& info) {
  try {
    return run(info);
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("exception: ", error.what()));
  } catch (...) {
    return absl::InternalError("exception of an unknown type");
  }
}

}  // namespace

absl::Status require_caller(const CallInfo& call, std::initializer_list<std::string_view> allowed) {
  return require_caller(call.peer, allowed);
}

grpc::ServerUnaryReactor* serve_erased(UnaryRuntime& runtime, std::string_view method,
                                       grpc::CallbackServerContext* context,
                                       absl::AnyInvocable<absl::Status(const CallInfo&)> run) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  const auto call = std::make_shared<PendingCall>(PendingCall{
      .context = context,
      .reactor = reactor,
      .metrics = runtime.metrics.of(method),
      .info = {.method = std::string(method),
               .request_id = request_id_of(*context),
               .peer = peer_identity(*context),
               .deadline = deadline_of(*context),
               .cancelled = [context] { return context->IsCancelled(); }},
  });
  call->info.peer.insecure = runtime.insecure;
  call->metrics.started();

  const absl::Status queued = runtime.pool.submit(
      call->info.deadline, [call, run = std::move(run)](const absl::Status& admission) mutable {
        const RequestScope scope(call->info.request_id);
        if (!admission.ok()) {
          call->finish(admission);
        } else if (call->info.cancelled()) {
          call->finish(make_error(absl::StatusCode::kCancelled, "CALL_CANCELLED",
                                  "The call was cancelled before it ran: nothing was done."));
        } else {
          call->finish(run_guarded(run, call->info));
        }
      });
  if (!queued.ok()) {
    const RequestScope scope(call->info.request_id);
    call->finish(queued);
  }
  return reactor;
}

}  // namespace cafe::platform
