#include "device-sim/firmware/pos/contact.h"

namespace cafe::pos {

using protocol::Bytes;
using protocol::ByteView;

Contact::Contact(Terminal& terminal, link::Medium& medium, uint32_t session, Bytes opening,
                 const link::LinkOptions& options, uint32_t tick_interval_ms)
    : terminal_(terminal),
      endpoint_(link::Endpoint::caller(medium, session, options)),
      notice_only_(firmware::label_of(opening) == "cafe/v1/notice"),
      tick_interval_ms_(tick_interval_ms) {
  if (const auto offer = firmware::CallOffer::decode(opening); offer.ok()) {
    call_ = offer->terms.digest();
  }
  endpoint_.send(std::move(opening)).IgnoreError();  // a new endpoint takes its first message
}

bool Contact::talking() const {
  return call_ && !closing_ && decision_ && decision_->decision == Decision::kAccepted;
}

void Contact::close(absl::StatusOr<Bytes> last_message, ContactResult result) {
  if (!last_message.ok()) {
    error_ = last_message.status();
    endpoint_.hang_up();
    return;
  }
  closing_ = result;
  endpoint_.send(*std::move(last_message)).IgnoreError();  // a dead link shows in tick
}

void Contact::answer(PaymentResult result) {
  decision_ = std::move(result);
  if (decision_->decision == Decision::kAuthorize) {
    result_ = ContactResult::kAuthorize;
    return;
  }
  result_ = ContactResult::kRunning;
  if (talking()) {
    endpoint_.send(decision_->message).IgnoreError();  // a dead link shows in tick
  } else {
    close(decision_->message, decision_->decision == Decision::kAccepted ? ContactResult::kAccepted
                                                                         : ContactResult::kRefused);
  }
}

absl::Status Contact::on_authorization(ByteView authorization, ByteView key_certificate,
                                       uint64_t now_ms) {
  CAFE_ASSIGN_OR_RETURN(PaymentResult result,
                        terminal_.on_authorization(authorization, key_certificate, now_ms));
  answer(std::move(result));
  return absl::OkStatus();
}

void Contact::end_call(uint64_t now_ms) {
  close(terminal_.end_call(*call_, now_ms), ContactResult::kEnded);
}

void Contact::take_tick(ByteView message, uint64_t now_ms) {
  if (const absl::Status taken = terminal_.on_tick(message, now_ms); !taken.ok()) {
    // Nobody goes on talking for nothing.
    end_call(now_ms);
    error_.Update(taken);
    return;
  }
  if (!tick_asked_) return;  // the last one, once more
  tick_asked_ = false;
  ++ticks_;
}

void Contact::demand_tick(uint64_t now_ms) {
  if (tick_asked_) return;
  if (hanging_up_) return end_call(now_ms);
  if (now_ms < next_tick_ms_) return;
  auto demand = terminal_.next_tick_demand(*call_, now_ms);
  if (!demand.ok()) return end_call(now_ms);
  if (!endpoint_.send(*std::move(demand)).ok()) return;  // again at the next tick
  tick_asked_ = true;
  next_tick_ms_ = now_ms + tick_interval_ms_;
}

void Contact::handle(ByteView message, uint64_t now_ms) {
  const std::string_view label = firmware::label_of(message);
  if (closing_) return;
  if (call_ && label == "cafe/v1/hang-up") {
    auto end = terminal_.on_hang_up(message, now_ms);
    // Before the call was opened the wallet gets the refusal of its bill instead.
    const bool ended = end.ok() && firmware::message_label(*end) == "cafe/v1/call-end";
    close(std::move(end), ended ? ContactResult::kEnded : ContactResult::kRefused);
  } else if (talking() && label == "cafe/v1/tick") {
    take_tick(message, now_ms);
  } else if (!decision_) {
    auto decided = terminal_.on_payment(message, now_ms);
    if (decided.ok()) {
      answer(*std::move(decided));
    } else {
      error_ = decided.status();
      endpoint_.hang_up();
    }
  }
}

void Contact::tick(uint64_t now_ms) {
  endpoint_.tick(now_ms);
  if (result_ != ContactResult::kRunning) return;
  if (notice_only_ && endpoint_.all_delivered()) {
    result_ = ContactResult::kDelivered;
    endpoint_.hang_up();
    return;
  }
  // Before what arrived is looked at: between a tick and the next demand the payee can hang up.
  if (talking() && endpoint_.up()) demand_tick(now_ms);
  while (result_ == ContactResult::kRunning && error_.ok()) {
    const auto message = endpoint_.receive();
    if (!message) break;
    handle(*message, now_ms);
  }
  if (result_ != ContactResult::kRunning) return;
  if (closing_ && endpoint_.all_delivered()) {
    result_ = *closing_;
    endpoint_.hang_up();
  } else if (!endpoint_.up()) {
    result_ = ContactResult::kCut;
  }
}

}  // namespace cafe::pos
