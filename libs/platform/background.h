// A thread that does the same work again and again: sweepers, refreshers.
//
//   BackgroundWorker sweeper("deposit-sweeper", absl::Seconds(30), metrics,
//                            [&](const std::stop_token& stop) { return sweep_once(stop); });
//   sweeper.notify();   // there is something to do now
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/platform/metrics.h"

namespace cafe::platform {

class BackgroundWorker {
 public:
  // Returns a status that is logged and counted; long work asks `stop` now and then. Exceptions are
  // caught and count as INTERNAL.
  using Work = std::function<absl::Status(const std::stop_token& stop)>;

  // Starts the thread. `work` runs at once, then `interval` after it last ended, or as soon as
  // notify is called; never twice at the same time. Series:
  // cafe_background_runs_total{worker,outcome}.
  BackgroundWorker(std::string name, absl::Duration interval, Metrics& metrics, Work work);
  // Stops.
  ~BackgroundWorker();
  BackgroundWorker(const BackgroundWorker&) = delete;
  BackgroundWorker& operator=(const BackgroundWorker&) = delete;

  // Runs the work soon; a call during a run makes it run once more.
  void notify();

  // Asks a running work to stop, waits for it, ends the thread. Idempotent.
  void stop();

 private:
  void loop(const std::stop_token& stop);
  void run_once(const std::stop_token& stop);

  const std::string name_;
  const absl::Duration interval_;
  const Work work_;
  Counter& runs_ok_;
  Counter& runs_failed_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool notified_ = false;
  std::jthread thread_;
};

}  // namespace cafe::platform
