#include "libs/platform/bounded_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace cafe::platform {
namespace {

TEST(BoundedCache, FindsWhatWasInserted) {
  BoundedCache<int, std::string> cache(4);
  EXPECT_EQ(cache.find(1), std::nullopt);
  cache.insert(1, "one");
  EXPECT_EQ(cache.find(1), "one");
  cache.insert(1, "uno");
  EXPECT_EQ(cache.find(1), "uno");
  EXPECT_EQ(cache.size(), 1u);
}

TEST(BoundedCache, NeverHoldsMoreThanItMay) {
  BoundedCache<int, int> cache(10);
  for (int i = 0; i < 1000; ++i) {
    cache.insert(i, i);
    cache.find(i / 2);
    ASSERT_LE(cache.size(), 10u);
    EXPECT_EQ(cache.find(i), i);
  }
}

TEST(BoundedCache, KeepsWhatIsUsed) {
  BoundedCache<int, int> cache(10);
  cache.insert(-1, 7);
  cache.insert(-2, 8);
  for (int i = 0; i < 1000; ++i) {
    cache.insert(i, i);
    EXPECT_EQ(cache.find(-1), 7) << i;
  }
  EXPECT_EQ(cache.find(-2), std::nullopt) << "nobody asked for it";
}

}  // namespace
}  // namespace cafe::platform
