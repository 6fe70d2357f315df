// A server whose capacity, queue and pauses are known, so that what the engine measures of it can
// be worked out by hand.
#pragma once

#include <string>
#include <vector>

#include "loadtest/engine.h"
#include "loadtest/testing/fake_clock.h"

namespace cafe::loadtest {

struct FakeServerOptions {
  int workers = 1;
  int64_t service_ns = 1'000'000;  // of one request by one worker
  uint32_t items_per_request = 1;
  size_t most_waiting = SIZE_MAX;  // above this many in the server: refused at once
  // No work is begun in between; since the clock's first reading.
  int64_t pause_from_ns = 0;
  int64_t pause_to_ns = 0;
  int64_t start_takes_ns = 0;  // a scenario that does not keep its promise to return at once
  uint64_t fail_every = 0;     // each so-manyth request fails with FAKE; 0: none
  bool answers = true;
};

class FakeServer final : public Scenario {
 public:
  FakeServer(FakeServerOptions options, FakeClock& clock);

  std::string_view item_name() const override { return "things"; }
  uint32_t items_per_request() const override { return options_.items_per_request; }
  absl::Status prepare(const Progress&) override { return absl::OkStatus(); }
  void start(uint64_t sequence, Done done) override;

  const std::vector<uint64_t>& sequences() const { return sequences_; }
  // The callbacks of a server that does not answer by itself.
  std::vector<Done>& unanswered() { return unanswered_; }

 private:
  FakeServerOptions options_;
  FakeClock& clock_;
  int64_t epoch_ns_;
  std::vector<int64_t> free_at_ns_;  // of each worker
  size_t waiting_ = 0;
  std::vector<uint64_t> sequences_;
  std::vector<Done> unanswered_;
};

}  // namespace cafe::loadtest
