#include "services/deposit/parallel.h"

#include <algorithm>

#include "absl/synchronization/blocking_counter.h"

namespace cafe::deposit {

void parallel_for(platform::WorkPool& pool, size_t threads, size_t n, size_t least,
                  absl::FunctionRef<void(size_t begin, size_t end)> part) {
  const size_t share = std::max(least, (n + threads) / (threads + 1));
  if (n <= share) {
    if (n > 0) part(0, n);
    return;
  }
  const size_t handed_over = (n - 1) / share;  // all but the first
  absl::BlockingCounter done(static_cast<int>(handed_over));
  for (size_t begin = share; begin < n; begin += share) {
    const size_t end = std::min(n, begin + share);
    const absl::Status queued = pool.submit(absl::InfiniteFuture(), [&, begin, end](auto&) {
      part(begin, end);
      done.DecrementCount();
    });
    if (!queued.ok()) {  // busy or draining: then here
      part(begin, end);
      done.DecrementCount();
    }
  }
  part(0, share);
  done.Wait();
}

}  // namespace cafe::deposit
