#include "loadtest/testing/made_up_results.h"

#include "loadtest/pacer.h"
#include "loadtest/testing/fake_server.h"

namespace cafe::loadtest {

namespace {

RunResult made_up_run(const RunRequest& request, double stored_rows, uint64_t seed) {
  FakeClock clock;
  const auto service_ns = static_cast<int64_t>(2e6 * (1 + stored_rows / 1e9));
  FakeServer server(
      {.workers = 2, .service_ns = service_ns, .items_per_request = 10, .most_waiting = 200},
      clock);
  const RunShape shape{.requests_per_s = request.items_per_s / 10,
                       .items_per_request = 10,
                       .warmup_s = request.warmup_s,
                       .measure_s = request.measure_s,
                       .arrival = Arrival::kPoisson,
                       .seed = seed};
  const auto recorder = std::make_shared<Recorder>(shape, clock.now_ns());
  const std::atomic<bool> stop = false;
  run_load(server, {}, clock, recorder, stop);
  RunResult result = recorder->result();
  result.purpose = request.purpose;
  result.facts = {{"stored_rows", stored_rows}};
  for (const char* name : {"deposit", "postgres"}) {
    ProcessUse use{name, {}};
    for (int s = 0; s <= static_cast<int>(request.warmup_s + request.measure_s); ++s)
      use.samples.push_back({static_cast<double>(s), 0.5 * s, 100'000'000, 120'000'000});
    result.processes.push_back(use);
  }
  return result;
}

}  // namespace

Campaign made_up_campaign(double stored_rows) {
  uint64_t seed = 0;
  return *run_campaign({.find_rate = true, .sweep = true, .limits = {.p99_ms = 40}},
                       [&](const RunRequest& request) -> absl::StatusOr<RunResult> {
                         return made_up_run(request, stored_rows, ++seed);
                       });
}

TestDescription made_up_description() {
  TestDescription description;
  description.scenario = "fake";
  description.item_name = "things";
  description.mix = "good=3,bad=1";
  description.items_per_request = 10;
  description.started = "2026-01-02T03:04:05Z";
  description.command = {"cafe-loadtest", "fake", "--find-rate", "--p99-ms", "40", "--sweep"};
  description.options = {{"p99-ms", "40"}, {"find-rate", "true"}};
  description.versions = {{"cafe", "0"}, {"compiler", "none"}};
  description.machine = {.cores = 2,
                         .cpu = "Played CPU",
                         .memory_bytes = uint64_t{8} << 30,
                         .kernel = "Linux 6.1.0 x86_64",
                         .system = "Played system"};
  return description;
}

}  // namespace cafe::loadtest
