#include "services/doublespend/answers.h"

#include "libs/protocol/frame.h"

namespace cafe::doublespend {
namespace {

using protocol::to_string;

v1::RecordVerdict::Outcome to_wire(Outcome outcome) {
  switch (outcome) {
    case Outcome::kFresh:
      break;
    case Outcome::kRepeat:
      return v1::RecordVerdict::REPEAT;
    case Outcome::kDouble:
      return v1::RecordVerdict::DOUBLE;
  }
  return v1::RecordVerdict::OUTCOME_UNSPECIFIED;
}

v1::ReserveResponse::State to_wire(SlotState state) {
  switch (state) {
    case SlotState::kReserved:
      return v1::ReserveResponse::RESERVED;
    case SlotState::kSpent:
      return v1::ReserveResponse::SPENT;
    case SlotState::kSpentBySame:
      return v1::ReserveResponse::SPENT_BY_SAME;
    case SlotState::kHeld:
      return v1::ReserveResponse::HELD;
  }
  return v1::ReserveResponse::STATE_UNSPECIFIED;
}

}  // namespace

bool write_verdicts(std::span<const RecordVerdict> verdicts, v1::RecordResponse& response) {
  bool any_double = false;
  response.set_rows(static_cast<uint32_t>(verdicts.size()));
  for (size_t i = 0; i < verdicts.size(); ++i) {
    const RecordVerdict& verdict = verdicts[i];
    if (verdict.outcome == Outcome::kFresh) continue;
    v1::RecordVerdict& message = *response.add_verdicts();
    message.set_row(static_cast<uint32_t>(i));
    message.set_outcome(to_wire(verdict.outcome));
    message.set_case_number(verdict.case_number);
    message.set_other_batch(verdict.other.batch);
    message.set_other_position(verdict.other.position);
    message.set_ticks_before(verdict.ticks_before);
    if (verdict.outcome == Outcome::kDouble) {
      any_double = true;
      for (const protocol::Bytes32& part : {verdict.first.d, verdict.first.r1, verdict.first.r2}) {
        message.mutable_other_trace()->append(to_string(part));
      }
    }
  }
  return any_double;
}

void write_reservations(std::span<const ReserveResult> results, uint64_t until_ms,
                        v1::ReserveResponse& response) {
  response.set_reserved_until_ms(until_ms);
  for (const ReserveResult& result : results) {
    v1::ReserveResponse::Reservation& message = *response.add_reservations();
    message.set_granted(result.granted);
    for (const SlotState state : result.states) message.add_states(to_wire(state));
  }
}

void write_located(std::span<const LocatedSpend> spends, v1::LocateResponse& response) {
  for (const LocatedSpend& spend : spends) {
    v1::LocateResponse::Spend& message = *response.add_spends();
    message.set_coin(spend.coin);
    message.set_slot(spend.slot);
    message.set_batch(spend.place.batch);
    message.set_position(spend.place.position);
    if (spend.ticks == 0) continue;
    message.set_ticks(spend.ticks);
    message.set_ticks_batch(spend.ticks_place.batch);
    message.set_ticks_position(spend.ticks_place.position);
  }
}

void write_summary(const CaseSummary& summary, v1::CaseSummary& message) {
  message.set_number(summary.number);
  message.set_state(summary.state);
  message.set_coin_id(to_string(summary.key.coin_id));
  message.set_slot(summary.key.slot);
  if (summary.account.has_value()) {
    message.set_account_id(to_string(*summary.account));
  }
  message.set_first_of_account(summary.first_of_account);
  message.set_opened_ms(summary.opened_ms);
  message.set_note(summary.note);
}

}  // namespace cafe::doublespend
