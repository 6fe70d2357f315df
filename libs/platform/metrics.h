// One registry of Prometheus metrics for each service, and its /metrics page.
//
//   Counter& orders = metrics.counter("cafe_orders_total", "Orders completed.", {{"kind",
//   "coin"}}); orders.Increment();
//
// References stay valid as long as the Metrics. Look a metric up once, at construction, not for
// each request. Labels have few values: never an account, a coin or a request id.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace cafe::platform {

using Counter = prometheus::Counter;
using Gauge = prometheus::Gauge;
using Histogram = prometheus::Histogram;
using Labels = std::map<std::string, std::string>;

// Upper bounds in seconds, 100 µs to 10 s.
const std::vector<double>& latency_buckets();

// Thread-safe. Asking again for the same name and labels gives the same metric.
class Metrics {
 public:
  // Each series carries service="<service>".
  explicit Metrics(std::string service);

  Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels = {},
                       const std::vector<double>& buckets = latency_buckets());

  // Everything in Prometheus' text format.
  std::string expose() const;

  const std::shared_ptr<prometheus::Registry>& registry() const { return registry_; }

 private:
  Labels service_label_;
  std::shared_ptr<prometheus::Registry> registry_;
};

// Serves GET /metrics until it is destroyed.
class MetricsServer {
 public:
  // `address`: host:port, port 0 takes a free one. Errors: Unavailable when the address cannot be
  // bound.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> start(const Metrics& metrics,
                                                              const std::string& address);
  MetricsServer() = default;  // serves nothing; use start
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  int port() const { return port_; }

 private:
  std::string host_;
  std::unique_ptr<prometheus::Exposer> exposer_;
  int port_ = 0;
};

// The series of one RPC method:
//   cafe_rpc_handled_total{method,code}  cafe_rpc_duration_seconds{method}
//   cafe_rpc_in_flight{method}
class MethodMetrics {
 public:
  MethodMetrics(Metrics& metrics, std::string_view method);
  void started();
  void finished(absl::StatusCode code, absl::Duration took);

 private:
  static constexpr size_t kCodes = 17;
  Metrics& metrics_;
  const std::string method_;
  Gauge& in_flight_;
  Histogram& duration_;
  std::array<std::atomic<Counter*>, kCodes> handled_{};  // each made when its code first occurs
};

// Finds the MethodMetrics by name. Thread-safe.
class RpcMetrics {
 public:
  explicit RpcMetrics(Metrics& metrics) : metrics_(metrics) {}
  MethodMetrics& of(std::string_view method);

 private:
  Metrics& metrics_;
  absl::Mutex mutex_;
  std::map<std::string, std::unique_ptr<MethodMetrics>, std::less<>> methods_;
};

}  // namespace cafe::platform
