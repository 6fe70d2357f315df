#include "loadtest/process_watch.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

namespace cafe::loadtest {

namespace {

// The lines of /proc/PID/status that matter, in bytes.
struct Memory {
  uint64_t rss = 0;
  uint64_t peak = 0;
  uint64_t anonymous = 0;
  uint64_t shared = 0;  // files and shared memory
};

Memory read_memory(const std::string& folder) {
  std::ifstream in(folder + "/status");
  Memory memory;
  std::string key;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    uint64_t kib = 0;
    if (!(fields >> key >> kib)) continue;
    const uint64_t bytes = kib * 1024;
    if (key == "VmRSS:") memory.rss = bytes;
    if (key == "VmHWM:") memory.peak = bytes;
    if (key == "RssAnon:") memory.anonymous = bytes;
    if (key == "RssFile:" || key == "RssShmem:") memory.shared += bytes;
  }
  return memory;
}

// CPU time with that of children which have ended and were waited for.
double read_cpu_s(const std::string& folder) {
  std::ifstream in(folder + "/stat");
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  // The name, in parentheses, may hold anything; fields are counted from behind it.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  uint64_t ticks = 0;
  for (int field = 14; field <= 17; ++field) {  // utime, stime, cutime, cstime
    uint64_t value = 0;
    fields >> value;
    ticks += value;
  }
  return static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::vector<pid_t> with_descendants(const std::string& proc_dir, pid_t pid) {
  std::vector<pid_t> all = {pid};
  // `all` grows while it is walked.
  for (size_t i = 0; i < all.size(); ++i) {  // NOLINT(modernize-loop-convert)
    const std::string id = std::to_string(all[i]);
    std::string path = proc_dir;
    path.append("/").append(id).append("/task/").append(id).append("/children");
    std::ifstream children(path);
    for (pid_t child = 0; children >> child;) all.push_back(child);
  }
  return all;
}

}  // namespace

UsageSample read_usage(pid_t pid, const std::string& proc_dir) {
  UsageSample total;
  uint64_t anonymous = 0;
  uint64_t shared = 0;
  const std::vector<pid_t> all = with_descendants(proc_dir, pid);
  for (const pid_t each : all) {
    std::string folder = proc_dir;
    folder.append("/").append(std::to_string(each));
    const Memory memory = read_memory(folder);
    total.cpu_s += read_cpu_s(folder);
    anonymous += memory.anonymous;
    shared = std::max(shared, memory.shared);
    if (each == pid && all.size() == 1) total.peak_bytes = memory.peak;
  }
  total.rss_bytes = anonymous + shared;
  total.peak_bytes = std::max(total.peak_bytes, total.rss_bytes);
  return total;
}

double ProcessUse::cpu_s_between(double from_s, double to_s) const {
  if (samples.empty()) return 0;
  const auto nearest = [&](double at_s) {
    return *std::min_element(samples.begin(), samples.end(), [&](const auto& a, const auto& b) {
      return std::abs(a.at_s - at_s) < std::abs(b.at_s - at_s);
    });
  };
  const UsageSample from = nearest(from_s);
  const UsageSample to = nearest(to_s);
  if (to.at_s <= from.at_s) return 0;
  // Samples may lie beside the times asked for.
  return (to.cpu_s - from.cpu_s) * (to_s - from_s) / (to.at_s - from.at_s);
}

uint64_t ProcessUse::peak_bytes() const {
  uint64_t peak = 0;
  for (const UsageSample& sample : samples) peak = std::max(peak, sample.peak_bytes);
  return peak;
}

ProcessWatch::ProcessWatch(std::vector<std::pair<std::string, pid_t>> processes,
                           std::string proc_dir)
    : processes_(std::move(processes)), proc_dir_(std::move(proc_dir)) {
  take();
}

void ProcessWatch::sample(double at_s) {
  for (size_t i = 0; i < processes_.size(); ++i) {
    UsageSample sample = read_usage(processes_[i].second, proc_dir_);
    if (sample.rss_bytes == 0) continue;  // it has ended
    sample.at_s = at_s;
    std::vector<UsageSample>& samples = uses_[i].samples;
    if (!samples.empty() && at_s - samples.back().at_s < kLeastGapS) samples.pop_back();
    samples.push_back(sample);
  }
}

std::vector<ProcessUse> ProcessWatch::take() {
  std::vector<ProcessUse> taken;
  for (const auto& [name, pid] : processes_) taken.push_back({name, {}});
  taken.swap(uses_);
  return taken;
}

}  // namespace cafe::loadtest
