// The lines that a load test prints while it runs.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "loadtest/campaign.h"
#include "loadtest/time_series.h"

namespace cafe::loadtest {

// "search: 12000 payments/s for 2 + 8 s", before a run.
std::string run_line(const RunRequest& request, std::string_view item_name);
// One second of a run: what was offered and done in it, what is in flight now, latencies in it.
// `number` counts from 0; seconds of the warm-up are marked.
std::string second_line(size_t number, bool is_warmup, const Second& second, uint64_t in_flight);

// Calls `tick(n)` n seconds after `start_ns` of CLOCK_MONOTONIC, n = 0, 1, ..., on a thread of its
// own, until it is destroyed. A tick that takes too long delays the next ones.
class Ticker {
 public:
  Ticker(int64_t start_ns, std::function<void(size_t)> tick);
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  void run(int64_t start_ns);

  std::function<void(size_t)> tick_;
  std::mutex mutex_;
  std::condition_variable stop_signal_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace cafe::loadtest
