#include "services/deposit/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace cafe::deposit {
namespace {

TEST(ParallelFor, DoesEveryItemOnce) {
  const platform::SystemClock clock;
  platform::Metrics metrics("test");
  platform::WorkPool pool({.name = "check", .workers = 3, .queue_capacity = 2}, clock, metrics);
  for (const size_t n : {0u, 1u, 3u, 4u, 5u, 17u, 1000u}) {
    for (const size_t threads : {1u, 3u, 64u}) {  // 64: more parts than the queue takes
      std::vector<std::atomic<int>> done(n);
      parallel_for(pool, threads, n, 4, [&](size_t begin, size_t end) {
        EXPECT_TRUE(end == n || end - begin >= 4);
        for (size_t i = begin; i < end; ++i) ++done[i];
      });
      for (size_t i = 0; i < n; ++i) EXPECT_EQ(done[i], 1) << i << " of " << n;
    }
  }
}

TEST(ParallelFor, GoesOnWhileThePoolDrains) {
  const platform::SystemClock clock;
  platform::Metrics metrics("test");
  platform::WorkPool pool({.name = "check", .workers = 2}, clock, metrics);
  pool.drain();
  std::atomic<size_t> done = 0;
  parallel_for(pool, 2, 100, 1, [&](size_t begin, size_t end) { done += end - begin; });
  EXPECT_EQ(done, 100u);
}

}  // namespace
}  // namespace cafe::deposit
