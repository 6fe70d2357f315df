#include "services/deposit/testing/peers.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <algorithm>

namespace cafe::deposit::testing {
namespace {

constexpr int kMaxMessageBytes = 64 << 20;

bool same_place(const protocol::PackedSpend& a, const protocol::PackedSpend& b) {
  return a.batch == b.batch && a.position == b.position;
}

grpc::Status is_down() { return {grpc::StatusCode::UNAVAILABLE, "down for the test"}; }

}  // namespace

uint32_t MemoryCoinStore::ticks_before(const protocol::PackedSpend& row) {
  if (row.ticks == 0) return 0;
  std::vector<Shown>& chain = shown_[{row.coin_id, row.slot}];
  for (const Shown& each : chain) {
    if (same_place(each.row, row)) return each.before;
  }
  const uint32_t most = chain.empty() ? 0 : chain.back().row.ticks;
  if (row.ticks <= most) return row.ticks;
  chain.push_back({row, most});
  return most;
}

std::optional<v1::RecordVerdict> MemoryCoinStore::record(const protocol::PackedSpend& row) {
  const Slot slot{row.coin_id, row.slot};
  const auto [first, is_new] = first_.try_emplace(slot, row);
  const protocol::PackedSpend& held = first->second;
  const uint32_t before = held.d == row.d ? ticks_before(row) : 0;
  if (is_new || (held.d == row.d && same_place(held, row))) return std::nullopt;

  v1::RecordVerdict verdict;
  const auto repeat_of = [&](const protocol::PackedSpend& other, uint64_t case_number) {
    verdict.set_outcome(v1::RecordVerdict::REPEAT);
    verdict.set_case_number(case_number);
    verdict.set_other_batch(other.batch);
    verdict.set_other_position(other.position);
    return verdict;
  };
  verdict.set_ticks_before(before);
  if (held.d == row.d) return repeat_of(held, 0);

  auto known = doubles_.find({slot, row.d});
  if (known == doubles_.end()) {
    known = doubles_.insert({{slot, row.d}, {row, next_case++}}).first;
  }
  if (!same_place(known->second.row, row)) {
    return repeat_of(known->second.row, known->second.case_number);
  }
  verdict.set_outcome(v1::RecordVerdict::DOUBLE);
  verdict.set_case_number(known->second.case_number);
  verdict.set_other_batch(held.batch);
  verdict.set_other_position(held.position);
  for (const protocol::Bytes32& part : {held.d, held.r1, held.r2}) {
    *verdict.mutable_other_trace() += protocol::to_string(part);
  }
  return verdict;
}

grpc::Status MemoryCoinStore::Record(grpc::ServerContext*, const v1::RecordRequest* request,
                                     v1::RecordResponse* response) {
  if (down) return is_down();
  const auto rows = protocol::SpendRows::open(request->rows());
  if (!rows.ok() || rows->size() < 1 || rows->size() > 50'000) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "1 to 50,000 rows of 164 bytes"};
  }
  const std::lock_guard lock(mutex_);
  response->set_rows(static_cast<uint32_t>(rows->size()));
  for (uint32_t i = 0; i < rows->size(); ++i) {
    if (auto verdict = record((*rows)[i]); verdict.has_value()) {
      verdict->set_row(i);
      *response->add_verdicts() = *std::move(verdict);
    }
  }
  return grpc::Status::OK;
}

v1::ReserveResponse::State MemoryCoinStore::state_of(const protocol::PackedSlot& slot) {
  const Slot key{slot.coin_id, slot.slot};
  if (const auto first = first_.find(key); first != first_.end()) {
    return first->second.d == slot.d ? v1::ReserveResponse::SPENT_BY_SAME
                                     : v1::ReserveResponse::SPENT;
  }
  const auto hold = holds_.find(key);
  if (hold != holds_.end() && hold->second.d != slot.d && hold->second.until_ms > now_ms) {
    return v1::ReserveResponse::HELD;
  }
  return v1::ReserveResponse::RESERVED;
}

grpc::Status MemoryCoinStore::Reserve(grpc::ServerContext*, const v1::ReserveRequest* request,
                                      v1::ReserveResponse* response) {
  if (full) return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too much to do"};
  if (down) return is_down();
  if (request->payments_size() < 1 || request->payments_size() > 256) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "1 to 256 payments"};
  }
  const std::lock_guard lock(mutex_);
  ++reserve_calls;
  response->set_reserved_until_ms(now_ms + request->hold_ms());
  for (const v1::ReserveRequest::Payment& payment : request->payments()) {
    reserved_for_.insert(payment.request_id());
    const auto slots = protocol::SlotRows::open(payment.slots());
    if (!slots.ok() || slots->size() < 1 || slots->size() > 128) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "1 to 128 slots of 76 bytes"};
    }
    v1::ReserveResponse::Reservation& reservation = *response->add_reservations();
    bool granted = true;
    for (size_t i = 0; i < slots->size(); ++i) {
      const auto state = state_of((*slots)[i]);
      granted &= state == v1::ReserveResponse::RESERVED;
      reservation.add_states(state);
    }
    reservation.set_granted(granted);
    for (size_t i = 0; granted && i < slots->size(); ++i) {
      const protocol::PackedSlot slot = (*slots)[i];
      holds_[{slot.coin_id, slot.slot}] = {slot.d, response->reserved_until_ms()};
    }
  }
  return grpc::Status::OK;
}

std::set<std::string> MemoryCoinStore::reserved_ids() {
  const std::lock_guard lock(mutex_);
  return reserved_for_;
}

size_t MemoryCoinStore::spent() {
  const std::lock_guard lock(mutex_);
  return first_.size();
}

grpc::Status MemoryWithdrawal::GetDenominations(grpc::ServerContext*,
                                                const v1::GetDenominationsRequest*,
                                                v1::GetDenominationsResponse* response) {
  if (down) return is_down();
  const std::lock_guard lock(mutex_);
  response->set_list(list_);
  return grpc::Status::OK;
}

grpc::Status MemoryWithdrawal::StopDenomination(grpc::ServerContext*,
                                                const v1::StopDenominationRequest* request,
                                                v1::StopDenominationResponse*) {
  ++stop_calls;
  if (down) return is_down();
  const std::lock_guard lock(mutex_);
  stopped_.insert(request->denom_id());
  return grpc::Status::OK;
}

void MemoryWithdrawal::set_list(std::string list) {
  const std::lock_guard lock(mutex_);
  list_ = std::move(list);
}

std::set<std::string> MemoryWithdrawal::stopped() {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

Peers::Peers() {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.RegisterService(&coin_store);
  builder.RegisterService(&withdrawal);
  server_ = builder.BuildAndStart();
}

Peers::~Peers() { server_->Shutdown(); }

}  // namespace cafe::deposit::testing
