// What a load test ran on, and an auditor's word afterwards.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace cafe::loadtest {

using Json = nlohmann::ordered_json;

struct Machine {
  unsigned cores = 0;  // that this process may use
  std::string cpu;     // model
  uint64_t memory_bytes = 0;
  std::string kernel;
  std::string system;  // "Debian GNU/Linux 12 (bookworm)"
};

// Fields that cannot be read stay empty.
Machine read_machine();

// Runs a shell command that prints JSON with "result": "pass" or "fail", as `cafectl audit --json`
// does, and returns it. Where it prints anything else, or says "pass" but exits with an error, the
// result is "fail", with the reason under "message".
Json run_audit(const std::string& command);

// `text` without passwords in URLs and connection strings, so that a command line can be shown.
std::string redacted(const std::string& text);

}  // namespace cafe::loadtest
