#include "services/deposit/grpc_peers.h"

#include <algorithm>
#include <iterator>

#include "cafe/v1/doublespend.grpc.pb.h"
#include "cafe/v1/withdrawal.grpc.pb.h"
#include "libs/platform/client.h"
#include "libs/protocol/slot_rows.h"
#include "libs/protocol/spend_rows.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes32;
using protocol::ByteView;
using protocol::Scalar;
using protocol::SpendTrace;
using protocol::view_of;

// A message has room for more (libs/platform/server.h), but not for a batch's most slots.
constexpr size_t kRowsAtOnce = 20'000;

absl::Status bad_answer(std::string_view what) {
  return protocol::make_error(
      absl::StatusCode::kInternal, "PEER_ANSWER",
      std::string("A peer's answer does not fit the question: ") + std::string(what));
}

void set_bytes(std::string* to, ByteView bytes) { *to = protocol::to_string(bytes); }

std::string pack_rows(uint64_t batch, std::span<const SpentSlot> slots) {
  std::string rows;
  rows.reserve(slots.size() * protocol::kSpendRowSize);
  for (const SpentSlot& slot : slots) {
    protocol::append_spend_row(rows, {.coin_id = slot.coin_id,
                                      .d = slot.trace.d.bytes(),
                                      .r1 = slot.trace.r1.bytes(),
                                      .r2 = slot.trace.r2.bytes(),
                                      .deposit_until = slot.deposit_until,
                                      .claim_until = slot.claim_until,
                                      .batch = batch,
                                      .position = slot.position(),
                                      .slot = slot.slot,
                                      .ticks = slot.ticks});
  }
  return rows;
}

absl::StatusOr<SpendTrace> read_trace(ByteView bytes) {
  if (bytes.size() != protocol::kSpendTraceSize) {
    return protocol::invalid("BAD_LENGTH", "A trace is 96 bytes.");
  }
  CAFE_ASSIGN_OR_RETURN(const Scalar d, Scalar::decode(bytes.subspan(0, 32)));
  CAFE_ASSIGN_OR_RETURN(const Scalar r1, Scalar::decode(bytes.subspan(32, 32)));
  CAFE_ASSIGN_OR_RETURN(const Scalar r2, Scalar::decode(bytes.subspan(64, 32)));
  return SpendTrace{d, r1, r2};
}

absl::StatusOr<RecordedSlot> read_verdict(const v1::RecordVerdict& verdict) {
  using Outcome = RecordedSlot::Outcome;
  RecordedSlot recorded{.outcome = Outcome::kRepeat,
                        .case_number = verdict.case_number(),
                        .other_batch = verdict.other_batch(),
                        .other = {},
                        .ticks_before = verdict.ticks_before()};
  switch (verdict.outcome()) {
    case v1::RecordVerdict::REPEAT:
      return recorded;
    case v1::RecordVerdict::DOUBLE: {
      recorded.outcome = Outcome::kDouble;
      CAFE_ASSIGN_OR_RETURN(recorded.other, read_trace(view_of(verdict.other_trace())));
      return recorded;
    }
    default:
      return protocol::invalid("NO_OUTCOME", "A verdict of the coin store has no outcome.");
  }
}

// Fresh is what no verdict names.
absl::StatusOr<std::vector<RecordedSlot>> read_verdicts(const v1::RecordResponse& response,
                                                        size_t slots) {
  if (response.rows() != slots) return bad_answer("another number of rows than were sent");
  std::vector<RecordedSlot> recorded(
      slots, RecordedSlot{.outcome = RecordedSlot::Outcome::kFresh, .other = {}});
  size_t next = 0;
  for (const v1::RecordVerdict& verdict : response.verdicts()) {
    if (verdict.row() < next || verdict.row() >= slots) {
      return bad_answer("verdicts out of order or of rows that were not sent");
    }
    absl::StatusOr<RecordedSlot> slot = read_verdict(verdict);
    if (!slot.ok()) return bad_answer(protocol::reason_of(slot.status()));
    recorded[verdict.row()] = *std::move(slot);
    next = verdict.row() + 1;
  }
  return recorded;
}

std::string pack_slots(std::span<const SpentSlot> slots) {
  std::string rows;
  rows.reserve(slots.size() * protocol::kSlotRowSize);
  for (const SpentSlot& slot : slots) {
    protocol::append_slot_row(rows, {.coin_id = slot.coin_id,
                                     .d = slot.trace.d.bytes(),
                                     .deposit_until = slot.deposit_until,
                                     .slot = slot.slot});
  }
  return rows;
}

std::optional<ReservationState> read_state(int state) {
  switch (state) {
    case v1::ReserveResponse::RESERVED:
      return ReservationState::kReserved;
    case v1::ReserveResponse::SPENT:
      return ReservationState::kSpent;
    case v1::ReserveResponse::SPENT_BY_SAME:
      return ReservationState::kSpentBySame;
    case v1::ReserveResponse::HELD:
      return ReservationState::kHeld;
    default:
      return std::nullopt;
  }
}

absl::StatusOr<std::vector<Reservation>> read_reservations(
    const v1::ReserveResponse& response, std::span<const SlotsToReserve> payments) {
  if (static_cast<size_t>(response.reservations_size()) != payments.size()) {
    return bad_answer("not one reservation for each payment");
  }
  std::vector<Reservation> reservations;
  reservations.reserve(payments.size());
  for (const v1::ReserveResponse::Reservation& message : response.reservations()) {
    if (static_cast<size_t>(message.states_size()) != payments[reservations.size()].slots.size()) {
      return bad_answer("not one state for each slot");
    }
    Reservation& reservation = reservations.emplace_back(
        Reservation{.granted = message.granted(),
                    .states = {},
                    .reserved_until_ms = message.granted() ? response.reserved_until_ms() : 0});
    for (const int value : message.states()) {
      const std::optional<ReservationState> state = read_state(value);
      if (!state) return bad_answer("a slot without a state");
      reservation.states.push_back(*state);
    }
  }
  return reservations;
}

class GrpcCoinStore : public CoinStore {
 public:
  GrpcCoinStore(std::shared_ptr<grpc::Channel> channel, absl::Duration timeout)
      : stub_(v1::DoubleSpend::NewStub(std::move(channel))), timeout_(timeout) {}

  absl::StatusOr<std::vector<RecordedSlot>> record(uint64_t batch, std::span<const SpentSlot> slots,
                                                   absl::Time no_later_than) override {
    // Each part is recorded for itself, and recording it again changes nothing: a batch that stops
    // between two is taken up again like any other.
    std::vector<RecordedSlot> recorded;
    recorded.reserve(slots.size());
    while (!slots.empty()) {
      const auto part = slots.first(std::min(slots.size(), kRowsAtOnce));
      slots = slots.subspan(part.size());
      v1::RecordRequest request;
      request.set_rows(pack_rows(batch, part));
      v1::RecordResponse response;
      CAFE_RETURN_IF_ERROR(platform::call_unary(
          {.timeout = timeout_, .no_later_than = no_later_than, .idempotent = true},
          [&](grpc::ClientContext* context) {
            return stub_->Record(context, request, &response);
          }));
      CAFE_ASSIGN_OR_RETURN(std::vector<RecordedSlot> verdicts,
                            read_verdicts(response, part.size()));
      std::move(verdicts.begin(), verdicts.end(), std::back_inserter(recorded));
    }
    return recorded;
  }

  absl::StatusOr<std::vector<Reservation>> reserve(std::span<const SlotsToReserve> payments,
                                                   uint32_t hold_ms,
                                                   absl::Time no_later_than) override {
    v1::ReserveRequest request;
    request.set_hold_ms(hold_ms);
    for (const SlotsToReserve& payment : payments) {
      v1::ReserveRequest::Payment& wanted = *request.add_payments();
      wanted.set_request_id(std::string(payment.request_id));
      *wanted.mutable_slots() = pack_slots(payment.slots);
    }
    v1::ReserveResponse response;
    CAFE_RETURN_IF_ERROR(platform::call_unary(
        {.timeout = timeout_, .no_later_than = no_later_than, .idempotent = true},
        [&](grpc::ClientContext* context) { return stub_->Reserve(context, request, &response); }));
    return read_reservations(response, payments);
  }

 private:
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
