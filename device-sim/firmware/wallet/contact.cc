#include "device-sim/firmware/wallet/contact.h"

namespace cafe::wallet {

using protocol::ByteView;

void Contact::finish(ContactResult result, absl::Status error) {
  result_ = result;
  error_ = std::move(error);
}

void Contact::handle(ByteView message, uint64_t now_ms) {
  const std::string_view label = firmware::label_of(message);
  if (label == "cafe/v1/notice") {
    const absl::Status status = wallet_.on_notice(message, now_ms);
    finish(status.ok() ? ContactResult::kNoticed : ContactResult::kDeclined, status);
  } else if (label == "cafe/v1/offer") {
    auto outgoing = wallet_.on_offer(message, now_ms);
    if (outgoing.ok()) {
      outgoing_ = *std::move(outgoing);
      offered_ms_ = now_ms;
      on_time_ = false;
      return;
    }
    finish(ContactResult::kDeclined, outgoing.status());
    endpoint_.hang_up();
  } else {
    const absl::Status status = wallet_.on_payment_answer(message);
    const auto answer = firmware::PaymentAnswer::decode(message);
    if (status.ok() && answer.ok()) {
      finish(answer->accepted ? ContactResult::kAccepted : ContactResult::kRefused);
    } else {
      finish(ContactResult::kDeclined, status);
      endpoint_.hang_up();
    }
  }
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
  if (outgoing_ && !on_time_ && now_ms != offered_ms_) {
    // The first look at the clock after the guardian has answered. [guard] Whoever hears when a
    // payment comes must not hear how long the guardian took: a late one is not sent now, and a
    // retry sends the stored bytes.
    on_time_ = now_ms <= outgoing_->send_at_ms;
    if (!on_time_) endpoint_.hang_up();
  }
  if (outgoing_ && on_time_ && now_ms >= outgoing_->send_at_ms) {
    endpoint_.send(std::move(outgoing_->payment)).IgnoreError();  // a dead link shows below
    outgoing_.reset();
    endpoint_.tick(now_ms);
  }
  if (!endpoint_.up()) finish(ContactResult::kCut);
}

}  // namespace cafe::wallet
