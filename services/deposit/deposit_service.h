// The wire side of deposits: messages to bytes and back, and who may call what.
#pragma once

#include "cafe/v1/deposit.grpc.pb.h"
#include "libs/platform/unary.h"
#include "services/deposit/authorize.h"
#include "services/deposit/deposit_flow.h"

namespace cafe::deposit {

class DepositService final : public v1::Deposit::CallbackService {
 public:
  // All of it outlives the server.
  DepositService(platform::UnaryRuntime& runtime, const DepositParts& parts, DepositFlow& deposits,
                 AuthorizeFlow& authorizations)
      : runtime_(runtime), parts_(parts), deposits_(deposits), authorizations_(authorizations) {}

  // Anyone: the order and the terms are signed.
  grpc::ServerUnaryReactor* Deposit(grpc::CallbackServerContext* context,
                                    const v1::DepositRequest* request,
                                    v1::DepositResponse* response) override;
  grpc::ServerUnaryReactor* Authorize(grpc::CallbackServerContext* context,
                                      const v1::AuthorizeRequest* request,
                                      v1::AuthorizeResponse* response) override;
  // doublespend, recovery and operator.
  grpc::ServerUnaryReactor* GetPayment(grpc::CallbackServerContext* context,
                                       const v1::GetPaymentRequest* request,
                                       v1::GetPaymentResponse* response) override;
  // recovery.
  grpc::ServerUnaryReactor* VoidTerms(grpc::CallbackServerContext* context,
                                      const v1::VoidTermsRequest* request,
                                      v1::VoidTermsResponse* response) override;
  // recovery and operator.
  grpc::ServerUnaryReactor* LocateCheques(grpc::CallbackServerContext* context,
                                          const v1::LocateRequest* request,
                                          v1::LocateResponse* response) override;

 private:
  absl::Status deposit(const platform::CallInfo& call, const v1::DepositRequest& request,
                       v1::DepositResponse& response);
  absl::Status get_payment(const platform::CallInfo& call, const v1::GetPaymentRequest& request,
                           v1::GetPaymentResponse& response);
  absl::Status locate_cheques(const v1::LocateRequest& request, v1::LocateResponse& response);

  platform::UnaryRuntime& runtime_;
  const DepositParts& parts_;
  DepositFlow& deposits_;
  AuthorizeFlow& authorizations_;
};

}  // namespace cafe::deposit
