#include "libs/platform/failpoint.h"

#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/platform/error.h"
#include "libs/platform/log.h"
#include "libs/platform/string_view.h"

namespace cafe::platform {

namespace failpoint_internal {
std::atomic<bool> armed{false};
}  // namespace failpoint_internal

namespace {

struct Failpoint {
  bool crash = false;
  std::optional<uint64_t> at;  // the passing at which it acts; none: each
  uint64_t passed = 0;
};

using Failpoints = std::map<std::string, Failpoint, std::less<>>;

std::mutex mutex;

Failpoints& failpoints() {
  static auto* const points = new Failpoints;  // never destroyed: threads may pass during exit
  return *points;
}

absl::Status bad(absl::string_view item) {
  return absl::InvalidArgumentError(absl::StrCat(
      "--failpoints: '", item, "' is not name=crash, name=crash@K, name=error or name=error@K"));
}

// "crash@3"
std::optional<Failpoint> parse_action(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('@', 1));
  Failpoint point;
  point.crash = parts.first == "crash";
  if (!point.crash && parts.first != "error") {
    return std::nullopt;
  }
  if (text.find('@') != absl::string_view::npos) {
    uint64_t at = 0;
    if (!absl::SimpleAtoi(parts.second, &at) || at == 0) {
      return std::nullopt;
    }
    point.at = at;
  } else if (point.crash) {
    point.at = 1;
  }
  return point;
}

}  // namespace

absl::Status arm_failpoints(std::string_view spec) {
  Failpoints parsed;
  for (absl::string_view item : absl::StrSplit(to_absl(spec), ';', absl::SkipWhitespace())) {
    item = absl::StripAsciiWhitespace(item);
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(item, absl::MaxSplits('=', 1));
    const std::optional<Failpoint> point = parse_action(parts.second);
    if (parts.first.empty() || !point.has_value() ||
        !parsed.emplace(std::string(parts.first), *point).second) {
      return bad(item);
    }
  }
  for (const auto& [name, point] : parsed) {
    log_warning("FAILPOINT ARMED: this process will fail on purpose",
                {{"failpoint", name},
                 {"action", point.crash ? "crash" : "error"},
                 {"at", point.at.value_or(0)}});
  }
  const std::lock_guard lock(mutex);
  failpoints() = std::move(parsed);
  failpoint_internal::armed = !failpoints().empty();
  return absl::OkStatus();
}

absl::Status failpoint_internal::pass(std::string_view name) {
  const std::lock_guard lock(mutex);
  const auto found = failpoints().find(name);
  if (found == failpoints().end()) {
    return absl::OkStatus();
  }
  Failpoint& point = found->second;
  ++point.passed;
  if (point.at.has_value() && *point.at != point.passed) {
    return absl::OkStatus();
  }
  log_warning("FAILPOINT HIT", {{"failpoint", name}, {"passing", point.passed}});
  if (point.crash) {
    ::kill(::getpid(), SIGKILL);
    for (;;) {
      ::pause();  // until the signal is delivered
    }
  }
  return make_error(absl::StatusCode::kUnavailable, "FAILPOINT",
                    absl::StrCat("The failpoint ", to_absl(name), " made this fail on purpose."));
}

}  // namespace cafe::platform
