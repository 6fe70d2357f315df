#include "loadtest/machine.h"

#include <sched.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <regex>
#include <sstream>

namespace cafe::loadtest {

namespace {

// The rest of the first line of `path` that begins with `key`, without blanks, quotes and colons
// around it.
std::string value_of(const std::string& path, const std::string& key) {
  std::ifstream in(path);
  constexpr const char* kAround = " \t:=\"";
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const std::string rest = line.substr(key.size());
    const size_t first = rest.find_first_not_of(kAround);
    if (first == std::string::npos) return "";
    return rest.substr(first, rest.find_last_not_of(kAround) - first + 1);
  }
  return "";
}

}  // namespace

Machine read_machine() {
  Machine machine;
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) == 0)
    machine.cores = static_cast<unsigned>(CPU_COUNT(&cores));
  machine.cpu = value_of("/proc/cpuinfo", "model name");
  uint64_t kib = 0;
  if (std::istringstream(value_of("/proc/meminfo", "MemTotal")) >> kib)
    machine.memory_bytes = kib * 1024;
  utsname kernel{};
  if (uname(&kernel) == 0)
    machine.kernel = std::string(kernel.sysname) + " " + kernel.release + " " + kernel.machine;
  machine.system = value_of("/etc/os-release", "PRETTY_NAME");
  return machine;
}

Json run_audit(const std::string& command) {
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {{"result", "fail"}, {"message", "the audit could not be started"}};
  std::string output;
  std::array<char, 4096> buffer{};
  for (size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.append(buffer.data(), n);
  const int status = pclose(pipe);
  Json audit = Json::parse(output, nullptr, false);
  if (!audit.is_object() || !audit.contains("result") || !audit["result"].is_string())
    return {{"result", "fail"}, {"message", "the audit printed no result"}, {"output", output}};
  if (audit["result"] == "pass" && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
    audit["result"] = "fail";
    audit["message"] = "the audit exited with an error";
  }
  return audit;
}

std::string redacted(const std::string& text) {
  static const std::regex kUrl(R"((://[^:/@\s]+):[^@\s]+@)");
  static const std::regex kKey(R"((password|passwd|secret|token)=[^\s&]+)", std::regex::icase);
  return std::regex_replace(std::regex_replace(text, kUrl, "$1:***@"), kKey, "$1=***");
}

}  // namespace cafe::loadtest
