#include "device-sim/host/statistics.h"

#include <algorithm>

namespace cafe::host {

std::string_view operation_name(Operation operation) {
  switch (operation) {
    case Operation::kRegister:
      return "register";
    case Operation::kOpen:
      return "open order";
    case Operation::kComplete:
      return "complete order";
    case Operation::kPay:
      return "pay off line";
    case Operation::kAuthorize:
      return "authorize";
    case Operation::kDeposit:
      return "deposit batch";
    case Operation::kCount:
      break;
  }
  return "";
}

void Latencies::add(Operation operation, std::chrono::steady_clock::duration taken) {
  const float ms = std::chrono::duration<float, std::milli>(taken).count();
  const std::lock_guard lock(mutex_);
  samples_ms_[static_cast<size_t>(operation)].push_back(ms);
}

Latency Latencies::summary(Operation operation) const {
  std::vector<float> samples;
  {
    const std::lock_guard lock(mutex_);
    samples = samples_ms_[static_cast<size_t>(operation)];
  }
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const auto at = [&](double share) {
    return samples[static_cast<size_t>(share * static_cast<double>(samples.size() - 1))];
  };
  return {samples.size(), at(0.5), at(0.99), samples.back()};
}

}  // namespace cafe::host
