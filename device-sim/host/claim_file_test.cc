// Claims are followed over a service that sends their files in slices, as many as it likes.
#include <grpcpp/grpcpp.h>

#include "device-sim/firmware/wallet/recovery_fixture.h"
#include "device-sim/host/backend.h"
#include "device-sim/host/recovery.h"
#include "libs/protocol/hash.h"

namespace cafe::host {
namespace {

using protocol::Bytes;
using protocol::reason_of;
using ::testing::SizeIs;
using wallet::ClaimStatus;

// A desk's files.
class Files : public v1::Recovery::Service {
 public:
  explicit Files(testing::RecoveryDesk& desk) : desk_(desk) {}

  grpc::Status GetClaim(grpc::ServerContext*, const v1::GetClaimRequest* request,
                        v1::GetClaimResponse* response) override {
    if (before_slice) before_slice();
    const auto file = desk_.claim_file(protocol::view_of(request->query()));
    if (!file.ok() || request->offset() >= file->size()) return {grpc::OUT_OF_RANGE, "no slice"};
    const size_t length = std::min(slice, file->size() - request->offset());
    const auto bytes = protocol::ByteView(*file).subspan(request->offset(), length);
    response->set_slice(protocol::to_string(bytes));
    response->set_size(file->size());
    response->set_digest(protocol::to_string(protocol::sha256(*file)));
    if (tamper) tamper(*request, *response);
    ++slices;
    return grpc::Status::OK;
  }

  size_t slice = 1000;
  size_t slices = 0;  // sent
  std::function<void()> before_slice;
  std::function<void(const v1::GetClaimRequest&, v1::GetClaimResponse&)> tamper;

 private:
  testing::RecoveryDesk& desk_;
};

// Two claims are held: of whole coins, and of the rest of one that paid.
class ClaimFileTest : public testing::RecoveryTest {
 protected:
  void SetUp() override {
    RecoveryTest::SetUp();
    lost_.withdraw(issuer_, {{world_.split_coin.id, 2}});
    pay_and_deposit(lost_, 300);
    recover_all({.partly_spent = true});
    ASSERT_THAT(views(), SizeIs(2));
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&files_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    BackendOptions options;
    options.withdrawal_address = "127.0.0.1:1";  // nobody is there, and nobody is called
    options.deposit_address = options.withdrawal_address;
    options.recovery_address = "127.0.0.1:";
    options.recovery_address += std::to_string(port);
    backend_ = *Backend::connect(options, latencies_);
  }
  std::string follow() { return reason_of(follow_claims(*fresh_.wallet, *backend_)); }
  Bytes query(size_t claim) {
    return *wallet::Claims(*fresh_.wallet).query(views().at(claim).digest, desk_.now_ms());
  }
  std::string got(size_t claim) { return reason_of(backend_->get_claim(query(claim)).status()); }

  Files files_{desk_};
  std::unique_ptr<grpc::Server> server_;
  Latencies latencies_;
  std::unique_ptr<Backend> backend_;
};

TEST_F(ClaimFileTest, IsPutTogetherOfItsSlices) {
  const auto file = backend_->get_claim(query(0));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*file, *desk_.claim_file(query(0)));
  EXPECT_EQ(files_.slices, (file->size() + 999) / 1000);
  ASSERT_GT(files_.slices, 2u);
}

TEST_F(ClaimFileTest, IsReadAnewWhereItGrewBetweenSlices) {
  files_.before_slice = [&] {
    if (files_.slices == 2) desk_.pass(testing::kHolding_ms);  // a statement comes
  };
  const auto file = backend_->get_claim(query(0));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*file, *desk_.claim_file(query(0)));
  EXPECT_THAT(protocol::ClaimFile::decode(*file)->statements, SizeIs(1));
}

TEST_F(ClaimFileTest, SlicesThatMakeNoFileAreNotTaken) {
  using Tamper = std::function<void(const v1::GetClaimRequest&, v1::GetClaimResponse&)>;
  const std::vector<Tamper> lies = {
      [](const auto&, auto& response) { response.clear_slice(); },
      [](const auto&, auto& response) { response.mutable_slice()->front() ^= 1; },
      [](const auto&, auto& response) { response.set_size(response.slice().size() - 1); },
      [](const auto&, auto& response) { response.set_size(uint64_t{1} << 40); },
      // Another file each time.
      [n = 0](const auto&, auto& response) mutable { response.set_digest(std::to_string(++n)); },
  };
  for (const Tamper& lie : lies) {
    files_.tamper = lie;
    EXPECT_EQ(got(0), "WRONG_SLICE");
  }
  files_.tamper = nullptr;
  EXPECT_EQ(got(0), "");
}

TEST_F(ClaimFileTest, OnesErrorKeepsNoOtherFromBeingFollowed) {
  desk_.pass(testing::kHolding_ms);
  const auto first = views().at(0).digest;
  files_.tamper = [&](const v1::GetClaimRequest& request, v1::GetClaimResponse& response) {
    const auto document = protocol::SignedDocument::decode(protocol::view_of(request.query()));
    const auto query = protocol::ClaimQuery::decode(document->frame);
    if (query->claim_digest == first) response.clear_slice();
  };
  EXPECT_EQ(follow(), "WRONG_SLICE");
  EXPECT_EQ(views()[0].status, ClaimStatus::kHeld);
  EXPECT_EQ(views()[1].status, ClaimStatus::kCredited);
  files_.tamper = nullptr;
  EXPECT_EQ(follow(), "");
  EXPECT_EQ(views()[0].status, ClaimStatus::kCredited);
}

}  // namespace
}  // namespace cafe::host
