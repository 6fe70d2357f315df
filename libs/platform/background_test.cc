#include "libs/platform/background.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <semaphore>
#include <stdexcept>
#include <thread>

#include "libs/platform/log.h"

namespace cafe::platform {
namespace {

class BackgroundTest : public ::testing::Test {
 protected:
  Metrics metrics_{"test"};
  LogCapture quiet_{[](const std::string&) {}};
};

TEST_F(BackgroundTest, RunsAtOnceAndWhenNotified) {
  std::counting_semaphore<> ran{0};
  BackgroundWorker worker("w", absl::InfiniteDuration(), metrics_, [&](const std::stop_token&) {
    ran.release();
    return absl::OkStatus();
  });
  ran.acquire();
  worker.notify();
  ran.acquire();
  worker.stop();
  EXPECT_FALSE(ran.try_acquire());
}

TEST_F(BackgroundTest, RunsAgainAfterTheInterval) {
  std::counting_semaphore<> ran{0};
  const BackgroundWorker worker("w", absl::Milliseconds(1), metrics_, [&](const std::stop_token&) {
    ran.release();
    return absl::OkStatus();
  });
  for (int i = 0; i < 3; ++i) {
    ran.acquire();
  }
}

TEST_F(BackgroundTest, NotifyDuringARunMakesOneMore) {
  std::counting_semaphore<> started{0};
  std::counting_semaphore<> go{0};
  BackgroundWorker worker("w", absl::InfiniteDuration(), metrics_, [&](const std::stop_token&) {
    started.release();
    go.acquire();
    return absl::OkStatus();
  });
  started.acquire();
  worker.notify();
  worker.notify();
  go.release();
  started.acquire();
  go.release();
  worker.stop();
  EXPECT_FALSE(started.try_acquire());
}

TEST_F(BackgroundTest, StopInterruptsAWorkThatAsks) {
  std::promise<void> started;
  BackgroundWorker worker("w", absl::Hours(1), metrics_, [&](const std::stop_token& stop) {
    started.set_value();
    while (!stop.stop_requested()) {
      std::this_thread::yield();
    }
    return absl::OkStatus();
  });
  started.get_future().wait();
  worker.stop();
  worker.stop();
}

TEST_F(BackgroundTest, FailuresAndExceptionsAreCountedAndDoNotEndIt) {
  std::counting_semaphore<> ran{0};
  int run = 0;
  BackgroundWorker worker("w", absl::Milliseconds(1), metrics_,
                          [&](const std::stop_token&) -> absl::Status {
                            ran.release();
                            switch (++run) {
                              case 1:
                                return absl::UnavailableError("no database");
                              case 2:
                                throw std::runtime_error("oops");
                              case 3:
                                throw 1;
                              default:
                                return absl::OkStatus();
                            }
                          });
  for (int i = 0; i < 5; ++i) {
    ran.acquire();
  }
  worker.stop();
  EXPECT_THAT(metrics_.expose(),
              ::testing::HasSubstr("cafe_background_runs_total{service=\"test\",outcome=\"failed\","
                                   "worker=\"w\"} 3"));
}

}  // namespace
}  // namespace cafe::platform
