#include "libs/platform/unary.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "libs/platform/grpc_status.h"
#include "libs/platform/log.h"
#include "libs/platform/request_scope.h"
#include "libs/platform/testdata/certificates.h"
#include "libs/platform/testdata/echo_service.h"

namespace cafe::platform {
namespace {

using testdata::Echo;
using testdata::EchoRequest;
using testdata::EchoResponse;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// A real server with one worker and a queue of one, and a client of it, in this process.
class UnaryTest : public ::testing::Test {
 protected:
  struct Answer {
    absl::Status status;
    std::string text;
    std::string request_id;
  };

  UnaryTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = Echo::NewStub(grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                              grpc::InsecureChannelCredentials()));
  }

  ~UnaryTest() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    pool_.drain();
  }

  Answer call(const std::string& action, const std::string& text, grpc::ClientContext& context) {
    EchoRequest request;
    request.set_action(action);
    request.set_text(text);
    EchoResponse response;
    const grpc::Status status = stub_->Do(&context, request, &response);
    Answer answer{from_grpc(status, context), response.text(), ""};
    const auto& metadata = context.GetServerTrailingMetadata();
    if (const auto id = metadata.find(kRequestIdMetadata); id != metadata.end()) {
      answer.request_id = std::string(id->second.data(), id->second.size());
    }
    return answer;
  }

  Answer call(const std::string& action, const std::string& text = "") {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    return call(action, text, context);
  }

  // Returns once the worker runs a call that waits for a byte, and how to give it.
  struct Waiting {
    std::thread thread;
    int fifo = -1;
    void release() {
      EXPECT_EQ(::write(fifo, "x", 1), 1);
      ::close(fifo);
      thread.join();
    }
  };
  Waiting occupy_worker() {
    const std::string path = folder_.file("fifo");
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    Waiting waiting;
    waiting.thread = std::thread([this, path] {
      const Answer answer = call("wait-fifo", path);
      EXPECT_TRUE(answer.status.ok()) << answer.status;
      EXPECT_EQ(answer.text, "x");
    });
    waiting.fifo = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);  // blocks until the handler reads
    return waiting;
  }

  void wait_until_one_is_queued() {
    const std::string one_waits = "cafe_work_queue_depth{service=\"echo\",pool=\"rpc\"} 1";
    while (metrics_.expose().find(one_waits) == std::string::npos) {
      std::this_thread::yield();
    }
  }

  std::vector<std::string> lines() {
    const std::lock_guard lock(lines_mutex_);
    return lines_;
  }

  std::mutex lines_mutex_;
  std::vector<std::string> lines_;
  LogCapture capture_{[this](const std::string& line) {
    const std::lock_guard lock(lines_mutex_);
    lines_.push_back(line);
  }};
  testdata::TemporaryFolder folder_;
  ManualClock clock_{absl::Now()};
  Metrics metrics_{"echo"};
  RpcMetrics rpc_metrics_{metrics_};
  WorkPool pool_{{.workers = 1, .queue_capacity = 1}, clock_, metrics_};
  UnaryRuntime runtime_{pool_, rpc_metrics_, clock_};
  testdata::EchoService service_{runtime_};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Echo::Stub> stub_;
};

TEST_F(UnaryTest, AnswersWithTheClientsRequestIdOrANewOne) {
  grpc::ClientContext context;
  context.AddMetadata(kRequestIdMetadata, "client-id-1");
  const Answer own = call("whoami", "", context);
  EXPECT_EQ(own.text, " client-id-1");
  EXPECT_EQ(own.request_id, "client-id-1");

  grpc::ClientContext malformed;
  malformed.AddMetadata(kRequestIdMetadata, "no id: spaces");
  EXPECT_NE(call("whoami", "", malformed).request_id, "no id: spaces");

  const Answer made = call("whoami");
  EXPECT_TRUE(is_valid_request_id(made.request_id));
  EXPECT_EQ(made.text, " " + made.request_id);
}

TEST_F(UnaryTest, CarriesCodeMessageAndReason) {
  const Answer answer = call("refuse", "COIN_UNKNOWN");
  EXPECT_TRUE(absl::IsFailedPrecondition(answer.status));
  EXPECT_EQ(answer.status.message(), "Not now.");
  EXPECT_EQ(reason_of(answer.status), "COIN_UNKNOWN");
}

TEST_F(UnaryTest, AReasonThatIsNoMetadataIsLeftOut) {
  const Answer answer = call("refuse", "A\nB");
  EXPECT_TRUE(absl::IsFailedPrecondition(answer.status));
  EXPECT_EQ(reason_of(answer.status), "");
}

TEST_F(UnaryTest, OwnFaultsAreToldToTheLogAndNotToTheClient) {
  for (const char* action : {"internal", "throw"}) {
    const Answer answer = call(action, "secret-table-42");
    EXPECT_TRUE(absl::IsInternal(answer.status));
    EXPECT_EQ(reason_of(answer.status), "INTERNAL_ERROR");
    EXPECT_THAT(std::string(answer.status.message()), HasSubstr(answer.request_id));
    EXPECT_THAT(answer.status.ToString(), Not(HasSubstr("secret")));
    EXPECT_EQ(answer.text, "") << "no part of the response";
    EXPECT_THAT(lines(),
                Contains(::testing::AllOf(HasSubstr("secret-table-42"), HasSubstr(" error "),
                                          HasSubstr("request=" + answer.request_id))));
  }
  EXPECT_TRUE(absl::IsInternal(call("throw-int").status));
  EXPECT_TRUE(call("echo", "still here").status.ok());
}

TEST_F(UnaryTest, FullQueueIsSaidAtOnce) {
  Waiting waiting = occupy_worker();
  grpc::ClientContext queued_context;
  EchoRequest request;
  EchoResponse response;
  request.set_action("echo");
  std::thread queued([&] { EXPECT_TRUE(stub_->Do(&queued_context, request, &response).ok()); });
  wait_until_one_is_queued();
  const absl::Status refused = call("echo").status;
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_EQ(reason_of(refused), "QUEUE_FULL");
  waiting.release();
  queued.join();
}

TEST_F(UnaryTest, WhatNobodyWaitsForDoesNotRun) {
  Waiting waiting = occupy_worker();
  absl::Status status;
  std::thread late([&] { status = call("throw").status; });
  wait_until_one_is_queued();
  clock_.advance(absl::Seconds(11));  // the call's deadline is 10 s away
  waiting.release();
  late.join();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_EQ(reason_of(status), "DEADLINE_PASSED");
}

TEST_F(UnaryTest, AHandlerSeesItsCancellation) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(20));
  EXPECT_TRUE(absl::IsDeadlineExceeded(call("wait-cancel", "", context).status));
  EXPECT_TRUE(call("echo").status.ok()) << "the worker is free again";
}

TEST_F(UnaryTest, ALateCallIsAnsweredWithoutAWorker) {
  Waiting waiting = occupy_worker();
  const Answer answer = call("late", "hello");
  EXPECT_TRUE(answer.status.ok()) << answer.status;
  EXPECT_EQ(answer.text, "hello " + answer.request_id);
  const absl::Status refused = call("late-refuse", "NO_ROOM").status;
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_EQ(reason_of(refused), "NO_ROOM");
  waiting.release();
  const std::string page = metrics_.expose();
  for (const char* series :
       {"cafe_rpc_handled_total{service=\"echo\",code=\"OK\",method=\"Echo/Do\"} 2",
        "cafe_rpc_handled_total{service=\"echo\",code=\"RESOURCE_EXHAUSTED\",method=\"Echo/Do\"} 1",
        "cafe_rpc_in_flight{service=\"echo\",method=\"Echo/Do\"} 0"}) {
    EXPECT_THAT(page, HasSubstr(series));
  }
}

TEST_F(UnaryTest, CountsCallsByCode) {
  EXPECT_TRUE(call("echo").status.ok());
  EXPECT_FALSE(call("refuse", "R").status.ok());
  EXPECT_FALSE(call("throw").status.ok());
  const std::string page = metrics_.expose();
  for (const char* series :
       {"cafe_rpc_handled_total{service=\"echo\",code=\"OK\",method=\"Echo/Do\"} 1",
        "cafe_rpc_handled_total{service=\"echo\",code=\"FAILED_PRECONDITION\",method=\"Echo/Do\"} "
        "1",
        "cafe_rpc_handled_total{service=\"echo\",code=\"INTERNAL\",method=\"Echo/Do\"} 1",
        "cafe_rpc_duration_seconds_count{service=\"echo\",method=\"Echo/Do\"} 3",
        "cafe_rpc_in_flight{service=\"echo\",method=\"Echo/Do\"} 0"}) {
    EXPECT_THAT(page, HasSubstr(series));
  }
}

TEST_F(UnaryTest, PlaintextCallersAreAnonymousUnlessTheServerIsInsecure) {
  EXPECT_EQ(reason_of(call("guarded").status), "CALLER_NOT_ALLOWED");
  runtime_.insecure = true;
  EXPECT_TRUE(call("guarded").status.ok());
}

TEST(PublicStatus, HidesExactlyOwnFaults) {
  for (int code = 1; code <= 16; ++code) {
    const auto c = static_cast<absl::StatusCode>(code);
    const bool own_fault = c == absl::StatusCode::kInternal || c == absl::StatusCode::kUnknown ||
                           c == absl::StatusCode::kDataLoss;
    const absl::Status in = make_error(c, "R", "detail");
    const absl::Status out = public_status(in, "r1");
    EXPECT_EQ(own_fault ? absl::StatusCode::kInternal : c, out.code());
    EXPECT_EQ(own_fault, out.message() != "detail");
    EXPECT_EQ(from_grpc(to_grpc(in)).code(), c);
  }
  EXPECT_TRUE(public_status(absl::OkStatus(), "r1").ok());
}

}  // namespace
}  // namespace cafe::platform
