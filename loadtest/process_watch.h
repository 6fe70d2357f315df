// What processes use while a load runs: memory and CPU time, from Linux's /proc.
//
//   ProcessWatch watch({{"deposit", 4711}, {"postgres", 4712}});
//   watch.sample(seconds_since_start);     // once a second
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace cafe::loadtest {

struct UsageSample {
  double at_s = 0;          // since the run began
  double cpu_s = 0;         // user and system time since the process began
  uint64_t rss_bytes = 0;   // 0: the process was gone
  uint64_t peak_bytes = 0;  // the highest of rss_bytes; of a single process, as the kernel kept it
};

struct ProcessUse {
  std::string name;
  std::vector<UsageSample> samples;

  // CPU time between two times since the start, from the samples nearest to them.
  double cpu_s_between(double from_s, double to_s) const;
  uint64_t peak_bytes() const;
};

// What one process and all its descendants use now. CPU time includes that of descendants which
// have ended. Memory that descendants share (PostgreSQL's buffers) counts once: anonymous memory is
// summed, of file-backed and shared memory the largest share of one process is taken.
UsageSample read_usage(pid_t pid, const std::string& proc_dir = "/proc");

class ProcessWatch {
 public:
  // Names with process ids.
  explicit ProcessWatch(std::vector<std::pair<std::string, pid_t>> processes,
                        std::string proc_dir = "/proc");

  // Takes the place of a sample less than kLeastGapS before: a rate between two samples that close
  // would be made of the kernel's rounding.
  static constexpr double kLeastGapS = 0.3;
  void sample(double at_s);
  // The samples since the last call.
  std::vector<ProcessUse> take();

 private:
  std::vector<std::pair<std::string, pid_t>> processes_;
  std::string proc_dir_;
  std::vector<ProcessUse> uses_;
};

}  // namespace cafe::loadtest
