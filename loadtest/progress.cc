#include "loadtest/progress.h"

#include <chrono>

#include "absl/strings/str_format.h"

namespace cafe::loadtest {

std::string run_line(const RunRequest& request, std::string_view item_name) {
  return absl::StrFormat("%s: %.0f %s/s for %.0f s, after %.0f s of warm-up", request.purpose,
                         request.items_per_s, item_name, request.measure_s, request.warmup_s);
}

std::string second_line(size_t number, bool is_warmup, const Second& second, uint64_t in_flight) {
  const auto ms = [&](double quantile) {
    return static_cast<double>(second.latency.quantile_us(quantile)) / 1000;
  };
  std::string line = absl::StrFormat(
      "%5d s  offered %7d  done %7d  refused %6d  failed %4d  in flight %5d  p50 %8.2f ms  "
      "p99 %8.2f ms",
      number + 1, second.due.items, second.ok.items, second.refused.items, second.failed.items,
      in_flight, ms(0.5), ms(0.99));
  if (second.not_started.items > 0)
    absl::StrAppendFormat(&line, "  NOT STARTED %d", second.not_started.items);
  if (is_warmup) line += "  (warm-up)";
  return line;
}

Ticker::Ticker(int64_t start_ns, std::function<void(size_t)> tick)
    : tick_(std::move(tick)), thread_([this, start_ns] { run(start_ns); }) {}

Ticker::~Ticker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_signal_.notify_all();
  thread_.join();
}

void Ticker::run(int64_t start_ns) {
  // libstdc++'s steady_clock is CLOCK_MONOTONIC.
  using std::chrono::steady_clock;
  const steady_clock::time_point start{std::chrono::nanoseconds(start_ns)};
  for (size_t n = 0;; ++n) {
    {
      std::unique_lock lock(mutex_);
      const auto due = start + std::chrono::seconds(n);
      if (stop_signal_.wait_until(lock, due, [this] { return stop_; })) return;
    }
    tick_(n);
  }
}

}  // namespace cafe::loadtest
