// Structured logs on stderr: one line a record, a constant message and its fields.
//
//   log_info("order completed", {{"account", account_hex}, {"n", order.number}, {"coins",
//   coins.size()}});
//
//   text: 2026-01-02T03:04:05.123456Z info deposit order completed account=ab12 n=7 coins=3
//   request=9f… json: {"time":"…","level":"info","service":"deposit","message":"order
//   completed","account":"ab12","n":7,…}
//
// The request id of the thread's RequestScope is added. Nothing secret and no coin is ever a field.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace cafe::platform {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

// A key and a value. Made in the argument list of a log call; does not own borrowed text.
struct LogField {
  using Value = std::variant<std::string_view, std::string, int64_t, uint64_t, double, bool>;

  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
  LogField(std::string_view name, const std::string& text)
      : key(name), value(std::string_view(text)) {}
#ifndef ABSL_USES_STD_STRING_VIEW
  LogField(std::string_view name, absl::string_view text)
      : key(name), value(std::string_view(text.data(), text.size())) {}
#endif
  // CODE: message [reason]
  LogField(std::string_view name, const absl::Status& status);
  LogField(std::string_view name, absl::Duration duration);  // in milliseconds: name it so
  template <class T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
  LogField(std::string_view name, T number) : key(name) {
    if constexpr (std::is_same_v<T, bool>) {
      value = number;
    } else if constexpr (std::is_floating_point_v<T>) {
      value = static_cast<double>(number);
    } else if constexpr (std::is_signed_v<T>) {
      value = static_cast<int64_t>(number);
    } else {
      value = static_cast<uint64_t>(number);
    }
  }

  std::string_view key;
  Value value;
};

using LogFields = std::initializer_list<LogField>;

// Sets how and what the process logs. Call once, first thing in main; before it, text at level
// info.
void init_logging(std::string_view service, LogLevel level, LogFormat format);

// "debug", "info", "warning", "error"; "text", "json". False when `name` is none of them.
bool parse_log_level(std::string_view name, LogLevel& level);
bool parse_log_format(std::string_view name, LogFormat& format);

void log(LogLevel level, std::string_view message, LogFields fields = {});
void log_debug(std::string_view message, LogFields fields = {});
void log_info(std::string_view message, LogFields fields = {});
void log_warning(std::string_view message, LogFields fields = {});
void log_error(std::string_view message, LogFields fields = {});

// One record as a line without its newline.
struct LogRecord {
  absl::Time time{};
  LogLevel level = LogLevel::kInfo;
  std::string_view service{};
  std::string_view message{};
  std::string_view request_id{};  // may be empty
};
std::string format_log(const LogRecord& record, LogFields fields, LogFormat format);

// `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
std::string json_quote(std::string_view text);

// For tests: while it lives, lines go to `sink` (under a lock) and not to stderr.
class LogCapture {
 public:
  explicit LogCapture(std::function<void(const std::string& line)> sink);
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
};

}  // namespace cafe::platform
