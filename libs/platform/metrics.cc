#include "libs/platform/metrics.h"

#include <netdb.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <exception>
#include <stop_token>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace cafe::platform {
namespace {

// Connects and hangs up, whether or not anybody is there.
void knock(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* addresses = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &addresses) != 0) {
    return;
  }
  const int connection = ::socket(addresses->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (connection >= 0) {
    (void)::connect(connection, addresses->ai_addr, addresses->ai_addrlen);
    ::close(connection);
  }
  ::freeaddrinfo(addresses);
}

// "127.0.0.1" of "127.0.0.1:9100", "::1" of "[::1]:9100".
std::string host_of(const std::string& address) {
  std::string host = address.substr(0, address.rfind(':'));
  if (host.size() >= 2 && host.front() == '[') {
    host = host.substr(1, host.size() - 2);
  }
  return host;
}

}  // namespace

const std::vector<double>& latency_buckets() {
  static const std::vector<double> buckets = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                              0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                              1.0,    2.5,     5.0,    10.0};
  return buckets;
}

Metrics::Metrics(std::string service)
    : service_label_{{"service", std::move(service)}},
      registry_(std::make_shared<prometheus::Registry>()) {}

Counter& Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  return prometheus::BuildCounter()
      .Name(name)
      .Help(help)
      .Labels(service_label_)
      .Register(*registry_)
      .Add(labels);
}

Gauge& Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return prometheus::BuildGauge()
      .Name(name)
      .Help(help)
      .Labels(service_label_)
      .Register(*registry_)
      .Add(labels);
}

Histogram& Metrics::histogram(const std::string& name, const std::string& help,
                              const Labels& labels, const std::vector<double>& buckets) {
  return prometheus::BuildHistogram()
      .Name(name)
      .Help(help)
      .Labels(service_label_)
      .Register(*registry_)
      .Add(labels, buckets);
}

std::string Metrics::expose() const {
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::start(const Metrics& metrics,
                                                                    const std::string& address) {
  auto server = std::make_unique<MetricsServer>();
  try {
    server->host_ = host_of(address);
    server->exposer_ = std::make_unique<prometheus::Exposer>(address);
    server->exposer_->RegisterCollectable(metrics.registry());
    server->port_ = server->exposer_->GetListeningPorts().at(0);
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("cannot serve metrics on ", address, " (",
                                               error.what(),
                                               "): is it in use? Set --metrics-listen"));
  }
  return server;
}

MetricsServer::~MetricsServer() {
  // The HTTP server below the exposer looks whether it shall stop only every 2 s, or when somebody
  // connects. A service that restarts shall not wait for that.
  std::jthread knocker([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      knock(host_, port_);
      absl::SleepFor(absl::Milliseconds(5));
    }
  });
  exposer_.reset();
}

MethodMetrics::MethodMetrics(Metrics& metrics, std::string_view method)
    : metrics_(metrics),
      method_(method),
      in_flight_(
          metrics.gauge("cafe_rpc_in_flight", "Calls queued or running.", {{"method", method_}})),
      duration_(metrics.histogram("cafe_rpc_duration_seconds",
                                  "Time from a call's arrival to its answer.",
                                  {{"method", method_}})) {}

void MethodMetrics::started() { in_flight_.Increment(); }

void MethodMetrics::finished(absl::StatusCode code, absl::Duration took) {
  in_flight_.Decrement();
  duration_.Observe(absl::ToDoubleSeconds(took));
  auto index = static_cast<size_t>(code);
  if (index >= kCodes) {
    index = static_cast<size_t>(absl::StatusCode::kUnknown);
  }
  Counter* counter = handled_[index].load(std::memory_order_acquire);
  if (counter == nullptr) {
    // Two threads that meet here get the same counter.
    counter = &metrics_.counter(
        "cafe_rpc_handled_total", "Calls answered.",
        {{"method", method_},
         {"code", absl::StatusCodeToString(static_cast<absl::StatusCode>(index))}});
    handled_[index].store(counter, std::memory_order_release);
  }
  counter->Increment();
}

MethodMetrics& RpcMetrics::of(std::string_view method) {
  {
    const absl::ReaderMutexLock lock(&mutex_);
    if (const auto found = methods_.find(method); found != methods_.end()) {
      return *found->second;
    }
  }
  const absl::MutexLock lock(&mutex_);
  auto& slot = methods_[std::string(method)];
  if (slot == nullptr) {
    slot = std::make_unique<MethodMetrics>(metrics_, method);
  }
  return *slot;
}

}  // namespace cafe::platform
