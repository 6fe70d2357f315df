#include "device-sim/firmware/wallet/contact.h"

namespace cafe::wallet {

using protocol::ByteView;

void Contact::finish(ContactResult result, absl::Status error) {
  result_ = result;
  error_.Update(error);
}

void Contact::decline(absl::Status error) {
  finish(ContactResult::kDeclined, std::move(error));
  endpoint_.hang_up();
}

void Contact::pay(absl::StatusOr<Outgoing> payment, uint64_t now_ms) {
  if (!payment.ok()) return decline(payment.status());
  outgoing_ = *std::move(payment);
  asked_ms_ = now_ms;
  on_time_ = false;
}

void Contact::take_call_offer(ByteView message, uint64_t now_ms) {
  if (const auto offer = firmware::CallOffer::decode(message); offer.ok()) {
    call_ = offer->terms.digest();
  }
  auto payment = wallet_.on_call_offer(message, now_ms);
  if (protocol::reason_of(payment.status()) != "CALL_ENDED") {
    return pay(std::move(payment), now_ms);
  }
  // Hung up in an earlier contact, of which the terminal may not know.
  talking_ = true;
  hanging_up_ = true;
}

void Contact::pay_tick(ByteView demand, uint64_t now_ms) {
  if (hanging_up_) return;  // says so below
  auto tick = wallet_.on_tick_demand(demand, now_ms);
  if (tick.ok()) return pay(Outgoing{std::move(tick->tick), tick->send_at_ms}, now_ms);
  // What cannot be paid ends the call, and the terminal should hear of it.
  error_.Update(tick.status());
  hanging_up_ = true;
}

void Contact::take_answer(ByteView message) {
  const absl::Status status = wallet_.on_payment_answer(message);
  const auto answer = firmware::PaymentAnswer::decode(message);
  if (!status.ok() || !answer.ok()) return decline(status);
  if (!answer->accepted) {
    finish(ContactResult::kRefused);
  } else if (call_) {
    talking_ = true;
  } else {
    finish(ContactResult::kAccepted);
  }
}

void Contact::take_end(ByteView message) {
  if (const absl::Status status = wallet_.on_call_end(message); !status.ok()) {
    return decline(status);
  }
  finish(ContactResult::kEnded);
}

void Contact::handle(ByteView message, uint64_t now_ms) {
  const std::string label = firmware::message_label(message);
  if (label == "cafe/v1/notice") {
    const absl::Status status = wallet_.on_notice(message, now_ms);
    finish(status.ok() ? ContactResult::kNoticed : ContactResult::kDeclined, status);
  } else if (label == "cafe/v1/offer") {
    pay(wallet_.on_offer(message, now_ms), now_ms);
  } else if (label == "cafe/v1/call-offer") {
    take_call_offer(message, now_ms);
  } else if (label == "cafe/v1/payment-answer") {
    take_answer(message);
  } else if (talking_ && label == "cafe/v1/tick-demand") {
    pay_tick(message, now_ms);
  } else if (call_ && label == "cafe/v1/call-end") {
    take_end(message);
  } else {
    decline(protocol::invalid("UNKNOWN_MESSAGE", "The terminal says what no terminal says now."));
  }
}

// [guard] Whoever hears when a payment comes must not hear how long the guardian took: a late one
// is not sent now, and a retry sends the stored bytes. The clock is looked at for the first time
// after the guardian has answered.
void Contact::send_due(uint64_t now_ms) {
  if (outgoing_ && !on_time_ && now_ms != asked_ms_) {
    on_time_ = now_ms <= outgoing_->send_at_ms;
    if (!on_time_) endpoint_.hang_up();
  }
  if (!outgoing_ || !on_time_ || now_ms < outgoing_->send_at_ms) return;
  endpoint_.send(std::move(outgoing_->payment)).IgnoreError();  // a dead link shows in tick
  outgoing_.reset();
  if (talking_) ++ticks_;
  endpoint_.tick(now_ms);
}

void Contact::send_hang_up() {
  auto message = wallet_.hang_up(*call_);
  if (!message.ok()) return decline(message.status());
  hung_up_ = true;
  endpoint_.send(*std::move(message)).IgnoreError();  // a dead link shows in tick
}

void Contact::tick(uint64_t now_ms) {
  // Goes on after the end: the terminal may not have heard the last acknowledgement.
  endpoint_.tick(now_ms);
  while (result_ == ContactResult::kRunning) {
    const auto message = endpoint_.receive();
    if (!message) break;
    handle(*message, now_ms);
  }
  if (result_ != ContactResult::kRunning) return;
  send_due(now_ms);
  // A tick that the guardian released goes out first.
  if (hanging_up_ && talking_ && !hung_up_ && !outgoing_) send_hang_up();
  if (result_ == ContactResult::kRunning && !endpoint_.up()) finish(ContactResult::kCut);
}

}  // namespace cafe::wallet
