// CPU time of this process and of a server's, for benchmarks that tell them apart.
#pragma once

#include <dirent.h>
#include <sys/types.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <sstream>
#include <string>

namespace cafe::testing {

// Of this process so far, in seconds.
inline double own_cpu_s() {
  timespec at{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

// Of the processes that `parent` started and that still run, in seconds.
inline double children_cpu_s(pid_t parent) {
  double ticks = 0;
  DIR* const folder = ::opendir("/proc");
  if (folder == nullptr) return 0;
  while (const dirent* const entry = ::readdir(folder)) {
    std::ifstream in(std::string("/proc/") + entry->d_name + "/stat");
    std::string line;
    if (!std::getline(in, line)) continue;
    // pid (name) state parent, nine more, user time, system time
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string state;
    pid_t its_parent = 0;
    uint64_t skipped = 0, user = 0, system = 0;
    fields >> state >> its_parent;
    for (int i = 0; i < 9; ++i) fields >> skipped;
    fields >> user >> system;
    if (its_parent == parent) ticks += static_cast<double>(user + system);
  }
  ::closedir(folder);
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace cafe::testing
