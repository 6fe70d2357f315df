// The wire side of recovery: messages to bytes and back, who may call what, and how often.
#pragma once

#include "cafe/v1/recovery.grpc.pb.h"
#include "libs/platform/unary.h"
#include "libs/storage/rate_limiter.h"
#include "services/recovery/parts.h"

namespace cafe::recovery {

class RecoveryService final : public v1::Recovery::CallbackService {
 public:
  // All of it outlives the server. `limit` counts the calls of an address; null: no limit.
  RecoveryService(platform::UnaryRuntime& runtime, const RecoveryParts& parts,
                  storage::RateLimiter* limit)
      : runtime_(runtime), parts_(parts), limit_(limit) {}

  // Anyone: documents are signed, and the hotlist is everybody's.
  grpc::ServerUnaryReactor* PutBackup(grpc::CallbackServerContext* context,
                                      const v1::PutBackupRequest* request,
                                      v1::PutBackupResponse* response) override;
  grpc::ServerUnaryReactor* GetBackup(grpc::CallbackServerContext* context,
                                      const v1::GetBackupRequest* request,
                                      v1::GetBackupResponse* response) override;
  grpc::ServerUnaryReactor* ListOrders(grpc::CallbackServerContext* context,
                                       const v1::ListOrdersRequest* request,
                                       v1::ListOrdersResponse* response) override;
  grpc::ServerUnaryReactor* FileClaim(grpc::CallbackServerContext* context,
                                      const v1::FileClaimRequest* request,
                                      v1::FileClaimResponse* response) override;
  grpc::ServerUnaryReactor* GetClaim(grpc::CallbackServerContext* context,
                                     const v1::GetClaimRequest* request,
                                     v1::GetClaimResponse* response) override;
  grpc::ServerUnaryReactor* GetHotlist(grpc::CallbackServerContext* context,
                                       const v1::GetHotlistRequest* request,
                                       v1::GetHotlistResponse* response) override;
  // operator.
  grpc::ServerUnaryReactor* ListClaims(grpc::CallbackServerContext* context,
                                       const v1::ListClaimsRequest* request,
                                       v1::ListClaimsResponse* response) override;

 private:
  // Serves a method that anyone may call: RESOURCE_EXHAUSTED RATE_LIMITED beyond the limit.
  template <class Request, class Response, class Function>
  grpc::ServerUnaryReactor* serve(std::string_view method, grpc::CallbackServerContext* context,
                                  const Request* request, Response* response, Function function);

  platform::UnaryRuntime& runtime_;
  const RecoveryParts& parts_;
  storage::RateLimiter* const limit_;
};

}  // namespace cafe::recovery
