// The deposit service's peers, in memory, behind real gRPC, with the behaviour that the contracts
// in proto/cafe/v1 promise.
#pragma once

#include <grpcpp/server.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "cafe/v1/doublespend.grpc.pb.h"
#include "cafe/v1/withdrawal.grpc.pb.h"
#include "libs/protocol/slot_rows.h"
#include "libs/protocol/spend_rows.h"

namespace cafe::deposit::testing {

// Record and Reserve of detection of double spends.
class MemoryCoinStore final : public v1::DoubleSpend::Service {
 public:
  grpc::Status Record(grpc::ServerContext*, const v1::RecordRequest* request,
                      v1::RecordResponse* response) override;
  grpc::Status Reserve(grpc::ServerContext*, const v1::ReserveRequest* request,
                       v1::ReserveResponse* response) override;

  std::atomic<bool> down{false};            // answers UNAVAILABLE
  std::atomic<bool> full{false};            // answers RESOURCE_EXHAUSTED to Reserve
  std::atomic<uint64_t> now_ms{1'000'000};  // its clock, for reservations
  size_t spent();                           // slots
  std::atomic<int> reserve_calls{0};
  std::set<std::string> reserved_ids();  // the request ids that payments were reserved under
  // Sees to it that the next case gets this number.
  std::atomic<uint64_t> next_case{1};

 private:
  using Slot = std::pair<protocol::CoinId, uint32_t>;
  struct Hold {
    protocol::Bytes32 d;
    uint64_t until_ms;
  };
  // Nothing where the row is fresh.
  std::optional<v1::RecordVerdict> record(const protocol::PackedSpend& row);
  // How many of its ticks were shown before the row.
  uint32_t ticks_before(const protocol::PackedSpend& row);
  v1::ReserveResponse::State state_of(const protocol::PackedSlot& slot);

  std::mutex mutex_;
  std::map<Slot, protocol::PackedSpend> first_;
  struct Double {
    protocol::PackedSpend row;
    uint64_t case_number;
  };
  std::map<std::pair<Slot, protocol::Bytes32>, Double> doubles_;  // by slot and challenge
  // By slot: the deposits that showed more than all before them, and from where each went on.
  struct Shown {
    protocol::PackedSpend row;
    uint32_t before;
  };
  std::map<Slot, std::vector<Shown>> shown_;
  std::map<Slot, Hold> holds_;
  std::set<std::string> reserved_for_;
};

// GetDenominations and StopDenomination of withdrawal.
class MemoryWithdrawal final : public v1::Withdrawal::Service {
 public:
  grpc::Status GetDenominations(grpc::ServerContext*, const v1::GetDenominationsRequest* request,
                                v1::GetDenominationsResponse* response) override;
  grpc::Status StopDenomination(grpc::ServerContext*, const v1::StopDenominationRequest* request,
                                v1::StopDenominationResponse* response) override;

  void set_list(std::string list);
  std::atomic<bool> down{false};
  std::atomic<int> stop_calls{0};
  std::set<std::string> stopped();

 private:
  std::mutex mutex_;
  std::string list_;
  std::set<std::string> stopped_;
};

// Both at one address.
class Peers {
 public:
  Peers();
  ~Peers();
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  MemoryCoinStore coin_store;
  MemoryWithdrawal withdrawal;

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace cafe::deposit::testing
