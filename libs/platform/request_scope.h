// The id of the request that a thread is working on. Logs and calls to other services carry it
// without being told.
#pragma once

#include <string>
#include <string_view>

namespace cafe::platform {

// 16 random hex digits. Random enough to tell requests apart, no secret.
std::string new_request_id();

// Whether a client's request id may be taken over: 1 to 64 of A-Z a-z 0-9 . _ -
bool is_valid_request_id(std::string_view id);

// While it lives, its id is the thread's. Scopes nest.
class RequestScope {
 public:
  explicit RequestScope(std::string request_id);
  ~RequestScope();
  RequestScope(const RequestScope&) = delete;
  RequestScope& operator=(const RequestScope&) = delete;

  // The innermost scope's id; empty outside of any.
  static const std::string& current_id();

 private:
  std::string previous_;
};

}  // namespace cafe::platform
