// Sends any number of raw requests to a service, as fast as it takes them, as whoever one likes to
// be.
//
//   Flood flood(cluster, "deposit", "operator");
//   Answers answers = flood.send("/cafe.v1.Deposit/GetPayment", 10'000, [&](size_t i) { return
//   request; });
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>
#include <string>

#include "tests/support/cluster.h"

namespace cafe::testing {

struct Answers {
  std::map<grpc::StatusCode, uint64_t> codes;
  std::map<std::string, uint64_t> reasons;  // "cafe-reason" of those that were refused
  uint64_t without_reason = 0;              // refused by the service itself, which gave none
  uint64_t all() const;
  void add(const Answers& other);
  /// Answers that mean a fault of the service's own, or that it is away or gave up.
  uint64_t faults() const;
  std::string text() const;
};

class Flood {
 public:
  /// `caller`: the service whose certificate is shown ("operator"); empty: nobody's.
  Flood(const Cluster& cluster, const std::string& service, const std::string& caller);

  /// Sends `count` requests, request(0) ... request(count - 1), many at a time, from this thread.
  Answers send(const std::string& method, size_t count,
               const std::function<std::string(size_t)>& request);

  /// Whether grpc.health.v1 says SERVING.
  bool serving();

 private:
  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
};

}  // namespace cafe::testing
