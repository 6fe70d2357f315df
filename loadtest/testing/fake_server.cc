#include "loadtest/testing/fake_server.h"

#include <algorithm>

namespace cafe::loadtest {

FakeServer::FakeServer(FakeServerOptions options, FakeClock& clock)
    : options_(options),
      clock_(clock),
      epoch_ns_(clock.now_ns()),
      free_at_ns_(static_cast<size_t>(options.workers), clock.now_ns()) {}

void FakeServer::start(uint64_t sequence, Done done) {
  clock_.jump(options_.start_takes_ns);
  sequences_.push_back(sequence);
  const uint32_t items = options_.items_per_request;
  if (!options_.answers) {
    unanswered_.push_back(std::move(done));
    return;
  }
  if (waiting_ >= options_.most_waiting) return done({Fate::kRefused, items, "FULL"});
  ++waiting_;
  int64_t& free_at_ns = *std::min_element(free_at_ns_.begin(), free_at_ns_.end());
  int64_t begin_ns = std::max(free_at_ns, clock_.now_ns());
  if (begin_ns >= epoch_ns_ + options_.pause_from_ns && begin_ns < epoch_ns_ + options_.pause_to_ns)
    begin_ns = epoch_ns_ + options_.pause_to_ns;
  free_at_ns = begin_ns + options_.service_ns;
  const bool fails = options_.fail_every != 0 && sequence % options_.fail_every == 0;
  clock_.at(free_at_ns, [this, fails, items, done = std::move(done)] {
    --waiting_;
    done(fails ? Outcome{Fate::kFailed, items, "FAKE"} : Outcome{Fate::kOk, items, ""});
  });
}

}  // namespace cafe::loadtest
