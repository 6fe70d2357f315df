// Serves echo.proto for tests. Actions:
//   echo        returns the text
//   whoami      returns the caller's service and the request id: "deposit 0123"
//   guarded     as echo, but for "deposit" only
//   refuse      FAILED_PRECONDITION with the text as its reason
//   internal    INTERNAL with the text as its message
//   throw       throws std::runtime_error(text)
//   throw-int   throws an int
//   wait-fifo   reads a byte from the FIFO that the text names and returns it, even if cancelled
//   wait-cancel opens the FIFO that the text names, if any, and waits until the call is cancelled
//   late        is answered by another thread, with the text and that thread's request id
//   late-refuse is not handed over: RESOURCE_EXHAUSTED with the text as its reason
//   failpoint   passes the failpoint that the text names, then echoes
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "echo.grpc.pb.h"
#include "libs/platform/error.h"
#include "libs/platform/failpoint.h"
#include "libs/platform/request_scope.h"
#include "libs/platform/unary.h"

namespace cafe::platform::testdata {

inline std::string read_fifo(const std::string& path) {
  const int fifo =
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC);  // blocks until somebody opens it for writing
  char byte = '?';
  const ssize_t length = ::read(fifo, &byte, 1);
  ::close(fifo);
  return length == 1 ? std::string(1, byte) : "nothing";
}

class EchoService final : public Echo::CallbackService {
 public:
  explicit EchoService(UnaryRuntime& runtime) : runtime_(runtime) {}

  grpc::ServerUnaryReactor* Do(grpc::CallbackServerContext* context, const EchoRequest* request,
                               EchoResponse* response) override {
    if (request->action().rfind("late", 0) == 0) {
      return serve_late(runtime_, "Echo/Do", context, [&](const std::shared_ptr<LateCall>& call) {
        return start(call, *request, *response);
      });
    }
    return serve_unary(runtime_, "Echo/Do", context, request, response,
                       [](const CallInfo& call, const EchoRequest& request,
                          EchoResponse& response) { return run(call, request, response); });
  }

 private:
  absl::Status start(const std::shared_ptr<LateCall>& call, const EchoRequest& request,
                     EchoResponse& response) {
    if (request.action() == "late-refuse") {
      return make_error(absl::StatusCode::kResourceExhausted, request.text(), "Not now.");
    }
    const std::lock_guard lock(mutex_);
    helpers_.emplace_back([call, &request, &response] {
      response.set_text(request.text() + " " + call->info().request_id);
      call->finish(absl::OkStatus());
    });
    return absl::OkStatus();
  }

  static absl::Status run(const CallInfo& call, const EchoRequest& request,
                          EchoResponse& response) {
    const std::string& action = request.action();
    response.set_text(request.text());
    if (action == "whoami") {
      response.set_text(call.peer.service + " " + RequestScope::current_id());
    } else if (action == "guarded") {
      return require_caller(call, {"deposit"});
    } else if (action == "refuse") {
      return make_error(absl::StatusCode::kFailedPrecondition, request.text(), "Not now.");
    } else if (action == "internal") {
      return absl::InternalError(request.text());
    } else if (action == "throw") {
      throw std::runtime_error(request.text());
    } else if (action == "throw-int") {
      throw 42;
    } else if (action == "wait-fifo") {
      response.set_text(read_fifo(request.text()));
    } else if (action == "wait-cancel") {
      const int fifo = request.text().empty() ? -1 : ::open(request.text().c_str(), O_RDONLY);
      while (!call.cancelled()) {
        std::this_thread::yield();
      }
      if (fifo >= 0) {
        ::close(fifo);
      }
      return absl::CancelledError("cancelled while waiting");
    } else if (action == "failpoint") {
      return failpoint(request.text());
    }
    return absl::OkStatus();
  }

  UnaryRuntime& runtime_;
  std::mutex mutex_;
  std::vector<std::jthread> helpers_;
};

}  // namespace cafe::platform::testdata
