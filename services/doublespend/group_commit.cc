#include "services/doublespend/group_commit.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <utility>

#include "libs/protocol/status.h"

namespace cafe::doublespend {
namespace {

using protocol::make_error;
using protocol::reason_of;

const std::vector<double>& size_buckets() {
  static const std::vector<double> buckets = {1,   2,    5,    10,   20,    50,    100,   200,
                                              500, 1000, 2000, 5000, 10000, 20000, 50000, 100000};
  return buckets;
}

platform::Counter& rows_counter(platform::Metrics& metrics, const char* outcome) {
  return metrics.counter("cafe_coinstore_rows_total", "Rows recorded, by what they were.",
                         {{"outcome", outcome}});
}

// Whether an error is about the rows and not about the database's state.
bool concerns_rows(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kPermissionDenied:
      return false;
    default:
      return true;
  }
}

}  // namespace

GroupCommit::GroupCommit(const GroupCommitOptions& options, RecordStore& store,
                         const platform::Clock& clock, platform::Metrics& metrics)
    : options_(options),
      store_(store),
      clock_(clock),
      commit_rows_(metrics.histogram("cafe_coinstore_commit_rows", "Rows that shared a commit.", {},
                                     size_buckets())),
      commit_requests_(metrics.histogram("cafe_coinstore_commit_requests",
                                         "Requests that shared a commit.", {}, size_buckets())),
      fresh_(rows_counter(metrics, "fresh")),
      repeats_(rows_counter(metrics, "repeat")),
      doubles_(rows_counter(metrics, "double")),
      queued_gauge_(
          metrics.gauge("cafe_coinstore_queued_rows", "Rows that wait for a writer thread.")),
      admission_("record",
                 {.capacity = options.max_queued_rows,
                  .bytes = options.max_queued_rows * sizeof(SpendRow),
                  .wait = options.queue_wait},
                 std::max(options.writers, 1u), metrics) {
  for (uint32_t i = 0; i < std::max(options_.writers, 1u); ++i) {
    writers_.emplace_back([this] { write(); });
  }
}

GroupCommit::~GroupCommit() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& writer : writers_) {
    writer.join();
  }
}

absl::Status GroupCommit::submit(std::vector<SpendRow> rows, absl::Time deadline, Done done) {
  const absl::Time now = clock_.now();
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      return make_error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN",
                        "The service is stopping: send the request again.");
    }
    CAFE_RETURN_IF_ERROR(admission_.admit(rows.size() * sizeof(SpendRow), deadline - now));
    queued_rows_ += rows.size();
    queued_gauge_.Set(static_cast<double>(queued_rows_));
    queue_.push_back({std::move(rows), std::move(done), now});
  }
  wake_.notify_one();
  return absl::OkStatus();
}

GroupCommit::Result GroupCommit::record(std::vector<SpendRow> rows) {
  std::promise<Result> promise;
  std::future<Result> result = promise.get_future();
  CAFE_RETURN_IF_ERROR(submit(
      std::move(rows), absl::InfiniteFuture(),
      [promise = std::move(promise)](Result done) mutable { promise.set_value(std::move(done)); }));
  return result.get();
}

void GroupCommit::write() {
  for (;;) {
    absl::Time began;
    std::vector<Request> group = take(began);
    if (group.empty()) {
      return;
    }
    size_t bytes = 0;
    for (const Request& request : group) bytes += request.rows.size() * sizeof(SpendRow);
    commit(group);
    const std::lock_guard lock(mutex_);
    admission_.finish(group.size(), bytes, clock_.now() - began);
  }
}

// Everything queued, up to the most rows for one commit. Empty: the end.
std::vector<GroupCommit::Request> GroupCommit::take(absl::Time& began) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  began = clock_.now();
  std::vector<Request> group;
  size_t rows = 0;
  while (!queue_.empty()) {
    const size_t more = queue_.front().rows.size();
    if (!group.empty() && rows + more > options_.max_rows_per_commit) {
      break;
    }
    rows += more;
    admission_.start(more * sizeof(SpendRow), began - queue_.front().queued);
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  queued_rows_ -= rows;
  queued_gauge_.Set(static_cast<double>(queued_rows_));
  return group;
}

void GroupCommit::commit(std::span<Request> group) {
  std::vector<SpendRow> rows;
  size_t count = 0;
  for (const Request& request : group) count += request.rows.size();
  rows.reserve(count);
  for (const Request& request : group) {
    rows.insert(rows.end(), request.rows.begin(), request.rows.end());
  }
  Result result = record_until_known(rows);
  if (!result.ok() && group.size() > 1 && concerns_rows(result.status())) {
    // One request's rows must not fail the others': each alone, then.
    for (size_t i = 0; i < group.size(); ++i) {
      commit(group.subspan(i, 1));
    }
    return;
  }
  if (!result.ok()) {
    for (Request& request : group) {
      answer(request, result.status());
    }
    return;
  }
  commit_rows_.Observe(static_cast<double>(rows.size()));
  commit_requests_.Observe(static_cast<double>(group.size()));
  auto next = result->begin();
  for (Request& request : group) {
    const auto end = next + static_cast<std::ptrdiff_t>(request.rows.size());
    answer(request, std::vector<RecordVerdict>(std::move_iterator(next), std::move_iterator(end)));
    next = end;
  }
}

GroupCommit::Result GroupCommit::record_until_known(std::span<const SpendRow> rows) {
  Result result = store_.record(rows);
  // Recording again finds the rows where they were committed and writes them where they were not.
  for (int attempt = 1; attempt < options_.max_attempts && !result.ok() &&
                        reason_of(result.status()) == "COMMIT_IN_DOUBT";
       ++attempt) {
    result = store_.record(rows);
  }
  if (result.ok() && result->size() != rows.size()) {
    return absl::InternalError("the store answered another number of rows than it was given");
  }
  return result;
}

void GroupCommit::answer(Request& request, Result result) {
  if (result.ok()) {
    const auto count = [&](Outcome outcome) {
      return static_cast<double>(
          std::count_if(result->begin(), result->end(),
                        [&](const RecordVerdict& verdict) { return verdict.outcome == outcome; }));
    };
    fresh_.Increment(count(Outcome::kFresh));
    repeats_.Increment(count(Outcome::kRepeat));
    doubles_.Increment(count(Outcome::kDouble));
  }
  request.done(std::move(result));
}

}  // namespace cafe::doublespend
