#include "libs/platform/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "libs/platform/error.h"
#include "libs/platform/request_scope.h"
#include "libs/platform/string_view.h"

namespace cafe::platform {
namespace {

// Process-wide on purpose: a log call must not need a logger handed down to it.
struct State {
  std::atomic<LogLevel> level{LogLevel::kInfo};
  std::mutex mutex;  // guards the rest
  std::string service = "cafe";
  LogFormat format = LogFormat::kText;
  std::function<void(const std::string&)> capture;
  std::shared_ptr<spdlog::logger> logger = make_logger();

  static std::shared_ptr<spdlog::logger> make_logger() {
    auto logger =
        std::make_shared<spdlog::logger>("cafe", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%v");  // lines arrive complete
    logger->set_level(spdlog::level::trace);
    return logger;
  }
};

State& state() {
  static State* const instance = new State;  // never destroyed: threads may log during exit
  return *instance;
}

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// The length of the valid UTF-8 sequence at the start of `text`, or 0. Overlong forms, surrogates
// and values above U+10FFFF are not valid.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80                     ? 1
                        : first >= 0xC2 && first <= 0xDF ? 2
                        : first >= 0xE0 && first <= 0xEF ? 3
                        : first >= 0xF0 && first <= 0xF4 ? 4
                                                         : 0;
  if (length == 0 || text.size() < length) {
    return 0;
  }
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) {
      return 0;
    }
  }
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool surrogate = first == 0xED && byte(1) > 0x9F;
  const bool too_large = first == 0xF4 && byte(1) > 0x8F;
  return overlong || surrogate || too_large ? 0 : length;
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) {
    return true;
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7F || c == '"' || c == '=' || c == '\\') {
      return true;
    }
  }
  return false;
}

// A message is a constant sentence: quoted only if somebody put a line break or the like into it.
std::string plain_message(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ') {
      return json_quote(text);
    }
  }
  return std::string(text);
}

std::string value_text(const LogField::Value& value, LogFormat format) {
  const auto quote = [format](std::string_view text) {
    return format == LogFormat::kJson || needs_quotes(text) ? json_quote(text) : std::string(text);
  };
  return std::visit(
      [&](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, bool>) {
          return v ? "true" : "false";
        } else if constexpr (std::is_same_v<T, double>) {
          // JSON knows no infinity.
          return std::isfinite(v) ? absl::StrFormat("%.9g", v) : quote(absl::StrFormat("%g", v));
        } else if constexpr (std::is_integral_v<T>) {
          return absl::StrCat(v);
        } else {
          return quote(v);
        }
      },
      value);
}

}  // namespace

LogField::LogField(std::string_view name, const absl::Status& status) : key(name) {
  const std::string reason = reason_of(status);
  std::string text = absl::StatusCodeToString(status.code());
  if (!status.message().empty()) {
    absl::StrAppend(&text, ": ", status.message());
  }
  if (!reason.empty()) {
    absl::StrAppend(&text, " [", reason, "]");
  }
  value = std::move(text);
}

LogField::LogField(std::string_view name, absl::Duration duration)
    : key(name), value(absl::ToDoubleMilliseconds(duration)) {}

void init_logging(std::string_view service, LogLevel level, LogFormat format) {
  State& log = state();
  const std::lock_guard lock(log.mutex);
  log.service = service;
  log.format = format;
  log.level = level;
}

bool parse_log_level(std::string_view name, LogLevel& level) {
  for (const LogLevel candidate :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (level_name(candidate) == name) {
      level = candidate;
      return true;
    }
  }
  return false;
}

bool parse_log_format(std::string_view name, LogFormat& format) {
  if (name != "text" && name != "json") {
    return false;
  }
  format = name == "json" ? LogFormat::kJson : LogFormat::kText;
  return true;
}

std::string json_quote(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const char c = text.front();
    const size_t length = utf8_length(text);
    if (length == 0) {
      quoted += "\xEF\xBF\xBD";
    } else if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      absl::StrAppendFormat(&quoted, "\\u%04x", static_cast<unsigned>(c));
    } else {
      quoted += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  quoted += '"';
  return quoted;
}

std::string format_log(const LogRecord& record, LogFields fields, LogFormat format) {
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", record.time, absl::UTCTimeZone());
  std::string line;
  if (format == LogFormat::kText) {
    absl::StrAppend(&line, time, " ", to_absl(level_name(record.level)), " ",
                    to_absl(record.service), " ", plain_message(record.message));
    for (const LogField& field : fields) {
      absl::StrAppend(&line, " ", to_absl(field.key), "=", value_text(field.value, format));
    }
    if (!record.request_id.empty()) {
      absl::StrAppend(&line, " request=", value_text(record.request_id, format));
    }
    return line;
  }
  absl::StrAppend(&line, "{\"time\":\"", time, "\",\"level\":\"", to_absl(level_name(record.level)),
                  "\",\"service\":", json_quote(record.service),
                  ",\"message\":", json_quote(record.message));
  for (const LogField& field : fields) {
    absl::StrAppend(&line, ",", json_quote(field.key), ":", value_text(field.value, format));
  }
  if (!record.request_id.empty()) {
    absl::StrAppend(&line, ",\"request\":", json_quote(record.request_id));
  }
  return line + "}";
}

void log(LogLevel level, std::string_view message, LogFields fields) {
  State& log = state();
  if (level < log.level.load(std::memory_order_relaxed)) {
    return;
  }
  std::unique_lock lock(log.mutex);
  const std::string line = format_log({.time = absl::Now(),
                                       .level = level,
                                       .service = log.service,
                                       .message = message,
                                       .request_id = RequestScope::current_id()},
                                      fields, log.format);
  if (log.capture) {
    log.capture(line);
    return;
  }
  lock.unlock();
  log.logger->log(spdlog_level(level), spdlog::string_view_t(line));
}

void log_debug(std::string_view message, LogFields fields) {
  log(LogLevel::kDebug, message, fields);
}

void log_info(std::string_view message, LogFields fields) { log(LogLevel::kInfo, message, fields); }

void log_warning(std::string_view message, LogFields fields) {
  log(LogLevel::kWarning, message, fields);
}

void log_error(std::string_view message, LogFields fields) {
  log(LogLevel::kError, message, fields);
}

LogCapture::LogCapture(std::function<void(const std::string& line)> sink) {
  const std::lock_guard lock(state().mutex);
  state().capture = std::move(sink);
}

LogCapture::~LogCapture() {
  const std::lock_guard lock(state().mutex);
  state().capture = nullptr;
}

}  // namespace cafe::platform
