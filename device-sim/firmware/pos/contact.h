// A terminal with a wallet held to it: the terminal's end of the link and what it does with each
// message.
#pragma once

#include "device-sim/firmware/pos/terminal.h"
#include "device-sim/link/endpoint.h"

namespace cafe::pos {

enum class ContactResult {
  kRunning,
  kAccepted,   // and the wallet has the acceptance
  kRefused,    // and the wallet has the refusal
  kAuthorize,  // waiting for `authorize`
  kDelivered,  // a notice arrived
  kCut,        // the link went down; what was decided stands (see decision())
};

class Contact {
 public:
  // `opening` is what the terminal says first: an offer or a notice. `session` is fresh and random.
  Contact(Terminal& terminal, link::Medium& medium, uint32_t session, protocol::Bytes opening,
          const link::LinkOptions& options = {});

  void tick(uint64_t now_ms);
  ContactResult result() const { return result_; }
  // The decision on the payment, once there is one, whether or not it reached the wallet.
  const std::optional<PaymentResult>& decision() const { return decision_; }
  // After kAuthorize: the acquirer's answer goes on to the wallet.
  absl::Status on_authorization(protocol::ByteView authorization,
                                protocol::ByteView key_certificate, uint64_t now_ms);
  const absl::Status& error() const { return error_; }

 private:
  void answer(PaymentResult result);

  Terminal& terminal_;
  link::Endpoint endpoint_;
  bool notice_only_;
  std::optional<PaymentResult> decision_;
  ContactResult result_ = ContactResult::kRunning;
  absl::Status error_;
};

}  // namespace cafe::pos
