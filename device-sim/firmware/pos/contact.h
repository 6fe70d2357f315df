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
  kEnded,      // a call, and the wallet has its signed end
  kCut,        // the link went down; what was decided stands (see decision()), and a call goes on
};

class Contact {
 public:
  // `opening` is what the terminal says first: an offer, a call offer or a notice. `session` is
  // fresh and random. Ticks of a call are asked for one every `tick_interval_ms` (0: each as soon
  // as the last one came).
  Contact(Terminal& terminal, link::Medium& medium, uint32_t session, protocol::Bytes opening,
          const link::LinkOptions& options = {}, uint32_t tick_interval_ms = 0);

  void tick(uint64_t now_ms);
  ContactResult result() const { return result_; }
  // The decision on the payment, once there is one, whether or not it reached the wallet.
  const std::optional<PaymentResult>& decision() const { return decision_; }
  // After kAuthorize: the acquirer's answer goes on to the wallet.
  absl::Status on_authorization(protocol::ByteView authorization,
                                protocol::ByteView key_certificate, uint64_t now_ms);
  // The payee hangs up: as soon as the call is open, or at once where it is; but a tick that was
  // asked for is taken first, since the wallet may have paid it.
  void hang_up() { hanging_up_ = true; }
  // Of a call, taken in this contact.
  uint32_t ticks() const { return ticks_; }
  // Why a payment could not be decided, or a tick was not taken (which ends the call).
  const absl::Status& error() const { return error_; }

 private:
  void handle(protocol::ByteView message, uint64_t now_ms);
  void take_tick(protocol::ByteView message, uint64_t now_ms);
  void answer(PaymentResult result);
  void close(absl::StatusOr<protocol::Bytes> last_message, ContactResult result);
  void end_call(uint64_t now_ms);
  void demand_tick(uint64_t now_ms);
  bool talking() const;

  Terminal& terminal_;
  link::Endpoint endpoint_;
  bool notice_only_;
  std::optional<protocol::Bytes32> call_;  // its terms, where a call was offered
  std::optional<PaymentResult> decision_;
  std::optional<ContactResult> closing_;  // the last message is on its way
  uint32_t tick_interval_ms_;
  bool tick_asked_ = false;
  bool hanging_up_ = false;
  uint64_t next_tick_ms_ = 0;
  uint32_t ticks_ = 0;
  ContactResult result_ = ContactResult::kRunning;
  absl::Status error_;
};

}  // namespace cafe::pos
