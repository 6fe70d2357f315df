#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stop_token>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/platform/failpoint.h"
#include "libs/platform/log.h"
#include "libs/platform/server.h"

namespace cafe::platform {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitForced = 3;
// What a cancelled call may still take to notice, on top of the drain timeout.
constexpr absl::Duration kCancelGrace = absl::Seconds(2);

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// Ends the process when a drain does not end. Every operation survives a crash, so this loses
// nothing that was promised.
class DrainWatchdog {
 public:
  explicit DrainWatchdog(absl::Duration limit)
      : thread_([limit](const std::stop_token& stop) { watch(stop, limit); }) {}

 private:
  static void watch(const std::stop_token& stop, absl::Duration limit) {
    const sigset_t signals = stop_signals();
    const auto give_up = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(limit);
    const timespec poll{.tv_sec = 0, .tv_nsec = 20'000'000};
    while (!stop.stop_requested()) {
      const bool signalled = ::sigtimedwait(&signals, nullptr, &poll) > 0;
      if (signalled || std::chrono::steady_clock::now() >= give_up) {
        log_error("giving up on calls in flight",
                  {{"because", signalled ? "second signal" : "they ignore their cancellation"}});
        std::_Exit(kExitForced);
      }
    }
  }

  std::jthread thread_;
};

absl::Status start(const ServiceOptions& options, ServiceHost& host,
                   const std::function<absl::Status(ServiceHost& host)>& setup) {
  if (absl::Status status = validate(options); !status.ok()) {
    return status;
  }
  if (absl::Status status = forbid_core_dumps(); !status.ok()) {
    return status;
  }
  if (absl::Status status = arm_failpoints(options.failpoints); !status.ok()) {
    return status;
  }
  if (!options.port_file.empty()) {
    ::unlink(options.port_file.c_str());  // an earlier run's
  }
  if (absl::Status status = setup(host); !status.ok()) {
    return status;
  }
  if (absl::Status status = host.start(); !status.ok()) {
    return status;
  }
  host.set_ready(true);
  return host.write_port_file();
}

absl::Status start_guarded(const ServiceOptions& options, ServiceHost& host,
                           const std::function<absl::Status(ServiceHost& host)>& setup) {
  try {
    return start(options, host, setup);
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("exception: ", error.what()));
  }
}

void init_logging(const ServiceOptions& options) {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  parse_log_level(options.log_level, level);
  parse_log_format(options.log_format, format);
  init_logging(options.service, level, format);
}

}  // namespace

absl::Status forbid_core_dumps() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return absl::InternalError("cannot switch core dumps off, which would hold keys");
  }
  return absl::OkStatus();
}

int run_service(const ServiceOptions& options,
                const std::function<absl::Status(ServiceHost& host)>& setup) {
  const sigset_t signals = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  // Distributions build Abseil with its watch over the order of locks, a graph behind a lock of its
  // own that each of gRPC's locks would consult.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  init_logging(options);

  const SystemClock clock;
  auto host = std::make_unique<ServiceHost>(options, clock);
  if (const absl::Status status = start_guarded(options, *host, setup); !status.ok()) {
    log_error("cannot start", {{"status", status}});
    return kExitFailed;
  }
  log_info("serving", {{"grpc_port", host->grpc_port()},
                       {"metrics_port", host->metrics_port()},
                       {"production", options.production},
                       {"tls", !options.tls.insecure}});

  int signal = 0;
  ::sigwait(&signals, &signal);
  const absl::Duration timeout = absl::Milliseconds(options.drain_timeout_ms);
  log_info("draining", {{"signal", ::strsignal(signal)}, {"timeout_ms", timeout}});
  const absl::Time began = absl::Now();
  const DrainWatchdog watchdog(timeout + kCancelGrace);
  host->drain(timeout);
  host.reset();
  if (!options.port_file.empty()) {
    ::unlink(options.port_file.c_str());
  }
  log_info("stopped", {{"took_ms", absl::Now() - began}});
  return 0;
}

}  // namespace cafe::platform
