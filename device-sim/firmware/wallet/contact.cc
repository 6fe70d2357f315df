#include "device-sim/firmware/wallet/contact.h"

#include <utility>

namespace cafe::wallet {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;

void Contact::finish(ContactResult result, absl::Status error) {
  result_ = result;
  error_.Update(error);
}

void Contact::hold(uint64_t now_ms, uint64_t due_ms, Held::Then then, Bytes message) {
  held_ = Held{now_ms, due_ms, then, std::move(message)};
}

void Contact::decline(absl::Status error, uint64_t now_ms, uint64_t due_ms) {
  finish(ContactResult::kDeclined, std::move(error));
  if (due_ms > now_ms) return hold(now_ms, due_ms, Held::Then::kBye);
  endpoint_.hang_up();
}

// A guardian that does not answer has lost its contact, and may have carried out what it was asked
// for: that is no reason to end anything. The line goes dead, and the next contact goes on.
bool Contact::fall_silent(const absl::Status& error) {
  if (!absl::IsUnavailable(error)) return false;
  finish(ContactResult::kCut, error);
  silent_ = true;
  return true;
}

void Contact::pay(absl::StatusOr<Outgoing> payment, uint64_t refusal_ms, uint64_t now_ms) {
  if (fall_silent(payment.status())) return;
  if (!payment.ok()) return decline(payment.status(), now_ms, now_ms + refusal_ms);
  hold(now_ms, payment->send_at_ms, Held::Then::kSend, std::move(payment->payment));
}

void Contact::take_offer(ByteView message, uint64_t now_ms) {
  const auto offer = firmware::Offer::decode(message);
  if (!offer.ok()) return decline(offer.status(), now_ms, now_ms);
  auto payment = wallet_.on_offer(message, now_ms);
  pay(std::move(payment), wallet_.answer_time_ms(offer->terms.digest()), now_ms);
}

void Contact::take_call_offer(ByteView message, uint64_t now_ms) {
  const auto offer = firmware::CallOffer::decode(message);
  if (!offer.ok()) return decline(offer.status(), now_ms, now_ms);
  call_ = offer->terms.digest();
  auto payment = wallet_.on_call_offer(message, now_ms);
  if (protocol::reason_of(payment.status()) != "CALL_ENDED") {
    // The guardian may have been asked before any of it was stored: the tariff alone decides when.
    const auto tariff = firmware::Tariff::decode(offer->tariff.frame);
    const uint64_t refusal_ms = tariff.ok() ? opening_time_ms(tariff->tick_count) : 0;
    return pay(std::move(payment), refusal_ms, now_ms);
  }
  // Hung up in an earlier contact, of which the terminal may not know.
  talking_ = true;
  hanging_up_ = true;
}

void Contact::pay_tick(ByteView demand, uint64_t now_ms) {
  if (hanging_up_) return;  // says so below
  auto tick = wallet_.on_tick_demand(demand, now_ms);
  if (tick.ok()) return hold(now_ms, tick->send_at_ms, Held::Then::kSend, std::move(tick->tick));
  if (fall_silent(tick.status())) return;
  // What cannot be paid ends the call, and the terminal should hear of it: below, when the tick
  // would have come.
  error_.Update(tick.status());
  hanging_up_ = true;
}

// The wallet may have freed slots of its guardian, or had them answer. Nothing follows but
// acknowledgements, and the next ones wait.
void Contact::take_answer(ByteView message, uint64_t now_ms) {
  const absl::Status status = wallet_.on_payment_answer(message);
  const auto answer = firmware::PaymentAnswer::decode(message);
  if (fall_silent(status)) return;
  if (!status.ok() || !answer.ok()) return decline(status, now_ms, now_ms + kAnswerTime_ms);
  if (!answer->accepted) {
    finish(ContactResult::kRefused);
  } else if (call_) {
    talking_ = true;
  } else {
    finish(ContactResult::kAccepted);
  }
  hold(now_ms, now_ms + kAnswerTime_ms, Held::Then::kNothing);
}

void Contact::take_end(ByteView message, uint64_t now_ms) {
  if (const absl::Status status = wallet_.on_call_end(message); !status.ok()) {
    return decline(status, now_ms, now_ms + kAnswerTime_ms);
  }
  finish(ContactResult::kEnded);
  hold(now_ms, now_ms + kAnswerTime_ms, Held::Then::kNothing);
}

void Contact::handle(ByteView message, uint64_t now_ms) {
  const std::string label = firmware::message_label(message);
  if (label == "cafe/v1/notice") {
    const absl::Status status = wallet_.on_notice(message, now_ms);
    finish(status.ok() ? ContactResult::kNoticed : ContactResult::kDeclined, status);
  } else if (label == "cafe/v1/offer") {
    take_offer(message, now_ms);
  } else if (label == "cafe/v1/call-offer") {
    take_call_offer(message, now_ms);
  } else if (label == "cafe/v1/payment-answer") {
    take_answer(message, now_ms);
  } else if (talking_ && label == "cafe/v1/tick-demand") {
    pay_tick(message, now_ms);
  } else if (call_ && label == "cafe/v1/call-end") {
    take_end(message, now_ms);
  } else {
    decline(protocol::invalid("UNKNOWN_MESSAGE", "The terminal says what no terminal says now."),
            now_ms, now_ms);
  }
}

// Ending the call frees the guardian's slot, which takes as long as the guardian likes: the message
// leaves at a time of its own as well.
void Contact::send_hang_up(uint64_t now_ms) {
  const uint64_t due_ms = now_ms + kAnswerTime_ms;
  auto message = wallet_.hang_up(*call_);
  if (!message.ok()) return decline(message.status(), now_ms, due_ms);
  hung_up_ = true;
  hold(now_ms, due_ms, Held::Then::kSend, *std::move(message));
}

// [guard] The clock is looked at for the first time after the guardian has answered.
bool Contact::may_speak(uint64_t now_ms) {
  if (silent_) return false;
  if (!held_) return true;
  if (!held_->on_time && now_ms != held_->asked_ms) {
    held_->on_time = now_ms <= held_->due_ms;
    silent_ = !held_->on_time;
    if (silent_ && result_ == ContactResult::kRunning) finish(ContactResult::kCut);
  }
  return held_->on_time && now_ms >= held_->due_ms;
}

void Contact::say_what_is_due() {
  Held due = *std::exchange(held_, std::nullopt);
  if (due.then == Held::Then::kBye) endpoint_.hang_up();
  if (due.then != Held::Then::kSend) return;
  endpoint_.send(std::move(due.message)).IgnoreError();  // a dead link shows in tick
  if (talking_ && !hung_up_) ++ticks_;
}

void Contact::tick(uint64_t now_ms) {
  if (!may_speak(now_ms)) return;
  if (held_) say_what_is_due();
  // Goes on after the end: the terminal may not have heard the last acknowledgement.
  endpoint_.tick(now_ms);
  while (result_ == ContactResult::kRunning && !held_) {
    const auto message = endpoint_.receive();
    if (!message) break;
    handle(*message, now_ms);
  }
  if (result_ != ContactResult::kRunning || held_) return;
  // A tick that the guardian released goes out first.
  if (hanging_up_ && talking_ && !hung_up_) return send_hang_up(now_ms);
  if (!endpoint_.up()) finish(ContactResult::kCut);
}

}  // namespace cafe::wallet
