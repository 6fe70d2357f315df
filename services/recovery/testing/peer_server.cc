#include "services/recovery/testing/peer_server.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include "cafe/v1/deposit.grpc.pb.h"
#include "cafe/v1/doublespend.grpc.pb.h"
#include "cafe/v1/withdrawal.grpc.pb.h"
#include "libs/platform/grpc_status.h"
#include "libs/platform/server.h"

namespace cafe::recovery::testing {

using protocol::AccountId;
using protocol::to_string;
using protocol::view_of;

namespace {

// Runs `answer` under the lock, and says what it says.
template <class Answer>
grpc::Status serve(std::mutex& mutex, grpc::ServerContext* context, Answer answer) {
  const std::lock_guard lock(mutex);
  const absl::Status status = answer();
  if (status.ok()) return grpc::Status::OK;
  context->AddTrailingMetadata(platform::kReasonMetadata, protocol::reason_of(status));
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

template <class List>
void write_all(const std::vector<protocol::Bytes>& from, List* to) {
  for (const protocol::Bytes& each : from) to->Add(to_string(each));
}

absl::StatusOr<std::vector<protocol::CoinId>> read_coins(const v1::LocateRequest& request) {
  std::vector<protocol::CoinId> coins;
  for (const std::string& coin : request.coin_ids()) {
    CAFE_ASSIGN_OR_RETURN(coins.emplace_back(), protocol::CoinId::decode(view_of(coin)));
  }
  return coins;
}

void write_located(std::span<const LocatedSpend> spends, v1::LocateResponse& response) {
  for (const LocatedSpend& located : spends) {
    auto& spend = *response.add_spends();
    spend.set_coin(located.coin);
    spend.set_slot(located.slot);
    spend.set_batch(located.batch);
    spend.set_position(located.payment * 128 + located.spend);
  }
}

}  // namespace

class PeerServer::WithdrawalSide final : public v1::Withdrawal::Service {
 public:
  WithdrawalSide(std::mutex& mutex, FakeWithdrawal& fake) : mutex_(mutex), fake_(fake) {}

  grpc::Status GetDenominations(grpc::ServerContext* context,
                                const v1::GetDenominationsRequest* request,
                                v1::GetDenominationsResponse* response) override {
    return serve(mutex_, context, [&]() -> absl::Status {
      CAFE_ASSIGN_OR_RETURN(const auto list, fake_.list(request->list_number()));
      response->set_list(to_string(list.encode()));
      return absl::OkStatus();
    });
  }

  grpc::Status GetAccount(grpc::ServerContext* context, const v1::GetAccountRequest* request,
                          v1::GetAccountResponse* response) override {
    return serve(mutex_, context, [&]() -> absl::Status {
      CAFE_ASSIGN_OR_RETURN(const auto id, AccountId::decode(view_of(request->account_id())));
      CAFE_ASSIGN_OR_RETURN(const AccountAnswer answer, fake_.account(id, absl::InfiniteFuture()));
      response->set_registration_file(to_string(answer.registration_file));
      response->set_receipt(to_string(answer.receipt));
      response->set_standing(answer.standing == Standing::kOpen ? v1::GetAccountResponse::OPEN
                             : answer.standing == Standing::kLost
                                 ? v1::GetAccountResponse::LOST
                                 : v1::GetAccountResponse::CONVICTED);
      response->set_loss_recorded(to_string(answer.loss_recorded));
      write_all(answer.replacements, response->mutable_replacements());
      write_all(answer.successor_receipts, response->mutable_successor_receipts());
      response->set_last_order(answer.last_order);
      response->set_last_load(answer.last_load);
      write_all(answer.key_certificates, response->mutable_key_certificates());
      return absl::OkStatus();
    });
  }

  grpc::Status ListAccountOrders(grpc::ServerContext* context,
                                 const v1::ListAccountOrdersRequest* request,
                                 v1::ListAccountOrdersResponse* response) override {
    return serve(mutex_, context, [&]() -> absl::Status {
      CAFE_ASSIGN_OR_RETURN(const auto id, AccountId::decode(view_of(request->account_id())));
      CAFE_ASSIGN_OR_RETURN(const auto orders, fake_.orders(id, request->after(), request->limit(),
                                                            absl::InfiniteFuture()));
      uint64_t number = request->after();
      for (const protocol::OrderRecord& record : orders) {
        auto& order = *response->add_orders();
        order.set_number(++number);
        order.set_order(to_string(record.order.encode()));
        order.set_completion(to_string(record.completion.encode()));
      }
      return absl::OkStatus();
    });
  }

  grpc::Status ListAccountLoads(grpc::ServerContext* context,
                                const v1::ListAccountLoadsRequest* request,
                                v1::ListAccountLoadsResponse* response) override {
    return serve(mutex_, context, [&]() -> absl::Status {
      CAFE_ASSIGN_OR_RETURN(const auto id, AccountId::decode(view_of(request->account_id())));
      CAFE_ASSIGN_OR_RETURN(const auto loads, fake_.loads(id, request->after(), request->limit(),
                                                          absl::InfiniteFuture()));
      for (const auto& load : loads) response->add_loads(to_string(load.encode()));
      return absl::OkStatus();
    });
  }

 private:
  std::mutex& mutex_;
  FakeWithdrawal& fake_;
};

class PeerServer::CoinStoreSide final : public v1::DoubleSpend::Service {
 public:
  CoinStoreSide(std::mutex& mutex, FakeCoinStore& fake) : mutex_(mutex), fake_(fake) {}

  grpc::Status MarkClaimed(grpc::ServerContext* context, const v1::MarkClaimedRequest* request,
                           v1::MarkClaimedResponse*) override {
    return serve(mutex_, context, [&]() -> absl::Status {
      std::vector<MarkedCoin> coins;
      for (const auto& coin : request->coins()) {
        CAFE_ASSIGN_OR_RETURN(const auto id, protocol::CoinId::decode(view_of(coin.coin_id())));
        coins.push_back({id, coin.slots(), coin.deposit_until(), coin.claim_until()});
      }
      return fake_.mark_claimed(request->claim(), coins, absl::InfiniteFuture());
    });
  }

  grpc::Status Locate(grpc::ServerContext* context, const v1::LocateRequest* request,
                      v1::LocateResponse* response) override {
    return serve(mutex_, context, [&]() -> absl::Status {
      CAFE_ASSIGN_OR_RETURN(const auto coins, read_coins(*request));
      CAFE_ASSIGN_OR_RETURN(const auto spends, fake_.locate(coins, absl::InfiniteFuture()));
      write_located(spends, *response);
      return absl::OkStatus();
    });
  }

 private:
  std::mutex& mutex_;
  FakeCoinStore& fake_;
};

class PeerServer::DepositSide final : public v1::Deposit::Service {
 public:
  DepositSide(std::mutex& mutex, FakeDeposit& fake) : mutex_(mutex), fake_(fake) {}

  grpc::Status GetPayment(grpc::ServerContext* context, const v1::GetPaymentRequest* request,
                          v1::GetPaymentResponse* response) override {
    return serve(mutex_, context, [&]() -> absl::Status {
      CAFE_ASSIGN_OR_RETURN(
          const ArchivedPayment payment,
          fake_.payment(request->batch(), request->payment(), absl::InfiniteFuture()));
      response->set_payment(to_string(payment.payment));
      response->set_terminal_credential(to_string(payment.credential));
      return absl::OkStatus();
    });
  }

  grpc::Status VoidTerms(grpc::ServerContext* context, const v1::VoidTermsRequest* request,
                         v1::VoidTermsResponse*) override {
    return serve(mutex_, context, [&] {
      return fake_.void_terms(view_of(request->refusal()), view_of(request->credential()),
                              absl::InfiniteFuture());
    });
  }

  grpc::Status LocateCheques(grpc::ServerContext* context, const v1::LocateRequest* request,
                             v1::LocateResponse* response) override {
    return serve(mutex_, context, [&]() -> absl::Status {
      CAFE_ASSIGN_OR_RETURN(const auto cheques, read_coins(*request));
      CAFE_ASSIGN_OR_RETURN(const auto spends,
                            fake_.locate_cheques(cheques, absl::InfiniteFuture()));
      write_located(spends, *response);
      return absl::OkStatus();
    });
  }

 private:
  std::mutex& mutex_;
  FakeDeposit& fake_;
};

PeerServer::PeerServer(FakeWithdrawal& withdrawal, FakeCoinStore& coin_store, FakeDeposit& deposit)
    : withdrawal_(std::make_unique<WithdrawalSide>(mutex, withdrawal)),
      coin_store_(std::make_unique<CoinStoreSide>(mutex, coin_store)),
      deposit_(std::make_unique<DepositSide>(mutex, deposit)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.SetMaxReceiveMessageSize(platform::kMaxMessageBytes);
  builder.RegisterService(withdrawal_.get());
  builder.RegisterService(coin_store_.get());
  builder.RegisterService(deposit_.get());
  server_ = builder.BuildAndStart();
}

PeerServer::~PeerServer() { server_->Shutdown(); }

}  // namespace cafe::recovery::testing
