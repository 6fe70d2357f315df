// The gRPC side of the service: who may call what, and bytes in and out.
// proto/cafe/v1/withdrawal.proto describes the methods.
#pragma once

#include "cafe/v1/withdrawal.grpc.pb.h"
#include "libs/platform/unary.h"
#include "services/withdrawal/issuer.h"

namespace cafe::withdrawal {

class WithdrawalService final : public v1::Withdrawal::CallbackService {
 public:
  // Both must outlive the server.
  WithdrawalService(platform::UnaryRuntime& runtime, Issuer& issuer)
      : runtime_(runtime), issuer_(issuer) {}

  grpc::ServerUnaryReactor* GetDenominations(grpc::CallbackServerContext* context,
                                             const v1::GetDenominationsRequest* request,
                                             v1::GetDenominationsResponse* response) override;
  grpc::ServerUnaryReactor* BeginRegistration(grpc::CallbackServerContext* context,
                                              const v1::BeginRegistrationRequest* request,
                                              v1::BeginRegistrationResponse* response) override;
  grpc::ServerUnaryReactor* Register(grpc::CallbackServerContext* context,
                                     const v1::RegisterRequest* request,
                                     v1::RegisterResponse* response) override;
  grpc::ServerUnaryReactor* Open(grpc::CallbackServerContext* context,
                                 const v1::OpenOrderRequest* request,
                                 v1::OpenOrderResponse* response) override;
  grpc::ServerUnaryReactor* Complete(grpc::CallbackServerContext* context,
                                     const v1::CompleteOrderRequest* request,
                                     v1::CompleteOrderResponse* response) override;
  grpc::ServerUnaryReactor* Void(grpc::CallbackServerContext* context,
                                 const v1::VoidOrderRequest* request,
                                 v1::VoidOrderResponse* response) override;
  grpc::ServerUnaryReactor* FindAccount(grpc::CallbackServerContext* context,
                                        const v1::FindAccountRequest* request,
                                        v1::FindAccountResponse* response) override;
  grpc::ServerUnaryReactor* CloseAccount(grpc::CallbackServerContext* context,
                                         const v1::CloseAccountRequest* request,
                                         v1::CloseAccountResponse* response) override;
  grpc::ServerUnaryReactor* StopDenomination(grpc::CallbackServerContext* context,
                                             const v1::StopDenominationRequest* request,
                                             v1::StopDenominationResponse* response) override;

 private:
  platform::UnaryRuntime& runtime_;
  Issuer& issuer_;
};

}  // namespace cafe::withdrawal
