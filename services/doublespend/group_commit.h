// Group commit: concurrent Record requests share one statement and one commit, since a commit
// costs a disk flush however many rows it carries.
//
//   GroupCommit commits({.writers = 2}, store, metrics);
//   CAFE_ASSIGN_OR_RETURN(std::vector<RecordVerdict> verdicts, commits.record(std::move(rows)));
#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
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
  size_t max_queued_rows = 400'000;     // what waits for a writer
  int max_attempts = 4;                 // of a commit whose outcome is in doubt
};

class GroupCommit {
 public:
  // `store` and `metrics` must outlive it. Series: cafe_coinstore_commit_rows,
  // cafe_coinstore_commit_requests (histograms), cafe_coinstore_rows_total{outcome},
  // cafe_coinstore_queued_rows.
  GroupCommit(const GroupCommitOptions& options, RecordStore& store, platform::Metrics& metrics);
  // Finishes what is queued.
  ~GroupCommit();
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // Blocks until the rows are committed. Errors: RESOURCE_EXHAUSTED QUEUE_FULL (at once, nothing
  // was done), and those of the store, after which the rows may or may not be recorded; recording
  // them again is safe.
  absl::StatusOr<std::vector<RecordVerdict>> record(std::vector<SpendRow> rows);

 private:
  using Result = absl::StatusOr<std::vector<RecordVerdict>>;
  struct Request {
    std::vector<SpendRow> rows;
    std::promise<Result> done;
  };

  void write();
  std::vector<Request> take();
  void commit(std::span<Request> group);
  Result record_until_known(std::span<const SpendRow> rows);
  void answer(Request& request, Result result);

  const GroupCommitOptions options_;
  RecordStore& store_;
  platform::Histogram& commit_rows_;
  platform::Histogram& commit_requests_;
  platform::Counter& fresh_;
  platform::Counter& repeats_;
  platform::Counter& doubles_;
  platform::Gauge& queued_gauge_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Request> queue_;
  size_t queued_rows_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> writers_;
};

}  // namespace cafe::doublespend
