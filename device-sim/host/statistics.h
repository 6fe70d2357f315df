// What a run counted and how long things took.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

namespace cafe::host {

enum class Operation { kRegister, kOpen, kComplete, kPay, kAuthorize, kDeposit, kCount };
std::string_view operation_name(Operation operation);

struct Latency {
  uint64_t count = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double max_ms = 0;
};

// Thread-safe.
class Latencies {
 public:
  void add(Operation operation, std::chrono::steady_clock::duration taken);
  Latency summary(Operation operation) const;

 private:
  mutable std::mutex mutex_;
  std::array<std::vector<float>, static_cast<size_t>(Operation::kCount)> samples_ms_;
};

// Measures one operation from its construction to its end.
class Timer {
 public:
  Timer(Latencies& latencies, Operation operation)
      : latencies_(latencies), operation_(operation), start_(std::chrono::steady_clock::now()) {}
  ~Timer() { latencies_.add(operation_, std::chrono::steady_clock::now() - start_); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  Latencies& latencies_;
  Operation operation_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace cafe::host
