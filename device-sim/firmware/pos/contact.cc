#include "device-sim/firmware/pos/contact.h"

namespace cafe::pos {

Contact::Contact(Terminal& terminal, link::Medium& medium, uint32_t session,
                 protocol::Bytes opening, const link::LinkOptions& options)
    : terminal_(terminal),
      endpoint_(link::Endpoint::caller(medium, session, options)),
      notice_only_(firmware::label_of(opening) == "cafe/v1/notice") {
  endpoint_.send(std::move(opening)).IgnoreError();  // a new endpoint takes its first message
}

void Contact::answer(PaymentResult result) {
  decision_ = std::move(result);
  if (decision_->decision == Decision::kAuthorize) {
    result_ = ContactResult::kAuthorize;
    return;
  }
  result_ = ContactResult::kRunning;
  endpoint_.send(decision_->message).IgnoreError();  // a dead link shows in tick
}

absl::Status Contact::on_authorization(protocol::ByteView authorization,
                                       protocol::ByteView key_certificate, uint64_t now_ms) {
  CAFE_ASSIGN_OR_RETURN(PaymentResult result,
                        terminal_.on_authorization(authorization, key_certificate, now_ms));
  answer(std::move(result));
  return absl::OkStatus();
}

void Contact::tick(uint64_t now_ms) {
  endpoint_.tick(now_ms);
  if (result_ != ContactResult::kRunning) return;
  if (notice_only_ && endpoint_.all_delivered()) {
    result_ = ContactResult::kDelivered;
    endpoint_.hang_up();
    return;
  }
  while (!decision_) {
    const auto message = endpoint_.receive();
    if (!message) break;
    auto decided = terminal_.on_payment(*message, now_ms);
    if (decided.ok()) {
      answer(*std::move(decided));
    } else {
      error_ = decided.status();
      endpoint_.hang_up();
    }
    if (result_ == ContactResult::kAuthorize || !error_.ok()) break;
  }
  if (result_ != ContactResult::kRunning) return;
  if (decision_ && endpoint_.all_delivered()) {
    result_ = decision_->decision == Decision::kAccepted ? ContactResult::kAccepted
                                                         : ContactResult::kRefused;
    endpoint_.hang_up();
  } else if (!endpoint_.up()) {
    result_ = ContactResult::kCut;
  }
}

}  // namespace cafe::pos
