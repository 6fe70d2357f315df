// The gRPC face of double-spend detection: who may call, what a request says, what it is answered.
#pragma once

#include <functional>

#include "cafe/v1/doublespend.grpc.pb.h"
#include "libs/platform/clock.h"
#include "libs/platform/unary.h"
#include "libs/storage/rate_limiter.h"
#include "services/doublespend/case_store.h"
#include "services/doublespend/coin_store.h"
#include "services/doublespend/group_commit.h"
#include "services/doublespend/lookups.h"

namespace cafe::doublespend {

// What the service answers with. All must outlive it.
struct ServiceParts {
  GroupCommit& commits;
  CoinStore& coins;
  CaseStore& cases;
  Lookups& lookups;
  storage::RateLimiter& lookup_limit;
  const platform::Clock& clock;
  std::function<void()> on_double;  // called after a commit that holds a double spend
};

class DoubleSpendService final : public v1::DoubleSpend::CallbackService {
 public:
  DoubleSpendService(platform::UnaryRuntime& runtime, ServiceParts parts)
      : runtime_(runtime), parts_(std::move(parts)) {}

  grpc::ServerUnaryReactor* Record(grpc::CallbackServerContext* context,
                                   const v1::RecordRequest* request,
                                   v1::RecordResponse* response) override;
  grpc::ServerUnaryReactor* Reserve(grpc::CallbackServerContext* context,
                                    const v1::ReserveRequest* request,
                                    v1::ReserveResponse* response) override;
  grpc::ServerUnaryReactor* Lookup(grpc::CallbackServerContext* context,
                                   const v1::LookupRequest* request,
                                   v1::LookupResponse* response) override;
  grpc::ServerUnaryReactor* GetCase(grpc::CallbackServerContext* context,
                                    const v1::GetCaseRequest* request,
                                    v1::GetCaseResponse* response) override;
  grpc::ServerUnaryReactor* ListCases(grpc::CallbackServerContext* context,
                                      const v1::ListCasesRequest* request,
                                      v1::ListCasesResponse* response) override;

 private:
  absl::Status record(const v1::RecordRequest& request, v1::RecordResponse& response);
  absl::Status reserve(const v1::ReserveRequest& request, v1::ReserveResponse& response);
  absl::Status look_up(const std::string& peer, const v1::LookupRequest& request,
                       v1::LookupResponse& response);
  absl::Status get_case(const v1::GetCaseRequest& request, v1::GetCaseResponse& response);
  absl::Status list_cases(const v1::ListCasesRequest& request, v1::ListCasesResponse& response);

  platform::UnaryRuntime& runtime_;
  const ServiceParts parts_;
};

}  // namespace cafe::doublespend
