// The gRPC face of double-spend detection: who may call, what a request says, what it is answered.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cafe/v1/doublespend.grpc.pb.h"
#include "libs/platform/batcher.h"
#include "libs/platform/clock.h"
#include "libs/platform/unary.h"
#include "libs/storage/rate_limiter.h"
#include "services/doublespend/case_store.h"
#include "services/doublespend/claim_store.h"
#include "services/doublespend/coin_store.h"
#include "services/doublespend/group_commit.h"
#include "services/doublespend/lookups.h"
#include "services/doublespend/prefix_lookups.h"

namespace cafe::doublespend {

// What the service answers with. All must outlive it.
struct ServiceParts {
  GroupCommit& commits;
  CoinStore& coins;
  CaseStore& cases;
  ClaimStore& claims;
  Lookups& lookups;
  PrefixLookups& prefixes;
  storage::RateLimiter* lookup_limit;  // null: as many as come
  storage::RateLimiter* prefix_limit;  // the same of look-ups by prefix
  const platform::Clock& clock;
  std::function<void()> on_double;  // called after a commit that holds a double spend
  platform::QueueLimits limits{};   // of reservations, and of look-ups of each kind, that wait
};

class DoubleSpendService final : public v1::DoubleSpend::CallbackService {
 public:
  // Both must outlive it. Series: those of Batcher for the pools "reserve", "lookup" and
  // "prefix".
  DoubleSpendService(platform::UnaryRuntime& runtime, platform::Metrics& metrics,
                     ServiceParts parts);

  grpc::ServerUnaryReactor* Record(grpc::CallbackServerContext* context,
                                   const v1::RecordRequest* request,
                                   v1::RecordResponse* response) override;
  grpc::ServerUnaryReactor* Reserve(grpc::CallbackServerContext* context,
                                    const v1::ReserveRequest* request,
                                    v1::ReserveResponse* response) override;
  grpc::ServerUnaryReactor* Lookup(grpc::CallbackServerContext* context,
                                   const v1::LookupRequest* request,
                                   v1::LookupResponse* response) override;
  grpc::ServerUnaryReactor* LookupPrefix(grpc::CallbackServerContext* context,
                                         const v1::LookupPrefixRequest* request,
                                         v1::LookupPrefixResponse* response) override;
  grpc::ServerUnaryReactor* MarkClaimed(grpc::CallbackServerContext* context,
                                        const v1::MarkClaimedRequest* request,
                                        v1::MarkClaimedResponse* response) override;
  grpc::ServerUnaryReactor* Locate(grpc::CallbackServerContext* context,
                                   const v1::LocateRequest* request,
                                   v1::LocateResponse* response) override;
  grpc::ServerUnaryReactor* GetCase(grpc::CallbackServerContext* context,
                                    const v1::GetCaseRequest* request,
                                    v1::GetCaseResponse* response) override;
  grpc::ServerUnaryReactor* ListCases(grpc::CallbackServerContext* context,
                                      const v1::ListCasesRequest* request,
                                      v1::ListCasesResponse* response) override;

 private:
  // Calls that wait for company (batcher.h): one statement and one commit serve all.
  struct ReserveCall {
    std::vector<ReserveOrder> orders;  // of the request's payments
    const v1::ReserveRequest* request;
    v1::ReserveResponse* response;
    std::shared_ptr<platform::LateCall> call;
  };
  struct LookupCall {
    std::vector<protocol::CoinId> coins;
    std::string peer;
    v1::LookupResponse* response;
    std::shared_ptr<platform::LateCall> call;
  };
  struct PrefixCall {
    protocol::CoinPrefix prefix;
    std::string peer;
    v1::LookupPrefixResponse* response;
    std::shared_ptr<platform::LateCall> call;
  };

  absl::Status start_record(const v1::RecordRequest& request, v1::RecordResponse* response,
                            std::shared_ptr<platform::LateCall> call);
  void reserve(std::vector<ReserveCall> batch);
  void look_up(std::vector<LookupCall> batch);
  void answer_lookups(std::span<LookupCall> calls,
                      std::vector<std::vector<protocol::CoinId>> questions);
  void look_up_prefixes(std::vector<PrefixCall> batch);
  absl::Status mark_claimed(const v1::MarkClaimedRequest& request);
  absl::Status locate(const v1::LocateRequest& request, v1::LocateResponse& response);
  absl::Status get_case(const v1::GetCaseRequest& request, v1::GetCaseResponse& response);
  absl::Status list_cases(const v1::ListCasesRequest& request, v1::ListCasesResponse& response);

  platform::UnaryRuntime& runtime_;
  const ServiceParts parts_;
  platform::Batcher<ReserveCall> reservations_;
  platform::Batcher<LookupCall> lookups_;
  platform::Batcher<PrefixCall> prefix_lookups_;
};

}  // namespace cafe::doublespend
