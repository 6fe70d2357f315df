// What the spent store sees of who asks it: nothing that joins two questions.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>

#include "device-sim/host/backend.h"

namespace cafe::host {
namespace {

using protocol::CoinPrefix;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A store that notes from where it is asked.
class Store : public v1::DoubleSpend::Service {
 public:
  grpc::Status LookupPrefix(grpc::ServerContext* context, const v1::LookupPrefixRequest* request,
                            v1::LookupPrefixResponse* response) override {
    note(context);
    asked.push_back({static_cast<uint8_t>(request->bits()), request->prefix()});
    if (request->bits() < 2) {
      context->AddTrailingMetadata("cafe-reason", "PREFIX_TOO_SHORT");
      return {grpc::FAILED_PRECONDITION, "Ask with more bits."};
    }
    response->set_answer("answer");
    response->set_key_certificate("certificate");
    return grpc::Status::OK;
  }
  grpc::Status ListCases(grpc::ServerContext* context, const v1::ListCasesRequest*,
                         v1::ListCasesResponse*) override {
    note(context);
    return grpc::Status::OK;
  }
  void note(grpc::ServerContext* context) {
    const std::lock_guard lock(mutex);
    peers.insert(context->peer());
    for (const auto& [key, value] : context->client_metadata()) {
      const std::string name(key.begin(), key.end());
      // What gRPC itself says, the same for everybody.
      if (name != "user-agent") metadata.insert(name);
    }
  }

  std::mutex mutex;
  std::vector<CoinPrefix> asked;
  std::set<std::string> peers;  // address and port
  std::set<std::string> metadata;
};

class LookUpLineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&store_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    BackendOptions options;
    options.withdrawal_address = "127.0.0.1:1";  // nobody is there, and nobody is called
    options.deposit_address = options.withdrawal_address;
    options.doublespend_address = "127.0.0.1:";
    options.doublespend_address += std::to_string(port);
    backend_ = *Backend::connect(options, latencies_);
  }

  Store store_;
  std::unique_ptr<grpc::Server> server_;
  Latencies latencies_;
  std::unique_ptr<Backend> backend_;
};

TEST_F(LookUpLineTest, EachQuestionComesOverAConnectionOfItsOwn) {
  constexpr size_t kQuestions = 8;
  for (uint32_t n = 0; n < kQuestions; ++n) {
    const auto answer = backend_->look_up({4, n << 28});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(protocol::to_string(answer->document), "answer");
    EXPECT_EQ(protocol::to_string(answer->key_certificate), "certificate");
  }
  EXPECT_THAT(store_.peers, SizeIs(kQuestions));
  EXPECT_THAT(store_.metadata, IsEmpty());
  EXPECT_EQ(store_.asked.back(), (CoinPrefix{4, (kQuestions - 1) << 28}));
}

// What else is asked for shares one, which shows that the test sees it.
TEST_F(LookUpLineTest, OtherCallsShareOne) {
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(backend_->cases().ok());
  EXPECT_THAT(store_.peers, SizeIs(1));
  ASSERT_TRUE(backend_->look_up({4, 0}).ok());
  EXPECT_THAT(store_.peers, SizeIs(2));
}

TEST_F(LookUpLineTest, TellsWhyTheStoreDoesNotAnswer) {
  EXPECT_EQ(protocol::reason_of(backend_->look_up({0, 0}).status()), "PREFIX_TOO_SHORT");
}

}  // namespace
}  // namespace cafe::host
