#include "tests/support/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "libs/protocol/status.h"

extern char** environ;

namespace cafe::testing {
namespace {

using std::chrono::milliseconds;

absl::Status failed(const std::string& what) {
  return protocol::make_error(absl::StatusCode::kInternal, "SUBPROCESS", what);
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

std::string tail(const std::string& text) {
  constexpr size_t kMost = 2000;
  return text.size() <= kMost ? text : "..." + text.substr(text.size() - kMost);
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!added.contains(std::string(text.substr(0, text.find('='))))) all.emplace_back(text);
  }
  for (const auto& [name, value] : added) all.push_back(name + "=" + value);
  return all;
}

/// What the child does between fork and exec: system calls only, because the parent may have
/// threads.
[[noreturn]] void become(const Subprocess::Options& options, pid_t parent, int output,
                         char* const* argv, char* const* envp) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  bool ok = dup2(open("/dev/null", O_RDONLY), STDIN_FILENO) >= 0 &&
            dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0;
  if (options.user.has_value()) {
    ok = ok && setgroups(0, nullptr) == 0 && setgid(options.user->gid) == 0 &&
         setuid(options.user->uid) == 0;
  }
  if (!options.folder.empty()) ok = ok && chdir(options.folder.c_str()) == 0;
  // After setuid, which would clear it. The parent may already be gone by now.
  ok = ok && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
  if (ok) execvpe(argv[0], argv, envp);
  _exit(127);
}

}  // namespace

bool eventually(milliseconds deadline, const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return condition();
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

TemporaryFolder::TemporaryFolder(const std::string& prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string name = std::string(base == nullptr ? "/tmp" : base) + "/" + prefix + ".XXXXXX";
  if (mkdtemp(name.data()) == nullptr) {
    std::perror(name.c_str());
    std::abort();
  }
  chmod(name.c_str(), 0711);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::optional<UserId> server_user() {
  if (geteuid() != 0) return std::nullopt;
  const passwd* user = getpwnam("postgres");
  if (user == nullptr) return std::nullopt;
  return UserId{user->pw_uid, user->pw_gid};
}

absl::StatusOr<std::unique_ptr<Subprocess>> Subprocess::start(Options options) {
  if (options.command.empty()) return failed("no command was given");
  std::vector<std::string> argv = options.command;
  std::vector<std::string> envp = environment(options.env);
  const std::vector<char*> argv_pointers = pointers(argv);
  const std::vector<char*> envp_pointers = pointers(envp);
  const std::string output_name = options.output.empty() ? "/dev/null" : options.output.string();
  const int output = open(output_name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (output < 0) return failed("cannot write " + output_name + ": " + std::strerror(errno));
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(options, parent, output, argv_pointers.data(), envp_pointers.data());
  close(output);
  if (pid < 0) return failed(std::string("cannot fork: ") + std::strerror(errno));
  return std::unique_ptr<Subprocess>(new Subprocess(std::move(options), pid));
}

Subprocess::~Subprocess() { kill(); }

bool Subprocess::running() {
  if (exit_code_.has_value()) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return false;
}

absl::StatusOr<int> Subprocess::wait(milliseconds deadline) {
  if (!eventually(deadline, [this] { return !running(); })) {
    return protocol::make_error(absl::StatusCode::kDeadlineExceeded, "SUBPROCESS",
                                options_.command.front() + " is still running");
  }
  return *exit_code_;
}

void Subprocess::signal(int number) {
  if (running()) ::kill(pid_, number);
}

absl::StatusOr<int> Subprocess::terminate(milliseconds deadline) {
  signal(SIGTERM);
  absl::StatusOr<int> code = wait(deadline);
  if (!code.ok()) kill();
  return code;
}

void Subprocess::kill() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string Subprocess::output() const { return read_file(options_.output); }

absl::StatusOr<std::string> Subprocess::read_when_written(const std::filesystem::path& file,
                                                          milliseconds deadline) {
  std::string content;
  eventually(deadline, [&] {
    content = read_file(file);
    return !content.empty() || !running();
  });
  if (content.empty()) content = read_file(file);
  if (!content.empty()) return content;
  return failed(options_.command.front() + (running() ? " did not write " : " ended before ") +
                file.string() + "\n" + tail(output()));
}

absl::StatusOr<std::string> run_command(Subprocess::Options options, milliseconds deadline) {
  TemporaryFolder folder("cafe-run");
  if (options.output.empty()) options.output = folder.path() / "output";
  CAFE_ASSIGN_OR_RETURN(std::unique_ptr<Subprocess> process, Subprocess::start(options));
  CAFE_ASSIGN_OR_RETURN(const int code, process->wait(deadline));
  std::string output = process->output();
  if (code != 0) {
    return failed(options.command.front() + " ended with " + std::to_string(code) + "\n" +
                  tail(output));
  }
  return output;
}

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool ok = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (fd >= 0) close(fd);
  return ok ? ntohs(address.sin_port) : 0;
}

}  // namespace cafe::testing
