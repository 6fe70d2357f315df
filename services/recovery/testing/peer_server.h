// The peers in memory behind real gRPC, for the service as a program of its own.
#pragma once

#include <grpcpp/server.h>

#include <memory>
#include <mutex>
#include <string>

#include "services/recovery/testing/fake_peers.h"

namespace cafe::recovery::testing {

class PeerServer {
 public:
  // The peers outlive it. A test that changes them meanwhile does so under `mutex`.
  PeerServer(FakeWithdrawal& withdrawal, FakeCoinStore& coin_store, FakeDeposit& deposit);
  ~PeerServer();
  // All three at one address.
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  std::mutex mutex;

 private:
  class WithdrawalSide;
  class CoinStoreSide;
  class DepositSide;
  const std::unique_ptr<WithdrawalSide> withdrawal_;
  const std::unique_ptr<CoinStoreSide> coin_store_;
  const std::unique_ptr<DepositSide> deposit_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace cafe::recovery::testing
