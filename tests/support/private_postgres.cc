#include "tests/support/private_postgres.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

#include "libs/protocol/status.h"
#include "libs/storage/migrate.h"
#include "libs/storage/postgres.h"

namespace cafe::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

absl::Status failed(const std::string& what) {
  return protocol::make_error(absl::StatusCode::kInternal, "PRIVATE_POSTGRES", what);
}

absl::Status run_as_server(std::vector<std::string> command) {
  return run_command({.command = std::move(command), .folder = "/", .user = server_user()},
                     std::chrono::minutes(2))
      .status();
}

/// Makes a folder that only the server's user may enter.
absl::Status make_private_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directory(path, error);
  if (error) return failed("cannot make " + path.string() + ": " + error.message());
  chmod(path.c_str(), 0700);
  if (const auto user = server_user();
      user.has_value() && chown(path.c_str(), user->uid, user->gid) != 0)
    return failed("cannot give " + path.string() + " to the server's user");
  return absl::OkStatus();
}

/// Whether a folder is there, belongs to the server's user and is closed to others, so that nobody
/// else put it there.
bool is_private_folder(const fs::path& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return false;
  const auto user = server_user();
  return info.st_uid == (user.has_value() ? user->uid : geteuid()) && (info.st_mode & 077) == 0;
}

absl::Status initdb(const fs::path& programs, const fs::path& data) {
  return run_as_server({(programs / "initdb").string(), "--pgdata=" + data.string(),
                        "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C",
                        "--no-instructions"});
}

/// initdb takes seconds, a copy of its result a fraction of one. Whoever comes first makes the
/// template and renames it into place whole; its owner and mode show that it is ours.
absl::StatusOr<fs::path> template_folder(const fs::path& programs) {
  std::string version = programs.parent_path().filename().string();
  const auto user = server_user();
  const fs::path path =
      fs::temp_directory_path() /
      ("cafe-postgres-" + version + "-" + std::to_string(user.has_value() ? user->uid : geteuid()));
  if (is_private_folder(path)) return path;
  TemporaryFolder making("cafe-initdb");
  const fs::path inside = making.path() / "data";
  CAFE_RETURN_IF_ERROR(make_private_folder(inside));
  CAFE_RETURN_IF_ERROR(initdb(programs, inside));
  std::error_code lost_race;
  fs::rename(inside, path, lost_race);
  if (!is_private_folder(path)) return failed(path.string() + " is somebody else's: remove it");
  return path;
}

/// State and parent of a process, from /proc, which tells them to everybody; state 0 where there is
/// none.
struct ProcessState {
  char state = 0;
  pid_t parent = 0;
};
ProcessState state_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  ProcessState out;
  // The name in parentheses may hold anything; the fields follow the last one.
  const size_t end = text.rfind(')');
  if (end != std::string::npos) std::istringstream(text.substr(end + 1)) >> out.state >> out.parent;
  return out;
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/proc", none)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid > 0 && state_of(pid).parent == parent) found.push_back(pid);
  }
  return found;
}

bool is_gone(pid_t pid) {
  const char state = state_of(pid).state;
  return state == 0 || state == 'Z' || state == 'X';
}

absl::Status copy_folder(const fs::path& from, const fs::path& to) {
  return run_as_server({"cp", "-a", "--reflink=auto", from.string() + "/.", to.string()});
}

}  // namespace

absl::StatusOr<fs::path> postgres_programs() {
  if (const char* given = std::getenv("CAFE_POSTGRES_BIN"); given != nullptr)
    return fs::path(given);
  fs::path newest;
  int newest_version = 0;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", none)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version > newest_version && fs::exists(entry.path() / "bin/postgres", none)) {
      newest_version = version;
      newest = entry.path() / "bin";
    }
  }
  if (newest_version < 15)
    return failed("no PostgreSQL 15 or later is installed in /usr/lib/postgresql");
  return newest;
}

PrivatePostgres::PrivatePostgres() : folder_("cafe-pg"), data_(folder_.path() / "data") {}

PrivatePostgres::~PrivatePostgres() { kill(); }

absl::StatusOr<std::unique_ptr<PrivatePostgres>> PrivatePostgres::start(
    PrivatePostgresOptions options) {
  std::unique_ptr<PrivatePostgres> server(new PrivatePostgres());
  CAFE_RETURN_IF_ERROR(server->initialise(options));
  CAFE_RETURN_IF_ERROR(server->start_again());
  CAFE_RETURN_IF_ERROR(server->create_database("cafe"));
  return server;
}

absl::Status PrivatePostgres::initialise(const PrivatePostgresOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const fs::path programs, postgres_programs());
  CAFE_RETURN_IF_ERROR(make_private_folder(data_));
  if (options.own_system_identifier) {
    CAFE_RETURN_IF_ERROR(initdb(programs, data_));
  } else {
    CAFE_ASSIGN_OR_RETURN(const fs::path made, template_folder(programs));
    CAFE_RETURN_IF_ERROR(copy_folder(made, data_));
  }
  tcp_ = options.tcp;
  if (tcp_) port_ = free_port();
  std::ofstream settings(data_ / "postgresql.conf", std::ios::app);
  settings << "\nlisten_addresses = '" << (tcp_ ? "127.0.0.1" : "") << "'\nport = " << port_
           << "\nunix_socket_directories = '" << data_.string()
           << "'\nunix_socket_permissions = 0777\nmax_connections = 200\nshared_buffers = 64MB\n"
              "logging_collector = off\nlog_min_messages = warning\nautovacuum_naptime = 10s\n";
  for (const auto& [name, value] : options.settings) settings << name << " = '" << value << "'\n";
  settings.close();
  if (!settings) return failed("cannot write postgresql.conf");
  return absl::OkStatus();
}

std::string PrivatePostgres::url(const std::string& role, const std::string& database) const {
  const std::string host = tcp_ ? "127.0.0.1" : data_.string();
  return "postgresql:///" + database + "?host=" + host + "&port=" + std::to_string(port_) +
         "&user=" + role;
}

absl::Status PrivatePostgres::create_database(const std::string& name) {
  CAFE_ASSIGN_OR_RETURN(const fs::path programs, postgres_programs());
  return run_as_server({(programs / "psql").string(), "--no-psqlrc", "--quiet",
                        "--set=ON_ERROR_STOP=1", "--dbname=" + url("postgres", "postgres"),
                        "--command=CREATE DATABASE \"" + name + "\""});
}

absl::Status PrivatePostgres::migrate(const std::string& database) {
  CAFE_ASSIGN_OR_RETURN(
      auto db, storage::Database::open({.url = url("postgres", database), .pool_size = 1}));
  return storage::migrate(*db, fs::path(CAFE_SOURCE_DIR) / "migrations").status();
}

absl::Status PrivatePostgres::start_again() {
  if (running()) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(const fs::path programs, postgres_programs());
  CAFE_ASSIGN_OR_RETURN(
      server_,
      Subprocess::start({.command = {(programs / "postgres").string(), "-D", data_.string()},
                         .output = folder_.path() / "log",
                         .folder = "/",
                         .user = server_user()}));
  // The postmaster writes "ready" (or "standby") into the eighth line of its pid file when
  // connections are accepted.
  const bool ready = eventually(seconds(60), [this] {
    std::ifstream file(data_ / "postmaster.pid");
    std::string line;
    std::getline(file, line);
    if (line != std::to_string(server_->pid())) return !server_->running();
    for (int i = 0; i < 7; ++i) std::getline(file, line);
    return line.starts_with("ready") || line.starts_with("standby") || !server_->running();
  });
  if (ready && server_->running()) return absl::OkStatus();
  return failed("PostgreSQL did not start\n" + log());
}

absl::Status PrivatePostgres::stop() {
  if (!running()) return absl::OkStatus();
  server_->signal(SIGINT);
  CAFE_ASSIGN_OR_RETURN(const int code, server_->wait(seconds(60)));
  return code == 0 ? absl::OkStatus() : failed("PostgreSQL ended badly\n" + log());
}

void PrivatePostgres::kill() {
  if (!running()) return;
  // All of it at once, as a power cut would: left alone, a backend finishes its statement first.
  server_->signal(SIGSTOP);
  eventually(seconds(5), [this] { return state_of(server_->pid()).state == 'T'; });
  const std::vector<pid_t> backends = children_of(server_->pid());
  for (const pid_t process : backends) ::kill(process, SIGKILL);
  server_->kill();
  // Until the last one is gone it holds the shared memory, and no new server starts.
  eventually(seconds(20), [&] { return std::all_of(backends.begin(), backends.end(), is_gone); });
}

absl::Status PrivatePostgres::restart() {
  CAFE_RETURN_IF_ERROR(stop());
  return start_again();
}

bool PrivatePostgres::running() { return server_ != nullptr && server_->running(); }

pid_t PrivatePostgres::pid() const { return server_ == nullptr ? -1 : server_->pid(); }

absl::Status PrivatePostgres::copy_cold(const fs::path& to) {
  if (running()) return failed("stop the server before copying its data");
  CAFE_RETURN_IF_ERROR(make_private_folder(to));
  return copy_folder(data_, to);
}

absl::Status PrivatePostgres::restore_cold(const fs::path& from) {
  if (running()) return failed("stop the server before replacing its data");
  std::error_code error;
  fs::remove_all(data_, error);
  if (error) return failed("cannot remove " + data_.string() + ": " + error.message());
  CAFE_RETURN_IF_ERROR(make_private_folder(data_));
  return copy_folder(from, data_);
}

std::string PrivatePostgres::log() const { return server_ == nullptr ? "" : server_->output(); }

}  // namespace cafe::testing
