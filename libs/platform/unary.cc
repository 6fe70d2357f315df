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
class PendingCall : public LateCall {
 public:
  PendingCall(UnaryRuntime& runtime, std::string_view method, grpc::CallbackServerContext* context)
      : context_(context),
        reactor_(context->DefaultReactor()),
        metrics_(runtime.metrics.of(method)),
        info_{.method = std::string(method),
              .request_id = request_id_of(*context),
              .peer = peer_identity(*context),
              .deadline = deadline_of(*context),
              .cancelled = [context] { return context->IsCancelled(); }} {
    info_.peer.insecure = runtime.insecure;
    metrics_.started();
  }

  ~PendingCall() override {
    if (!finished_) finish(absl::InternalError("the call was let go without an answer"));
  }

  grpc::ServerUnaryReactor* reactor() const { return reactor_; }
  const CallInfo& info() const override { return info_; }
  void finish(const absl::Status& status) override;

 private:
  grpc::CallbackServerContext* const context_;
  grpc::ServerUnaryReactor* const reactor_;
  MethodMetrics& metrics_;
  CallInfo info_;
  bool finished_ = false;
  const std::chrono::steady_clock::time_point arrived_ = std::chrono::steady_clock::now();
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
  finished_ = true;
  const RequestScope scope(info_.request_id);
  const absl::Duration took = absl::FromChrono(std::chrono::steady_clock::now() - arrived_);
  log(level_of(status.code()), "call",
      {{"method", info_.method},
       {"caller", info_.peer.anonymous() ? "-" : std::string_view(info_.peer.service)},
       {"took_ms", took},
       {"status", status}});
  const grpc::Status answer = finish_status(status, info_.request_id, *context_);
  metrics_.finished(static_cast<absl::StatusCode>(answer.error_code()), took);
  reactor_->Finish(answer);
}

absl::Status call_cancelled() {
  return make_error(absl::StatusCode::kCancelled, "CALL_CANCELLED",
                    "The call was cancelled before it ran: nothing was done.");
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
                                       grpc::CallbackServerContext* context, size_t bytes,
                                       absl::AnyInvocable<absl::Status(const CallInfo&)> run) {
  const auto call = std::make_shared<PendingCall>(runtime, method, context);
  const absl::Status queued = runtime.pool.submit(
      call->info().deadline,
      [call, run = std::move(run)](const absl::Status& admission) mutable {
        const RequestScope scope(call->info().request_id);
        if (!admission.ok()) {
          call->finish(admission);
        } else if (call->info().cancelled()) {
          call->finish(call_cancelled());
        } else {
          call->finish(run_guarded(run, call->info()));
        }
      },
      bytes);
  if (!queued.ok()) {
    call->finish(queued);
  }
  return call->reactor();
}

bool finish_if_abandoned(LateCall& call, const Clock& clock) {
  if (clock.now() >= call.info().deadline) {
    call.finish(deadline_passed());
    return true;
  }
  if (call.info().cancelled()) {
    call.finish(call_cancelled());
    return true;
  }
  return false;
}

grpc::ServerUnaryReactor* serve_late(
    UnaryRuntime& runtime, std::string_view method, grpc::CallbackServerContext* context,
    absl::FunctionRef<absl::Status(const std::shared_ptr<LateCall>& call)> start) {
  const auto call = std::make_shared<PendingCall>(runtime, method, context);
  if (const absl::Status started = start(call); !started.ok()) {
    call->finish(started);
  }
  return call->reactor();
}

}  // namespace cafe::platform
