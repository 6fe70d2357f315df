// What a load test asks of a scenario. The engine (pacer.h) starts requests when they are due,
// whether or not earlier ones came back, and counts each latency from when its request was due.
//
// A closed loop, in which a slow answer keeps the next request back, asks least of a server exactly
// when it is slowest, and so leaves out the pauses that it should show ("coordinated omission").
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace cafe::loadtest {

// What became of a request.
enum class Fate {
  kOk,
  kRefused,  // RESOURCE_EXHAUSTED: back-pressure, and no work was done
  kFailed,   // anything else
};

struct Outcome {
  Fate fate = Fate::kOk;
  uint32_t items = 0;  // items that the request carried
  std::string
      reason;  // of a failure: machine-readable, from a small set (INTERNAL, COIN_FORM, ...)
};

// Takes what became of one request. Called once, on any thread; cheap.
using Done = std::function<void(Outcome)>;

// Takes a short line about preparation ("generated 200000 of 1000000 payments"), for the terminal.
using Progress = std::function<void(std::string_view)>;

// Numbers that describe a scenario in the results. "stored_rows" (rows in the coin store when a run
// begins) is what the plot "rate against stored rows" goes by.
using Facts = std::vector<std::pair<std::string, double>>;

// One kind of load. The engine calls everything but `start` while no request is under way;
// `start` comes from one pacing thread, the answers through the scenario's own.
class Scenario {
 public:
  virtual ~Scenario() = default;

  // Plural noun of what is counted: "payments", "rows", "orders".
  virtual std::string_view item_name() const = 0;
  // What the items are made of, where there is a choice: "coins=70,cheques=30"; else empty. Known
  // once the scenario is prepared.
  virtual std::string item_mix() const { return {}; }
  // Items in one request (the batch size), at least 1: requests/s = items/s / this.
  virtual uint32_t items_per_request() const = 0;

  // Connects, generates, preloads; once, before any clock starts.
  virtual absl::Status prepare(const Progress& progress) = 0;

  // Before each run: requests first_sequence, ..., first_sequence + requests - 1 may be started in
  // it. Whatever is costly and needs no server (making coins) belongs here, so that the generator
  // does not compete with what it measures.
  virtual absl::Status prepare_run(uint64_t first_sequence, uint64_t requests,
                                   const Progress& progress) {
    static_cast<void>(first_sequence), static_cast<void>(requests), static_cast<void>(progress);
    return absl::OkStatus();
  }

  // Starts request number `sequence` and returns at once; what becomes of it goes to `done`.
  // Sequence numbers rise over all runs of a process. Some may be skipped, none comes twice.
  virtual void start(uint64_t sequence, Done done) = 0;

  // Read at the beginning of each run, after prepare_run().
  virtual Facts facts() const { return {}; }

  // After the last run: the scenario's own checks (every planted double-spend was seen, ...). An
  // error fails the load test.
  virtual absl::Status finish(const Progress& progress) {
    static_cast<void>(progress);
    return absl::OkStatus();
  }
};

}  // namespace cafe::loadtest
