#include "libs/platform/background.h"

#include <chrono>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/platform/log.h"
#include "libs/platform/request_scope.h"

namespace cafe::platform {
namespace {

constexpr char kRuns[] = "cafe_background_runs_total";
constexpr char kRunsHelp[] = "Runs of background work.";

}  // namespace

BackgroundWorker::BackgroundWorker(std::string name, absl::Duration interval, Metrics& metrics,
                                   Work work)
    : name_(std::move(name)),
      interval_(interval),
      work_(std::move(work)),
      runs_ok_(metrics.counter(kRuns, kRunsHelp, {{"worker", name_}, {"outcome", "ok"}})),
      runs_failed_(metrics.counter(kRuns, kRunsHelp, {{"worker", name_}, {"outcome", "failed"}})),
      thread_([this](const std::stop_token& stop) { loop(stop); }) {}

BackgroundWorker::~BackgroundWorker() { stop(); }

void BackgroundWorker::notify() {
  {
    const std::lock_guard lock(mutex_);
    notified_ = true;
  }
  wake_.notify_one();
}

void BackgroundWorker::stop() {
  thread_.request_stop();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void BackgroundWorker::loop(const std::stop_token& stop) {
  // Longer waits overflow the wait's arithmetic.
  const auto interval = absl::ToChronoMilliseconds(std::min(interval_, absl::Hours(24 * 365)));
  while (!stop.stop_requested()) {
    run_once(stop);
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, interval, [this] { return notified_; });
    notified_ = false;
  }
}

void BackgroundWorker::run_once(const std::stop_token& stop) {
  const RequestScope scope(absl::StrCat(name_, "-", new_request_id()));
  absl::Status status;
  try {
    status = work_(stop);
  } catch (const std::exception& error) {
    status = absl::InternalError(absl::StrCat("exception: ", error.what()));
  } catch (...) {
    status = absl::InternalError("exception of an unknown type");
  }
  if (status.ok()) {
    runs_ok_.Increment();
  } else {
    runs_failed_.Increment();
    log_warning("background work failed", {{"worker", name_}, {"status", status}});
  }
}

}  // namespace cafe::platform
