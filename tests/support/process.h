// Folders and child processes of a test, gone when it ends, however it ends.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cafe::testing {

/// Checks `condition` again and again until it holds or `deadline` has passed; returns whether it
/// held.
bool eventually(std::chrono::milliseconds deadline, const std::function<bool()>& condition);

/// A folder of its own under TMPDIR or /tmp, removed with all it holds. Others may pass through it
/// but not list it, so that servers that run as another user reach their own folders within.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& prefix = "cafe-test");
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct UserId {
  uid_t uid;
  gid_t gid;
};

/// Whom a server must run as: "postgres" when we are root (PostgreSQL refuses root), else nobody
/// else (nullopt).
std::optional<UserId> server_user();

/// A child process. Killed by the destructor, and by the system (PR_SET_PDEATHSIG) when the thread
/// that started it ends: so start it from a thread that outlives it, such as the test's own.
class Subprocess {
 public:
  struct Options {
    std::vector<std::string> command;  ///< the program (by path or PATH), then its arguments
    std::map<std::string, std::string> env{};  ///< added to our own
    std::filesystem::path output{};            ///< both outputs, appended; empty = /dev/null
    std::filesystem::path folder{};            ///< where it runs; empty = here
    std::optional<UserId> user{};              ///< run as
  };
  static absl::StatusOr<std::unique_ptr<Subprocess>> start(Options options);
  ~Subprocess();
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  /// Waits for its end: its exit code, or 128 + the signal. DEADLINE_EXCEEDED leaves it running.
  absl::StatusOr<int> wait(std::chrono::milliseconds deadline);
  void signal(int number);
  /// SIGTERM, then SIGKILL after the deadline. Returns as wait.
  absl::StatusOr<int> terminate(std::chrono::milliseconds deadline = std::chrono::seconds(15));
  /// SIGKILL, and waits.
  void kill();
  /// What it has written so far.
  std::string output() const;
  /// Waits until a file is there and not empty (a port file), and returns its content. Fails at
  /// once when the process ends first, with the end of its output.
  absl::StatusOr<std::string> read_when_written(const std::filesystem::path& file,
                                                std::chrono::milliseconds deadline);

 private:
  Subprocess(Options options, pid_t pid) : options_(std::move(options)), pid_(pid) {}
  Options options_;
  pid_t pid_;
  std::optional<int> exit_code_;
};

/// Runs a command to its end. INTERNAL with the end of its output unless it exits with 0; returns
/// its output.
absl::StatusOr<std::string> run_command(
    Subprocess::Options options, std::chrono::milliseconds deadline = std::chrono::minutes(1));

/// A TCP port of 127.0.0.1 that was free a moment ago.
int free_port();

}  // namespace cafe::testing
