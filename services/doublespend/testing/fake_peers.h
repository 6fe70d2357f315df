// The withdrawal and deposit services as the case worker sees them, over real gRPC, for tests.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cafe/v1/deposit.grpc.pb.h"
#include "cafe/v1/withdrawal.grpc.pb.h"
#include "libs/protocol/testing/market.h"

namespace cafe::doublespend::testing {

// What the peers know, and what they were asked to do. Thread-safe.
class PeerState {
 public:
  void set_down(bool down) {
    const std::lock_guard lock(mutex_);
    down_ = down;
  }
  void add_account(const cafe::testing::WorldWallet& wallet) {
    const std::lock_guard lock(mutex_);
    for (const protocol::Point& identity :
         {wallet.account.points.I_coin, wallet.account.points.I_cheque}) {
      auto& answer = accounts_[protocol::to_string(identity.bytes())];
      answer.set_account_id(protocol::to_string(wallet.account.account));
      answer.set_registration_file(protocol::to_string(wallet.registration.encode()));
    }
  }
  void add_payment(uint64_t batch, uint32_t number, const protocol::Payment& payment,
                   const protocol::PayeeCredential& terminal) {
    const std::lock_guard lock(mutex_);
    auto& answer = payments_[{batch, number}];
    answer.set_payment(protocol::to_string(payment.encode()));
    answer.set_terminal_credential(protocol::to_string(terminal.encode()));
  }
  void set_list(const protocol::SignedDocument& list) {
    const std::lock_guard lock(mutex_);
    list_ = protocol::to_string(list.encode());
  }
  // The signed cases of all calls of CloseAccount.
  std::vector<std::string> closed() {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

  grpc::Status find_account(const v1::FindAccountRequest& request,
                            v1::FindAccountResponse& response) {
    return find(accounts_, request.identity_point(), response);
  }
  grpc::Status get_payment(const v1::GetPaymentRequest& request, v1::GetPaymentResponse& response) {
    return find(payments_, {request.batch(), request.payment()}, response);
  }
  grpc::Status get_list(v1::GetDenominationsResponse& response) {
    const std::lock_guard lock(mutex_);
    if (down_) return unavailable();
    response.set_list(list_);
    return grpc::Status::OK;
  }
  grpc::Status close_account(const v1::CloseAccountRequest& request) {
    const std::lock_guard lock(mutex_);
    if (down_) return unavailable();
    closed_.push_back(request.signed_case());
    return grpc::Status::OK;
  }

 private:
  // A code that the client does not retry by itself, so that a test need not wait for it.
  static grpc::Status unavailable() { return {grpc::StatusCode::RESOURCE_EXHAUSTED, "busy"}; }

  template <typename Map, typename Response>
  grpc::Status find(const Map& map, const typename Map::key_type& key, Response& response) {
    const std::lock_guard lock(mutex_);
    if (down_) return unavailable();
    const auto found = map.find(key);
    if (found == map.end()) return {grpc::StatusCode::NOT_FOUND, "not here"};
    response = found->second;
    return grpc::Status::OK;
  }

  std::mutex mutex_;
  bool down_ = false;
  std::map<std::string, v1::FindAccountResponse> accounts_;
  std::map<std::pair<uint64_t, uint32_t>, v1::GetPaymentResponse> payments_;
  std::string list_;
  std::vector<std::string> closed_;
};

// Serves both on one port of 127.0.0.1, without TLS.
class FakePeerServer {
 public:
  explicit FakePeerServer(PeerState& state) : withdrawal_(state), deposit_(state) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&withdrawal_);
    builder.RegisterService(&deposit_);
    server_ = builder.BuildAndStart();
  }
  ~FakePeerServer() { server_->Shutdown(std::chrono::system_clock::now()); }
  FakePeerServer(const FakePeerServer&) = delete;
  FakePeerServer& operator=(const FakePeerServer&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  struct FakeWithdrawal final : v1::Withdrawal::Service {
    explicit FakeWithdrawal(PeerState& state) : state(state) {}
    grpc::Status FindAccount(grpc::ServerContext*, const v1::FindAccountRequest* request,
                             v1::FindAccountResponse* response) override {
      return state.find_account(*request, *response);
    }
    grpc::Status GetDenominations(grpc::ServerContext*, const v1::GetDenominationsRequest*,
                                  v1::GetDenominationsResponse* response) override {
      return state.get_list(*response);
    }
    grpc::Status CloseAccount(grpc::ServerContext*, const v1::CloseAccountRequest* request,
                              v1::CloseAccountResponse*) override {
      return state.close_account(*request);
    }
    PeerState& state;
  };
  struct FakeDeposit final : v1::Deposit::Service {
    explicit FakeDeposit(PeerState& state) : state(state) {}
    grpc::Status GetPayment(grpc::ServerContext*, const v1::GetPaymentRequest* request,
                            v1::GetPaymentResponse* response) override {
      return state.get_payment(*request, *response);
    }
    PeerState& state;
  };

  FakeWithdrawal withdrawal_;
  FakeDeposit deposit_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace cafe::doublespend::testing
