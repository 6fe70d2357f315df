#include "libs/storage/redis.h"

#include <hiredis/hiredis.h>
#include <signal.h>

#include <charconv>

#include "libs/protocol/status.h"

namespace cafe::storage {
namespace {

using std::chrono::milliseconds;

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
using Context = std::unique_ptr<redisContext, FreeContext>;

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

using Command = std::vector<std::string_view>;

/// hiredis writes with write(), so a Redis that went away would kill the process by SIGPIPE: held
/// back for this thread.
class HoldSigpipe {
 public:
  HoldSigpipe() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  ~HoldSigpipe() {
    if (sigismember(&before_, SIGPIPE) == 0) {
      const timespec at_once{};
      sigtimedwait(&sigpipe_, nullptr, &at_once);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t sigpipe_;
  sigset_t before_;
};

absl::Status cache_down() {
  return protocol::make_error(absl::StatusCode::kUnavailable, "CACHE_DOWN",
                              "Redis does not answer; go on without it.");
}

absl::Status unexpected_answer() {
  return protocol::make_error(absl::StatusCode::kInternal, "CACHE_ANSWER",
                              "Redis refused a command or gave an unexpected answer; look at its "
                              "configuration and log.");
}

timeval to_timeval(milliseconds time) {
  return {.tv_sec = time.count() / 1000,
          .tv_usec = static_cast<suseconds_t>(time.count() % 1000 * 1000)};
}

std::string milliseconds_text(milliseconds ttl) {
  return std::to_string(std::max<int64_t>(1, ttl.count()));
}

absl::StatusOr<std::optional<std::string>> string_of(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_NIL) return std::nullopt;
  if (reply.type != REDIS_REPLY_STRING) return unexpected_answer();
  return std::string(reply.str, reply.len);
}

}  // namespace

/// Connections, and the circuit breaker that spares callers the time-outs of a Redis that is down.
class RedisCache::Impl {
 public:
  Impl(RedisOptions options, SteadyClock clock)
      : options_(std::move(options)), clock_(std::move(clock)) {}

  /// Sends all commands in one go and reads all answers. Never holds the lock while it waits for
  /// Redis.
  absl::StatusOr<std::vector<Reply>> run(const std::vector<Command>& commands) {
    const HoldSigpipe held;
    Context context;
    {
      std::lock_guard lock(mutex_);
      if (clock_() < closed_until_ || in_use_ >= options_.pool_size) return cache_down();
      ++in_use_;
      if (!idle_.empty()) {
        context = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (context == nullptr) context = connect();
    std::vector<Reply> replies;
    const bool answered = context != nullptr && exchange(context.get(), commands, replies);
    std::vector<Context> doomed;
    std::lock_guard lock(mutex_);
    --in_use_;
    if (!answered) {
      closed_until_ = clock_() + options_.retry_after;
      doomed.swap(idle_);
      return cache_down();
    }
    idle_.push_back(std::move(context));
    for (const Reply& reply : replies) {
      if (reply->type == REDIS_REPLY_ERROR) return unexpected_answer();
    }
    return replies;
  }

 private:
  Context connect() {
    const timeval timeout = to_timeval(options_.connect_timeout);
    const std::string& address = options_.address;
    Context context;
    if (address.starts_with('/')) {
      context.reset(redisConnectUnixWithTimeout(address.c_str(), timeout));
    } else {
      const size_t colon = address.rfind(':');
      int port = 6379;
      if (colon != std::string::npos)
        std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
      context.reset(redisConnectWithTimeout(address.substr(0, colon).c_str(), port, timeout));
    }
    if (context == nullptr || context->err != 0) return nullptr;
    if (redisSetTimeout(context.get(), to_timeval(options_.command_timeout)) != REDIS_OK)
      return nullptr;
    if (!options_.password.empty()) {
      std::vector<Reply> replies;
      if (!exchange(context.get(), {{"AUTH", options_.password}}, replies) ||
          replies.front()->type == REDIS_REPLY_ERROR)
        return nullptr;
    }
    return context;
  }

  static bool exchange(redisContext* context, const std::vector<Command>& commands,
                       std::vector<Reply>& replies) {
    for (const Command& command : commands) {
      std::vector<const char*> words;
      std::vector<size_t> lengths;
      for (const std::string_view word : command) {
        words.push_back(word.data());
        lengths.push_back(word.size());
      }
      if (redisAppendCommandArgv(context, static_cast<int>(words.size()), words.data(),
                                 lengths.data()) != REDIS_OK)
        return false;
    }
    for (size_t i = 0; i < commands.size(); ++i) {
      void* reply = nullptr;
      if (redisGetReply(context, &reply) != REDIS_OK || reply == nullptr) return false;
      replies.emplace_back(static_cast<redisReply*>(reply));
    }
    return true;
  }

  const RedisOptions options_;
  const SteadyClock clock_;
  std::mutex mutex_;
  std::vector<Context> idle_;
  int in_use_ = 0;
  std::chrono::steady_clock::time_point closed_until_{};
};

RedisCache::RedisCache(RedisOptions options, SteadyClock clock)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(clock))) {}
RedisCache::~RedisCache() = default;

absl::Status RedisCache::set(std::string_view key, std::string_view value, milliseconds ttl) {
  const std::string ttl_ms = milliseconds_text(ttl);
  return impl_->run({{"SET", key, value, "PX", ttl_ms}}).status();
}

absl::Status RedisCache::set_many(std::span<const std::pair<std::string, std::string>> items,
                                  milliseconds ttl) {
  if (items.empty()) return absl::OkStatus();
  const std::string ttl_ms = milliseconds_text(ttl);
  std::vector<Command> commands;
  commands.reserve(items.size());
  for (const auto& [key, value] : items) commands.push_back({"SET", key, value, "PX", ttl_ms});
  return impl_->run(commands).status();
}

absl::StatusOr<std::optional<std::string>> RedisCache::get(std::string_view key) {
  CAFE_ASSIGN_OR_RETURN(const std::vector<Reply> replies, impl_->run({{"GET", key}}));
  return string_of(*replies.front());
}

absl::StatusOr<std::vector<std::optional<std::string>>> RedisCache::get_many(
    std::span<const std::string> keys) {
  std::vector<std::optional<std::string>> values;
  if (keys.empty()) return values;
  Command command{"MGET"};
  command.insert(command.end(), keys.begin(), keys.end());
  CAFE_ASSIGN_OR_RETURN(const std::vector<Reply> replies, impl_->run({command}));
  const redisReply& list = *replies.front();
  if (list.type != REDIS_REPLY_ARRAY || list.elements != keys.size()) return unexpected_answer();
  for (size_t i = 0; i < list.elements; ++i) {
    CAFE_ASSIGN_OR_RETURN(std::optional<std::string> value, string_of(*list.element[i]));
    values.push_back(std::move(value));
  }
  return values;
}

absl::StatusOr<int64_t> RedisCache::increment(std::string_view key, milliseconds ttl) {
  // Both in one transaction, so that no counter is ever left without an expiry.
  const std::string ttl_ms = milliseconds_text(ttl);
  CAFE_ASSIGN_OR_RETURN(
      const std::vector<Reply> replies,
      impl_->run({{"MULTI"}, {"SET", key, "0", "PX", ttl_ms, "NX"}, {"INCR", key}, {"EXEC"}}));
  const redisReply& results = *replies.back();
  if (results.type != REDIS_REPLY_ARRAY || results.elements != 2 ||
      results.element[1]->type != REDIS_REPLY_INTEGER)
    return unexpected_answer();
  return results.element[1]->integer;
}

absl::Status RedisCache::publish(std::string_view channel, std::string_view message) {
  return impl_->run({{"PUBLISH", channel, message}}).status();
}

absl::StatusOr<std::string> redis_address(const std::string& url) {
  std::string address = url;
  if (constexpr std::string_view kScheme = "redis://"; address.starts_with(kScheme)) {
    address.erase(0, kScheme.size());
    if (const size_t slash = address.find('/'); slash != std::string::npos) {
      if (const std::string database = address.substr(slash); database != "/" && database != "/0") {
        return protocol::invalid("BAD_REDIS_URL", "--redis-url: only database 0 is used.");
      }
      address.resize(slash);
    }
  }
  if (address.empty() || address.find("://") != std::string::npos) {
    return protocol::invalid("BAD_REDIS_URL",
                             "--redis-url is redis://host:port, like "
                             "redis://127.0.0.1:6379, or the absolute path of a unix socket.");
  }
  return address;
}

}  // namespace cafe::storage
