// Runs testdata/test_service_main.cc as a process of its own, and signals and kills it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "echo.grpc.pb.h"
#include "health.grpc.pb.h"
#include "libs/platform/client.h"
#include "libs/platform/error.h"
#include "libs/platform/testdata/certificates.h"

namespace cafe::platform {
namespace {

using testdata::Echo;
using testdata::EchoRequest;
using testdata::EchoResponse;
using ::testing::HasSubstr;
namespace health = ::grpc::health::v1;

constexpr absl::Duration kPatience = absl::Seconds(20);

std::string slurp(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

// Waits for `condition`, at most kPatience.
template <class Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + absl::ToChronoSeconds(kPatience);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

class RunServiceTest : public ::testing::Test {
 protected:
  ~RunServiceTest() override {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      wait_for_exit();
    }
  }

  void launch(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(),
                     {CAFE_TEST_SERVICE, "--insecure", "--port-file", port_file_});
    std::vector<char*> argv;
    for (std::string& argument : arguments) {
      argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    process_ = ::fork();
    ASSERT_GE(process_, 0);
    if (process_ == 0) {
      const int log = ::open(log_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(log, STDERR_FILENO);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }

  void start(std::vector<std::string> arguments = {}) {
    launch(std::move(arguments));
    ASSERT_TRUE(eventually([&] { return ::access(port_file_.c_str(), F_OK) == 0; })) << log();
    int grpc_port = 0;
    ASSERT_EQ(std::sscanf(slurp(port_file_).c_str(), "{\"grpc\":%d,\"metrics\":%d}\n", &grpc_port,
                          &metrics_port_),
              2);
    channel_ = *connect("127.0.0.1:" + std::to_string(grpc_port), "echo", {.insecure = true});
    echo_ = Echo::NewStub(channel_);
    health_ = health::Health::NewStub(channel_);
  }

  int wait_for_exit() {
    int status = 0;
    ::waitpid(process_, &status, 0);
    process_ = 0;
    return status;
  }

  void expect_exit(int code) {
    const int status = wait_for_exit();
    EXPECT_TRUE(WIFEXITED(status)) << log();
    EXPECT_EQ(WEXITSTATUS(status), code) << log();
  }

  absl::Status call(const std::string& action, const std::string& text,
                    std::string* answer = nullptr) {
    EchoRequest request;
    request.set_action(action);
    request.set_text(text);
    EchoResponse response;
    const absl::Status status = call_unary(
        {.timeout = kPatience},
        [&](grpc::ClientContext* context) { return echo_->Do(context, request, &response); });
    if (answer != nullptr) {
      *answer = response.text();
    }
    return status;
  }

  absl::StatusOr<health::HealthCheckResponse::ServingStatus> check_health() {
    health::HealthCheckResponse response;
    const absl::Status status = call_unary(
        {.timeout = kPatience},
        [&](grpc::ClientContext* context) { return health_->Check(context, {}, &response); });
    if (!status.ok()) {
      return status;
    }
    return response.status();
  }

  // Makes the service run a call that reads the FIFO returned, opened for writing; its status comes
  // into `status`.
  int start_waiting_call(const std::string& action, std::thread& caller, absl::Status& status,
                         std::string& answer) {
    const std::string path = folder_.file("fifo");
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    caller = std::thread(
        [this, action, path, &status, &answer] { status = call(action, path, &answer); });
    return ::open(path.c_str(), O_WRONLY | O_CLOEXEC);  // blocks until the handler reads
  }

  // Until the service takes no more calls.
  bool refuses_calls() {
    return eventually([&] {
      const auto answer = check_health();
      return !answer.ok() || *answer == health::HealthCheckResponse::NOT_SERVING;
    });
  }

  std::string log() const { return slurp(log_file_); }

  testdata::TemporaryFolder folder_;
  const std::string port_file_ = folder_.file("ports.json");
  const std::string log_file_ = folder_.file("log");
  pid_t process_ = 0;
  int metrics_port_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Echo::Stub> echo_;
  std::unique_ptr<health::Health::Stub> health_;
};

TEST_F(RunServiceTest, ServesItsMethodsHealthAndMetrics) {
  start();
  std::string answer;
  EXPECT_TRUE(call("echo", "hello", &answer).ok());
  EXPECT_EQ(answer, "hello");
  const auto status = check_health();
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(*status, health::HealthCheckResponse::SERVING);
  EXPECT_GT(metrics_port_, 0);
}

TEST_F(RunServiceTest, OffersReflection) {
  start();
  grpc::GenericStub stub(channel_);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoSeconds(kPatience));
  const auto call = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  grpc::Status status;
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
  };
  call->StartCall(nullptr);
  next();
  call->WritesDone(nullptr);
  next();
  call->Finish(&status, nullptr);
  next();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(RunServiceTest, SigtermFinishesTheCallInFlight) {
  start();
  std::thread caller;
  absl::Status status = absl::UnknownError("not called");
  std::string answer;
  const int fifo = start_waiting_call("wait-fifo", caller, status, answer);
  ASSERT_GE(fifo, 0);
  ASSERT_EQ(::kill(process_, SIGTERM), 0);
  EXPECT_TRUE(refuses_calls());
  EXPECT_EQ(::waitpid(process_, nullptr, WNOHANG), 0) << "it must wait for the call";
  ASSERT_EQ(::write(fifo, "x", 1), 1);
  ::close(fifo);
  caller.join();
  EXPECT_TRUE(status.ok()) << status << log();
  EXPECT_EQ(answer, "x");
  expect_exit(0);
  EXPECT_THAT(log(), HasSubstr("stopped"));
  EXPECT_NE(::access(port_file_.c_str(), F_OK), 0) << "a port that nobody serves must not be found";
}

TEST_F(RunServiceTest, CallsBeyondTheDrainTimeoutAreCancelled) {
  start({"--drain-timeout-ms", "50"});
  std::thread caller;
  absl::Status status;
  std::string answer;
  const int fifo = start_waiting_call("wait-cancel", caller, status, answer);
  ASSERT_EQ(::kill(process_, SIGINT), 0);
  caller.join();
  ::close(fifo);
  EXPECT_FALSE(status.ok());
  expect_exit(0);
}

TEST_F(RunServiceTest, ACallThatIgnoresItsCancellationDoesNotHoldTheProcess) {
  start({"--drain-timeout-ms", "50"});
  std::thread caller;
  absl::Status status;
  std::string answer;
  const int fifo = start_waiting_call("wait-fifo", caller, status, answer);
  ASSERT_EQ(::kill(process_, SIGTERM), 0);
  expect_exit(3);
  caller.join();
  ::close(fifo);
  EXPECT_FALSE(status.ok());
}

TEST_F(RunServiceTest, ASecondSignalEndsItAtOnce) {
  start();  // with ten seconds to drain
  std::thread caller;
  absl::Status status;
  std::string answer;
  const int fifo = start_waiting_call("wait-fifo", caller, status, answer);
  ASSERT_EQ(::kill(process_, SIGTERM), 0);
  EXPECT_TRUE(refuses_calls());
  ASSERT_EQ(::kill(process_, SIGTERM), 0);
  expect_exit(3);
  EXPECT_THAT(log(), HasSubstr("second signal"));
  caller.join();
  ::close(fifo);
}

TEST_F(RunServiceTest, FailpointKillsItAsAPowerCutWould) {
  start({"--failpoints", "echo/after=crash@2"});
  EXPECT_TRUE(call("failpoint", "echo/after").ok());
  EXPECT_TRUE(absl::IsUnavailable(call("failpoint", "echo/after")));
  const int status = wait_for_exit();
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_THAT(log(), HasSubstr("FAILPOINT ARMED"));
}

TEST_F(RunServiceTest, LeavesNoCoreDump) {
  start();
  EXPECT_THAT(slurp("/proc/" + std::to_string(process_) + "/limits"),
              ::testing::ContainsRegex("Max core file size +0 +0 "));
  ASSERT_EQ(::kill(process_, SIGABRT), 0);
  const int status = wait_for_exit();
  EXPECT_EQ(WTERMSIG(status), SIGABRT);
  EXPECT_FALSE(WCOREDUMP(status));
}

TEST_F(RunServiceTest, ATakenPortIsSaid) {
  start();
  int port = 0;
  ASSERT_EQ(std::sscanf(slurp(port_file_).c_str(), "{\"grpc\":%d", &port), 1);
  const pid_t first = process_;
  launch({"--listen", "127.0.0.1:" + std::to_string(port)});
  expect_exit(1);
  EXPECT_THAT(log(), HasSubstr("Set --listen to another port"));
  process_ = first;
}

}  // namespace
}  // namespace cafe::platform
