#include "tests/support/private_redis.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libs/protocol/status.h"

namespace cafe::testing {
namespace {

bool accepts_connections(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool ok =
      fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  if (fd >= 0) close(fd);
  return ok;
}

}  // namespace

PrivateRedis::PrivateRedis() : folder_("cafe-redis"), socket_(folder_.path() / "socket") {}
PrivateRedis::~PrivateRedis() = default;

absl::StatusOr<std::unique_ptr<PrivateRedis>> PrivateRedis::start() {
  std::unique_ptr<PrivateRedis> redis(new PrivateRedis());
  CAFE_RETURN_IF_ERROR(redis->start_again());
  return redis;
}

absl::Status PrivateRedis::start_again() {
  kill();
  std::filesystem::remove(socket_);
  CAFE_ASSIGN_OR_RETURN(
      server_, Subprocess::start({.command = {"redis-server", "--port", "0", "--unixsocket",
                                              socket_.string(), "--save", "", "--appendonly", "no",
                                              "--dir", folder_.path().string()},
                                  .output = folder_.path() / "log"}));
  if (eventually(std::chrono::seconds(20),
                 [this] { return accepts_connections(socket_.string()) || !server_->running(); }) &&
      server_->running())
    return absl::OkStatus();
  return protocol::make_error(absl::StatusCode::kInternal, "PRIVATE_REDIS",
                              "redis-server did not start\n" + server_->output());
}

void PrivateRedis::stop() {
  if (server_ != nullptr) (void)server_->terminate();
}

void PrivateRedis::kill() {
  if (server_ != nullptr) server_->kill();
}

bool PrivateRedis::running() { return server_ != nullptr && server_->running(); }

void PrivateRedis::freeze() { server_->signal(SIGSTOP); }

void PrivateRedis::thaw() { server_->signal(SIGCONT); }

}  // namespace cafe::testing
