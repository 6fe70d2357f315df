#include "loadtest/process_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace cafe::loadtest {
namespace {

namespace fs = std::filesystem;

// A folder like /proc with made-up processes.
class ProcessWatchTest : public ::testing::Test {
 protected:
  ProcessWatchTest() {
    std::string name = (fs::temp_directory_path() / "cafe-proc-XXXXXX").string();
    proc_ = mkdtemp(name.data());
    ticks_ = sysconf(_SC_CLK_TCK);
  }
  ~ProcessWatchTest() override { fs::remove_all(proc_); }

  struct Made {
    long user_s = 0;
    long children_s = 0;
    int anonymous_kib = 0;
    int shared_kib = 0;
    std::string children{};
  };

  void make(int pid, const Made& made) {
    const std::string id = std::to_string(pid);
    const fs::path folder = proc_ / id;
    fs::create_directories(folder / "task" / id);
    std::ofstream(folder / "task" / id / "children") << made.children;
    std::ofstream(folder / "stat")
        << id << " (a (very) odd name) S 1 2 3 4 5 6 7 8 9 10 " << made.user_s * ticks_ << " 0 "
        << made.children_s * ticks_ << " 0 20 0 1 0\n";
    std::ofstream(folder / "status")
        << "Name:\tx\nVmHWM:\t" << made.anonymous_kib + made.shared_kib + 1000 << " kB\nVmRSS:\t"
        << made.anonymous_kib + made.shared_kib << " kB\nRssAnon:\t" << made.anonymous_kib
        << " kB\nRssFile:\t0 kB\nRssShmem:\t" << made.shared_kib << " kB\n";
  }

  fs::path proc_;
  long ticks_ = 100;
};

TEST_F(ProcessWatchTest, ReadsOneProcess) {
  make(10, {.user_s = 3, .anonymous_kib = 500, .shared_kib = 24});
  const UsageSample sample = read_usage(10, proc_);
  EXPECT_DOUBLE_EQ(sample.cpu_s, 3);
  EXPECT_EQ(sample.rss_bytes, 524u * 1024);
  EXPECT_EQ(sample.peak_bytes, 1524u * 1024);
}

TEST_F(ProcessWatchTest, AddsUpDescendantsButSharedMemoryOnlyOnce) {
  make(
      10,
      {.user_s = 1, .children_s = 7, .anonymous_kib = 10, .shared_kib = 900, .children = "11 12 "});
  make(11, {.user_s = 2, .anonymous_kib = 20, .shared_kib = 800, .children = "13 "});
  make(12, {.user_s = 3, .anonymous_kib = 30, .shared_kib = 700});
  make(13, {.user_s = 4, .anonymous_kib = 40, .shared_kib = 950});
  const UsageSample sample = read_usage(10, proc_);
  EXPECT_DOUBLE_EQ(sample.cpu_s, 1 + 7 + 2 + 3 + 4);
  EXPECT_EQ(sample.rss_bytes, (10u + 20 + 30 + 40 + 950) * 1024);
}

TEST_F(ProcessWatchTest, CpuTimeBetweenTwoTimesComesFromTheNearestSamples) {
  const ProcessUse use{"x",
                       {{.at_s = 0, .cpu_s = 1},
                        {.at_s = 2.1, .cpu_s = 2},
                        {.at_s = 4.1, .cpu_s = 5},
                        {.at_s = 9, .cpu_s = 5}}};
  EXPECT_NEAR(use.cpu_s_between(2, 4), 3, 1e-9);
  EXPECT_NEAR(use.cpu_s_between(0, 2.1), 1, 1e-9);
  EXPECT_EQ(ProcessUse{}.cpu_s_between(0, 1), 0);
}

TEST_F(ProcessWatchTest, AProcessThatEndedHasNoMoreSamples) {
  make(10, {.user_s = 1, .anonymous_kib = 1});
  ProcessWatch watch({{"ten", 10}}, proc_);
  watch.sample(0);
  fs::remove_all(proc_ / "10");
  watch.sample(1);
  const std::vector<ProcessUse> uses = watch.take();
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(uses[0].name, "ten");
  EXPECT_EQ(uses[0].samples.size(), 1u);
  EXPECT_TRUE(watch.take()[0].samples.empty());
}

TEST_F(ProcessWatchTest, TheLaterOfTwoCloseSamplesStays) {
  make(10, {.user_s = 1, .anonymous_kib = 1});
  ProcessWatch watch({{"ten", 10}}, proc_);
  for (const double at_s : {0.0, 1.0, 1.1, 2.1}) watch.sample(at_s);
  std::vector<double> times;
  const std::vector<ProcessUse> uses = watch.take();
  for (const UsageSample& sample : uses[0].samples) times.push_back(sample.at_s);
  EXPECT_EQ(times, (std::vector<double>{0.0, 1.1, 2.1}));
}

TEST(RealProcessWatchTest, SeesThisProcess) {
  const UsageSample sample = read_usage(getpid());
  EXPECT_GT(sample.rss_bytes, 1'000'000u);
  EXPECT_GE(sample.peak_bytes, sample.rss_bytes);
}

}  // namespace
}  // namespace cafe::loadtest
