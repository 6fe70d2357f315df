// Group commit: concurrent Record requests share one statement and one commit, since a commit
// costs a disk flush however many rows it carries.
//
//   GroupCommit commits({.writers = 2}, store, clock, metrics);
//   CAFE_RETURN_IF_ERROR(commits.submit(std::move(rows), call.deadline,
//                                       [](GroupCommit::Result result) { ... }));
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "libs/platform/admission.h"
#include "libs/platform/clock.h"
#include "libs/platform/metrics.h"
#include "services/doublespend/spend_row.h"

namespace cafe::doublespend {

// Where rows are recorded: CoinStore, or a test's. Thread-safe.
class RecordStore {
 public:
  virtual ~RecordStore() = default;
  // Records all rows in one transaction and returns a verdict for each, in order, once it is
  // committed. Doing it again changes nothing and returns the same.
  virtual absl::StatusOr<std::vector<RecordVerdict>> record(std::span<const SpendRow> rows) = 0;
};

struct GroupCommitOptions {
  uint32_t writers = 2;                 // threads, each with a commit of its own
  size_t max_rows_per_commit = 10'000;  // a single larger request still goes in one commit
  size_t max_queued_rows = 200'000;     // what waits for a writer
  absl::Duration queue_wait = absl::InfiniteDuration();  // what would wait longer is refused
  int max_attempts = 4;                                  // of a commit whose outcome is in doubt
};

class GroupCommit {
 public:
  using Result = absl::StatusOr<std::vector<RecordVerdict>>;
  using Done = absl::AnyInvocable<void(Result)>;

  // `store`, `clock` and `metrics` must outlive it. Series: cafe_coinstore_commit_rows,
  // cafe_coinstore_commit_requests (histograms), cafe_coinstore_rows_total{outcome},
  // cafe_coinstore_queued_rows, and those of Admission for pool "record".
  GroupCommit(const GroupCommitOptions& options, RecordStore& store, const platform::Clock& clock,
              platform::Metrics& metrics);
  // Finishes what is queued.
  ~GroupCommit();
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // Queues rows, never blocking. `done` is called once, on a writer's thread, when they are
  // committed, or with the store's error, after which they may or may not be recorded; recording
  // them again is safe. Errors, after which nothing was done and `done` will not be called:
  // RESOURCE_EXHAUSTED QUEUE_FULL (there is no room, or they would wait too long or past
  // `deadline`), UNAVAILABLE SHUTTING_DOWN.
  absl::Status submit(std::vector<SpendRow> rows, absl::Time deadline, Done done);

  // As submit, and waits for the result.
  Result record(std::vector<SpendRow> rows);

 private:
  struct Request {
    std::vector<SpendRow> rows;
    Done done;
    absl::Time queued;
  };

  void write();
  std::vector<Request> take(absl::Time& began);
  void commit(std::span<Request> group);
  Result record_until_known(std::span<const SpendRow> rows);
  void answer(Request& request, Result result);

  const GroupCommitOptions options_;
  RecordStore& store_;
  const platform::Clock& clock_;
  platform::Histogram& commit_rows_;
  platform::Histogram& commit_requests_;
  platform::Counter& fresh_;
  platform::Counter& repeats_;
  platform::Counter& doubles_;
  platform::Gauge& queued_gauge_;
  std::mutex mutex_;
  std::condition_variable wake_;
  platform::Admission admission_;
  std::deque<Request> queue_;
  size_t queued_rows_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> writers_;
};

}  // namespace cafe::doublespend
