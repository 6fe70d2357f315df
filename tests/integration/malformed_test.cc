// Whatever is sent to any method of any service, by nobody or by a caller that it lets in: the
// service lives, answers, changes no row and tells no secret.
#include <cafe/v1/deposit.pb.h>
#include <cafe/v1/doublespend.pb.h>
#include <cafe/v1/recovery.pb.h>
#include <cafe/v1/withdrawal.pb.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>

#include "libs/protocol/denomination.h"
#include "tests/integration/flood.h"
#include "tests/integration/leaks.h"
#include "tests/integration/malform.h"

namespace cafe::testing {
namespace {

constexpr size_t kOfEachKind = 10'000;
// Where a method is not everybody's, nobody gets past the first check: a few of each are enough.
constexpr size_t kOfEachKindAsNobody = 500;
constexpr const char* kPatient = "--queue-wait-ms=600000";

// "/cafe.v1.Deposit/Authorize" of every method of every contract.
std::set<std::string> all_methods() {
  std::set<std::string> out;
  for (const google::protobuf::FileDescriptor* file :
       {v1::DepositRequest::descriptor()->file(), v1::RecordRequest::descriptor()->file(),
        v1::RegisterRequest::descriptor()->file(), v1::PutBackupRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j)
        out.insert("/" + file->service(i)->full_name() + "/" + file->service(i)->method(j)->name());
    }
  }
  return out;
}

class MalformedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Limits off: each request shall be looked at.
    auto started = Cluster::start(
        {.shops = 2,
         .arguments = {
             {"withdrawal", {"--registrations-per-minute=0", "--orders-per-minute=0", kPatient}},
             {"deposit", {kPatient}},
             {"doublespend", {"--lookups-per-minute=0", "--prefix-lookups-per-minute=0", kPatient}},
             {"recovery", {"--calls-per-minute=0", kPatient}}}});
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = std::move(*started);
    stop_the_francs();
    auto valid = make_valid_requests(*cluster_);
    ASSERT_TRUE(valid.ok()) << valid.status();
    valid_ = std::move(*valid);
  }

  // Nobody withdraws francs here: StopDenomination gets something to find.
  void stop_the_francs() {
    const auto signed_list = cluster_->texts(
        "SELECT encode(document, 'hex') FROM withdrawal.denomination_list WHERE number = 1");
    ASSERT_TRUE(signed_list.ok()) << signed_list.status();
    const auto document =
        protocol::SignedDocument::decode(protocol::from_hex(signed_list->front()).value());
    ASSERT_TRUE(document.ok()) << document.status();
    const auto list = protocol::DenominationList::decode(document->frame);
    ASSERT_TRUE(list.ok()) << list.status();
    const auto francs = std::find_if(list->denominations.begin(), list->denominations.end(),
                                     [](const auto& d) { return d.currency == "CHF"; });
    ASSERT_NE(francs, list->denominations.end());
    v1::StopDenominationRequest request;
    request.set_denom_id(protocol::to_string(francs->id()));
    request.set_reason("Nobody needs it.");
    const Answers answers = Flood(*cluster_, "withdrawal", "operator")
                                .send("/cafe.v1.Withdrawal/StopDenomination", 1,
                                      [&](size_t) { return request.SerializeAsString(); });
    ASSERT_TRUE(answers.codes.contains(grpc::OK)) << answers.text();
  }

  // Two threads that each keep many calls under way.
  Answers flood(const ValidRequest& valid, const std::string& caller, Malformation kind,
                size_t count) {
    Answers sum;
    std::mutex mutex;
    std::vector<std::thread> threads;
    for (const size_t thread : {size_t{0}, size_t{1}}) {
      threads.emplace_back([&, thread] {
        const size_t half = thread == 0 ? count / 2 : count - count / 2;
        protocol::SeededRng rng(valid.method + caller + name_of(kind) + std::to_string(thread));
        Flood flood(*cluster_, valid.service, caller);
        const Answers answers =
            flood.send(valid.method, half, [&](size_t) { return malform(valid, kind, rng); });
        const std::lock_guard lock(mutex);
        sum.add(answers);
      });
    }
    for (std::thread& thread : threads) thread.join();
    return sum;
  }

  std::unique_ptr<Cluster> cluster_;
  std::vector<ValidRequest> valid_;
};

TEST_F(MalformedTest, CrashesNothingChangesNoRowTellsNoSecret) {
  // All methods are here, and what is altered below is accepted as it is, and changes nothing.
  std::set<std::string> methods;
  std::map<std::string, pid_t> pids;
  for (const char* name : kServices) pids[name] = cluster_->process(name).pid();
  const auto before = cluster_->fingerprint();
  ASSERT_TRUE(before.ok()) << before.status();
  for (const ValidRequest& valid : valid_) {
    methods.insert(valid.method);
    const Answers answers =
        Flood(*cluster_, valid.service, valid.caller).send(valid.method, 20, [&](size_t) {
          return valid.bytes();
        });
    EXPECT_EQ(answers.codes, (std::map<grpc::StatusCode, uint64_t>{{grpc::OK, 20}}))
        << valid.method << ": " << answers.text();
  }
  EXPECT_EQ(methods, all_methods());
  const auto after_valid = cluster_->fingerprint();
  ASSERT_TRUE(after_valid.ok()) << after_valid.status();
  EXPECT_EQ(*before, *after_valid);

  for (const ValidRequest& valid : valid_) {
    for (const Malformation kind : kMalformations) {
      Answers answers = flood(valid, valid.caller, kind, kOfEachKind);
      EXPECT_EQ(answers.all(), kOfEachKind);
      if (!valid.caller.empty()) {
        const Answers nobodys = flood(valid, "", kind, kOfEachKindAsNobody);
        EXPECT_FALSE(nobodys.codes.contains(grpc::OK)) << valid.method << " lets nobody in";
        answers.add(nobodys);
      }
      EXPECT_EQ(answers.faults(), 0u)
          << valid.method << ", " << name_of(kind) << ": " << answers.text();
      EXPECT_EQ(answers.without_reason, 0u) << valid.method << ", " << name_of(kind);
      if (valid.trusts_caller) {
        EXPECT_FALSE(answers.codes.contains(grpc::OK))
            << valid.method << " takes a part of a request";
      }
      std::printf("%-42s %-14s %s\n", valid.method.c_str(), name_of(kind), answers.text().c_str());
    }
  }

  for (const char* name : kServices) {
    ASSERT_TRUE(cluster_->running(name)) << name << " died";
    EXPECT_EQ(cluster_->process(name).pid(), pids[name]);
    EXPECT_TRUE(Flood(*cluster_, name, "").serving()) << name;
  }
  const auto after = cluster_->fingerprint();
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(*before, *after);
  const auto audit = cluster_->cafectl_json({"audit", "--trust", cluster_->trust()});
  ASSERT_TRUE(audit.ok()) << audit.status();
  EXPECT_EQ(audit->at("result"), "pass");
  EXPECT_EQ(leaks_of(*cluster_), std::vector<std::string>{});

  // A single row would have been seen.
  ASSERT_TRUE(cluster_->cafectl({"payee", "enrol", "--name", "One more"}).ok());
  const auto with_one_more = cluster_->fingerprint();
  ASSERT_TRUE(with_one_more.ok()) << with_one_more.status();
  EXPECT_NE(*after, *with_one_more);
}

}  // namespace
}  // namespace cafe::testing
