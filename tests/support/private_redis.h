// A Redis server of a test's own, without persistence, on a unix socket.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/process.h"

namespace cafe::testing {

class PrivateRedis {
 public:
  static absl::StatusOr<std::unique_ptr<PrivateRedis>> start();
  ~PrivateRedis();

  /// For RedisOptions::address: the socket's path.
  std::string address() const { return socket_.string(); }
  void stop();
  void kill();
  /// Starts it again, empty, and waits until it answers.
  absl::Status start_again();
  bool running();
  /// Stops and continues the process, so that it accepts connections but answers nothing.
  void freeze();
  void thaw();

 private:
  PrivateRedis();
  TemporaryFolder folder_;
  std::filesystem::path socket_;
  std::unique_ptr<Subprocess> server_;
};

}  // namespace cafe::testing
