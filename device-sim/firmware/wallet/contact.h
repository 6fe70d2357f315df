// A wallet held to a terminal: the wallet's end of the link and what it does with each message.
#pragma once

#include "device-sim/firmware/wallet/wallet.h"
#include "device-sim/link/endpoint.h"

namespace cafe::wallet {

enum class ContactResult {
  kRunning,
  kNoticed,   // the terminal only showed its lists
  kAccepted,  // a signed acceptance is stored
  kRefused,   // a signed refusal is stored
  kDeclined,  // the wallet does not pay: see error()
  kEnded,     // a call, whose signed end is stored; error() says why where the wallet had to
  kCut,       // the link went down before an answer came; the payment, if any, stays pending, and a
              // call can go on in another contact
};

class Contact {
 public:
  Contact(Wallet& wallet, link::Medium& medium, const link::LinkOptions& options = {})
      : wallet_(wallet), endpoint_(link::Endpoint::listener(medium, options)) {}

  // Drives the link and the wallet; to be called every few milliseconds.
  void tick(uint64_t now_ms);
  // The owner hangs up: as soon as the call is open, or at once where it is, the wallet says so,
  // and pays no further tick.
  void hang_up() { hanging_up_ = true; }
  ContactResult result() const { return result_; }
  // Of a call, sent in this contact.
  uint32_t ticks() const { return ticks_; }
  const absl::Status& error() const { return error_; }

 private:
  void handle(protocol::ByteView message, uint64_t now_ms);
  void pay(absl::StatusOr<Outgoing> payment, uint64_t now_ms);
  void take_call_offer(protocol::ByteView message, uint64_t now_ms);
  void pay_tick(protocol::ByteView demand, uint64_t now_ms);
  void take_answer(protocol::ByteView message);
  void take_end(protocol::ByteView message);
  void send_due(uint64_t now_ms);
  void send_hang_up();
  void finish(ContactResult result, absl::Status error = absl::OkStatus());
  void decline(absl::Status error);

  Wallet& wallet_;
  link::Endpoint endpoint_;
  std::optional<Outgoing> outgoing_;
  uint64_t asked_ms_ = 0;
  bool on_time_ = false;                   // outgoing_ was ready before it was due
  std::optional<protocol::Bytes32> call_;  // its terms, once it was offered
  bool talking_ = false;                   // and opened, here or before
  bool hanging_up_ = false;
  bool hung_up_ = false;  // and said so
  uint32_t ticks_ = 0;
  ContactResult result_ = ContactResult::kRunning;
  absl::Status error_;
};

}  // namespace cafe::wallet
