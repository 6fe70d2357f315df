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
  kCut,       // the link went down before an answer came; the payment, if any, stays pending
};

class Contact {
 public:
  Contact(Wallet& wallet, link::Medium& medium, const link::LinkOptions& options = {})
      : wallet_(wallet), endpoint_(link::Endpoint::listener(medium, options)) {}

  // Drives the link and the wallet; to be called every few milliseconds.
  void tick(uint64_t now_ms);
  ContactResult result() const { return result_; }
  const absl::Status& error() const { return error_; }

 private:
  void handle(protocol::ByteView message, uint64_t now_ms);
  void finish(ContactResult result, absl::Status error = absl::OkStatus());

  Wallet& wallet_;
  link::Endpoint endpoint_;
  std::optional<Outgoing> outgoing_;
  uint64_t offered_ms_ = 0;
  bool on_time_ = false;  // outgoing_ was ready before it was due
  ContactResult result_ = ContactResult::kRunning;
  absl::Status error_;
};

}  // namespace cafe::wallet
