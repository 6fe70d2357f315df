// A service's life: start, serve, drain, end.
//
//   int main(int argc, char** argv) {
//     ServiceOptions options{.service = "deposit", .listen = "127.0.0.1:7102"};
//     CLI::App app("Takes payments in.");
//     register_service_options(app, options);                                        // config.h
//     if (auto exit_code = parse_command_line(app, options, argc, argv)) return *exit_code;
//     return run_service(options, [&](ServiceHost& host) -> absl::Status {
//       CAFE_ASSIGN_OR_RETURN(auto database, storage::connect(options.database_url));
//       auto& store = host.own(std::make_unique<DepositStore>(std::move(database)));
//       host.serve(std::make_unique<DepositService>(host.runtime(), store, host.clock()));
//       return absl::OkStatus();
//     });
//   }
#pragma once

#include <grpcpp/server.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/platform/clock.h"
#include "libs/platform/metrics.h"
#include "libs/platform/service_options.h"
#include "libs/platform/unary.h"
#include "libs/platform/work_pool.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace cafe::platform {

// Largest message in either direction.
inline constexpr int kMaxMessageBytes = 8 << 20;

// What a service's setup builds on and hands its parts to. All it gives out lives until the service
// has drained.
class ServiceHost {
 public:
  // `options` and `clock` must outlive the host.
  ServiceHost(const ServiceOptions& options, const Clock& clock);
  ~ServiceHost();
  ServiceHost(const ServiceHost&) = delete;
  ServiceHost& operator=(const ServiceHost&) = delete;

  const ServiceOptions& options() const { return options_; }
  const Clock& clock() const { return clock_; }
  Metrics& metrics() { return metrics_; }
  UnaryRuntime& runtime() { return runtime_; }

  // Keeps `part` until after the drain; parts are destroyed in the reverse order.
  template <class T>
  T& own(std::unique_ptr<T> part) {
    T& reference = *part;
    parts_.push_back(std::shared_ptr<void>(std::move(part)));
    return reference;
  }

  // Owns `service` and serves it once setup is done.
  template <class T>
  T& serve(std::unique_ptr<T> service) {
    T& reference = own(std::move(service));
    services_.push_back(&reference);
    return reference;
  }

  // Starts the gRPC server (health NOT_SERVING until set_ready) and /metrics. Errors:
  // InvalidArgument (certificates), Unavailable (an address cannot be bound).
  absl::Status start();
  void set_ready(bool ready);
  int grpc_port() const { return grpc_port_; }
  int metrics_port() const { return metrics_server_ == nullptr ? 0 : metrics_server_->port(); }

  // Writes {"grpc":port,"metrics":port} to options().port_file, if set, so that a reader never sees
  // a part of it.
  absl::Status write_port_file() const;

  // Health turns NOT_SERVING, new calls are refused, calls in flight go on; those that are not done
  // after `timeout` are cancelled. Returns when all are done and the workers have ended.
  // Idempotent.
  void drain(absl::Duration timeout);

 private:
  const ServiceOptions& options_;
  const Clock& clock_;
  Metrics metrics_;
  RpcMetrics rpc_metrics_;
  WorkPool pool_;
  UnaryRuntime runtime_;
  std::vector<std::shared_ptr<void>> parts_;
  std::vector<grpc::Service*> services_;
  std::unique_ptr<MetricsServer> metrics_server_;
  std::unique_ptr<grpc::Server> server_;
  int grpc_port_ = 0;
};

// Runs a service until SIGTERM or SIGINT and returns its exit code: 0 after a drain, 1 when it
// could not start (logged and said). Call it from main before any thread exists: it blocks the
// signals for all threads. In order: no core dumps, logging, failpoints, `setup`, server, port
// file, ready; then wait; drain; parts destroyed. A second signal, or a call that does not end even
// when cancelled, ends the process with exit code 3.
int run_service(const ServiceOptions& options,
                const std::function<absl::Status(ServiceHost& host)>& setup);

// Processes that hold keys leave no core dump and cannot be attached to by another process of the
// same user.
absl::Status forbid_core_dumps();

}  // namespace cafe::platform
