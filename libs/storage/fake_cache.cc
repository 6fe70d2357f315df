#include <charconv>

#include "libs/protocol/status.h"
#include "libs/storage/redis.h"

namespace cafe::storage {

using std::chrono::milliseconds;

void FakeCache::set_down(bool down) {
  std::lock_guard lock(mutex_);
  down_ = down;
}

void FakeCache::clear() {
  std::lock_guard lock(mutex_);
  items_.clear();
}

std::vector<std::pair<std::string, std::string>> FakeCache::published() const {
  std::lock_guard lock(mutex_);
  return published_;
}

absl::Status FakeCache::check_up() const {
  if (!down_) return absl::OkStatus();
  return protocol::make_error(absl::StatusCode::kUnavailable, "CACHE_DOWN",
                              "The cache was made to fail.");
}

std::optional<std::string> FakeCache::find(const std::string& key) const {
  const auto item = items_.find(key);
  if (item == items_.end() || item->second.expires <= clock_()) return std::nullopt;
  return item->second.value;
}

absl::Status FakeCache::set(std::string_view key, std::string_view value, milliseconds ttl) {
  std::lock_guard lock(mutex_);
  CAFE_RETURN_IF_ERROR(check_up());
  items_[std::string(key)] = {std::string(value), clock_() + ttl};
  return absl::OkStatus();
}

absl::Status FakeCache::set_many(std::span<const std::pair<std::string, std::string>> items,
                                 milliseconds ttl) {
  for (const auto& [key, value] : items) CAFE_RETURN_IF_ERROR(set(key, value, ttl));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> FakeCache::get(std::string_view key) {
  std::lock_guard lock(mutex_);
  CAFE_RETURN_IF_ERROR(check_up());
  return find(std::string(key));
}

absl::StatusOr<std::vector<std::optional<std::string>>> FakeCache::get_many(
    std::span<const std::string> keys) {
  std::lock_guard lock(mutex_);
  CAFE_RETURN_IF_ERROR(check_up());
  std::vector<std::optional<std::string>> values;
  for (const std::string& key : keys) values.push_back(find(key));
  return values;
}

absl::StatusOr<int64_t> FakeCache::increment(std::string_view key, milliseconds ttl) {
  std::lock_guard lock(mutex_);
  CAFE_RETURN_IF_ERROR(check_up());
  const std::string name(key);
  const std::optional<std::string> held = find(name);
  int64_t value = 0;
  if (held.has_value()) {
    const char* end = held->data() + held->size();
    if (std::from_chars(held->data(), end, value).ptr != end) {
      return protocol::make_error(absl::StatusCode::kInternal, "CACHE_ANSWER",
                                  "The key does not hold a number.");
    }
  }
  Item& item = items_[name];
  if (!held.has_value()) item.expires = clock_() + ttl;
  item.value = std::to_string(++value);
  return value;
}

absl::Status FakeCache::publish(std::string_view channel, std::string_view message) {
  std::lock_guard lock(mutex_);
  CAFE_RETURN_IF_ERROR(check_up());
  published_.emplace_back(channel, message);
  return absl::OkStatus();
}

}  // namespace cafe::storage
