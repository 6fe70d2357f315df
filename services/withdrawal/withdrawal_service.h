// The gRPC side of the service: who may call what, and bytes in and out.
// proto/cafe/v1/withdrawal.proto describes the methods.
#pragma once

#include <atomic>

#include "cafe/v1/withdrawal.grpc.pb.h"
#include "libs/platform/batcher.h"
#include "libs/platform/unary.h"
#include "services/withdrawal/orders.h"

namespace cafe::withdrawal {

// How orders are put into groups.
struct GroupOptions {
  size_t open_threads = 1;
  size_t complete_threads = 1;
  platform::QueueLimits limits{};
};

class WithdrawalService final : public v1::Withdrawal::CallbackService {
 public:
  // All must outlive the server. Series: those of Batcher for the pools "open" and "complete".
  WithdrawalService(platform::UnaryRuntime& runtime, Issuer& issuer, const GroupOptions& groups,
                    platform::Metrics& metrics);

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
  grpc::ServerUnaryReactor* Load(grpc::CallbackServerContext* context,
                                 const v1::LoadRequest* request,
                                 v1::LoadResponse* response) override;
  grpc::ServerUnaryReactor* GetLoad(grpc::CallbackServerContext* context,
                                    const v1::GetLoadRequest* request,
                                    v1::GetLoadResponse* response) override;
  grpc::ServerUnaryReactor* ReportLoss(grpc::CallbackServerContext* context,
                                       const v1::ReportLossRequest* request,
                                       v1::ReportLossResponse* response) override;
  grpc::ServerUnaryReactor* ReplaceAccount(grpc::CallbackServerContext* context,
                                           const v1::ReplaceAccountRequest* request,
                                           v1::ReplaceAccountResponse* response) override;
  grpc::ServerUnaryReactor* GetAccount(grpc::CallbackServerContext* context,
                                       const v1::GetAccountRequest* request,
                                       v1::GetAccountResponse* response) override;
  grpc::ServerUnaryReactor* ListAccountOrders(grpc::CallbackServerContext* context,
                                              const v1::ListAccountOrdersRequest* request,
                                              v1::ListAccountOrdersResponse* response) override;
  grpc::ServerUnaryReactor* ListAccountLoads(grpc::CallbackServerContext* context,
                                             const v1::ListAccountLoadsRequest* request,
                                             v1::ListAccountLoadsResponse* response) override;
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
  // A document that waits for its turn, and where its answer goes.
  struct WaitingOrder {
    protocol::ByteView document;  // valid until the call is finished
    std::string* answer;          // likewise
    std::shared_ptr<platform::LateCall> call;
  };
  using OrderQueue = platform::Batcher<WaitingOrder>;
  using AnswerAll = void (*)(Issuer& issuer, std::vector<OrderQuestion> questions);

  absl::Status open_later(WaitingOrder order);
  absl::Status complete_later(WaitingOrder order);
  void answer(std::vector<WaitingOrder> waiting, AnswerAll answer_all);

  platform::UnaryRuntime& runtime_;
  Issuer& issuer_;
  std::atomic<size_t> completing_ = 0;  // calls of Complete that wait
  platform::Counter& held_back_;        // calls of Open that were refused for their sake
  OrderQueue openings_;
  OrderQueue completions_;
};

}  // namespace cafe::withdrawal
