#include "libs/platform/request_scope.h"

#include <utility>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

namespace cafe::platform {
namespace {

std::string& current() {
  thread_local std::string id;
  return id;
}

}  // namespace

std::string new_request_id() {
  thread_local absl::BitGen random;
  return absl::StrFormat("%016x", absl::Uniform<uint64_t>(random));
}

bool is_valid_request_id(std::string_view id) {
  if (id.empty() || id.size() > 64) {
    return false;
  }
  for (const char c : id) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_' && c != '-') {
      return false;
    }
  }
  return true;
}

RequestScope::RequestScope(std::string request_id)
    : previous_(std::exchange(current(), std::move(request_id))) {}

RequestScope::~RequestScope() { current() = std::move(previous_); }

const std::string& RequestScope::current_id() { return current(); }

}  // namespace cafe::platform
