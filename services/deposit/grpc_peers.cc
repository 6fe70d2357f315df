#include "services/deposit/grpc_peers.h"

#include "cafe/v1/doublespend.grpc.pb.h"
#include "cafe/v1/withdrawal.grpc.pb.h"
#include "libs/platform/client.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes32;
using protocol::ByteView;
using protocol::Scalar;
using protocol::SpendTrace;
using protocol::view_of;

absl::Status bad_answer(std::string_view what) {
  return protocol::make_error(
      absl::StatusCode::kInternal, "PEER_ANSWER",
      std::string("A peer's answer does not fit the question: ") + std::string(what));
}

void set_bytes(std::string* to, ByteView bytes) { *to = protocol::to_string(bytes); }

void fill_row(const SpentSlot& slot, uint64_t batch, v1::SpendRow& row) {
  set_bytes(row.mutable_coin_id(), slot.coin_id);
  row.set_slot(slot.slot);
  set_bytes(row.mutable_d(), slot.trace.d.bytes());
  set_bytes(row.mutable_r1(), slot.trace.r1.bytes());
  set_bytes(row.mutable_r2(), slot.trace.r2.bytes());
  row.set_deposit_until(slot.deposit_until);
  row.set_claim_until(slot.claim_until);
  row.set_batch(batch);
  row.set_position(slot.position());
}

absl::StatusOr<RecordedSlot> read_verdict(const v1::RecordVerdict& verdict) {
  using Outcome = RecordedSlot::Outcome;
  RecordedSlot recorded{.outcome = Outcome::kFresh,
                        .case_number = verdict.case_number(),
                        .other_batch = verdict.other_batch(),
                        .other = {}};
  switch (verdict.outcome()) {
    case v1::RecordVerdict::FRESH:
      return recorded;
    case v1::RecordVerdict::REPEAT:
      recorded.outcome = Outcome::kRepeat;
      return recorded;
    case v1::RecordVerdict::DOUBLE: {
      recorded.outcome = Outcome::kDouble;
      CAFE_ASSIGN_OR_RETURN(const Scalar d, Scalar::decode(view_of(verdict.other_d())));
      CAFE_ASSIGN_OR_RETURN(const Scalar r1, Scalar::decode(view_of(verdict.other_r1())));
      CAFE_ASSIGN_OR_RETURN(const Scalar r2, Scalar::decode(view_of(verdict.other_r2())));
      recorded.other = SpendTrace{d, r1, r2};
      return recorded;
    }
    default:
      return protocol::invalid("NO_OUTCOME", "A verdict of the coin store has no outcome.");
  }
}

class GrpcCoinStore : public CoinStore {
 public:
  GrpcCoinStore(std::shared_ptr<grpc::Channel> channel, absl::Duration timeout)
      : stub_(v1::DoubleSpend::NewStub(std::move(channel))), timeout_(timeout) {}

  absl::StatusOr<std::vector<RecordedSlot>> record(uint64_t batch, std::span<const SpentSlot> slots,
                                                   absl::Time no_later_than) override {
    v1::RecordRequest request;
    request.mutable_rows()->Reserve(static_cast<int>(slots.size()));
    for (const SpentSlot& slot : slots) fill_row(slot, batch, *request.add_rows());
    v1::RecordResponse response;
    CAFE_RETURN_IF_ERROR(platform::call_unary(
        {.timeout = timeout_, .no_later_than = no_later_than, .idempotent = true},
        [&](grpc::ClientContext* context) { return stub_->Record(context, request, &response); }));
    if (static_cast<size_t>(response.verdicts_size()) != slots.size()) {
      return bad_answer("not one verdict for each row");
    }
    std::vector<RecordedSlot> recorded;
    recorded.reserve(slots.size());
    for (const v1::RecordVerdict& verdict : response.verdicts()) {
      absl::StatusOr<RecordedSlot> slot = read_verdict(verdict);
      if (!slot.ok()) return bad_answer(protocol::reason_of(slot.status()));
      recorded.push_back(*std::move(slot));
    }
    return recorded;
  }

  absl::StatusOr<Reservation> reserve(std::span<const SpentSlot> slots, uint32_t hold_ms,
                                      absl::Time no_later_than) override {
    v1::ReserveRequest request;
    request.set_hold_ms(hold_ms);
    for (const SpentSlot& slot : slots) {
      v1::ReserveRequest::Slot& wanted = *request.add_slots();
      set_bytes(wanted.mutable_coin_id(), slot.coin_id);
      wanted.set_slot(slot.slot);
      set_bytes(wanted.mutable_d(), slot.trace.d.bytes());
      wanted.set_deposit_until(slot.deposit_until);
    }
    v1::ReserveResponse response;
    CAFE_RETURN_IF_ERROR(platform::call_unary(
        {.timeout = timeout_, .no_later_than = no_later_than, .idempotent = true},
        [&](grpc::ClientContext* context) { return stub_->Reserve(context, request, &response); }));
    return read_reservation(response, slots.size());
  }

 private:
  static absl::StatusOr<Reservation> read_reservation(const v1::ReserveResponse& response,
                                                      size_t slots) {
    if (static_cast<size_t>(response.states_size()) != slots) {
      return bad_answer("not one state for each slot");
    }
    Reservation reservation{response.granted(), {}, response.reserved_until_ms()};
    for (const int state : response.states()) {
      switch (state) {
        case v1::ReserveResponse::RESERVED:
          reservation.states.push_back(ReservationState::kReserved);
          break;
        case v1::ReserveResponse::SPENT:
          reservation.states.push_back(ReservationState::kSpent);
          break;
        case v1::ReserveResponse::SPENT_BY_SAME:
          reservation.states.push_back(ReservationState::kSpentBySame);
          break;
        case v1::ReserveResponse::HELD:
          reservation.states.push_back(ReservationState::kHeld);
          break;
        default:
          return bad_answer("a slot without a state");
      }
    }
    return reservation;
  }

  const std::unique_ptr<v1::DoubleSpend::Stub> stub_;
  const absl::Duration timeout_;
};

class GrpcWithdrawal : public Withdrawal {
 public:
  GrpcWithdrawal(std::shared_ptr<grpc::Channel> channel, absl::Duration timeout)
      : stub_(v1::Withdrawal::NewStub(std::move(channel))), timeout_(timeout) {}

  absl::StatusOr<protocol::Bytes> newest_list() override {
    const v1::GetDenominationsRequest request;
    v1::GetDenominationsResponse response;
    CAFE_RETURN_IF_ERROR(platform::call_unary(
        {.timeout = timeout_, .idempotent = true}, [&](grpc::ClientContext* context) {
          return stub_->GetDenominations(context, request, &response);
        }));
    return protocol::to_bytes(view_of(response.list()));
  }

  absl::Status stop_denomination(const protocol::DenomId& denom_id,
                                 std::string_view reason) override {
    v1::StopDenominationRequest request;
    set_bytes(request.mutable_denom_id(), denom_id);
    request.set_reason(std::string(reason));
    v1::StopDenominationResponse response;
    return platform::call_unary({.timeout = timeout_, .idempotent = true},
                                [&](grpc::ClientContext* context) {
                                  return stub_->StopDenomination(context, request, &response);
                                });
  }

 private:
  const std::unique_ptr<v1::Withdrawal::Stub> stub_;
  const absl::Duration timeout_;
};

}  // namespace

std::unique_ptr<CoinStore> make_coin_store(std::shared_ptr<grpc::Channel> channel,
                                           absl::Duration timeout) {
  return std::make_unique<GrpcCoinStore>(std::move(channel), timeout);
}

std::unique_ptr<Withdrawal> make_withdrawal(std::shared_ptr<grpc::Channel> channel,
                                            absl::Duration timeout) {
  return std::make_unique<GrpcWithdrawal>(std::move(channel), timeout);
}

}  // namespace cafe::deposit
