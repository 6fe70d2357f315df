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
  kCut,  // the link went down before an answer came, or the guardian was late or did not answer
         // at all; the payment, if any, stays pending, and a call can go on in another contact
};

// [guard] Whoever is at the other end must not hear how long the guardian took. After a message
// that may have been put to it, the line stays quiet, acknowledgements included, until a time that
// the message alone decides; then goes out what came of it, be that a payment or a refusal. Where
// the guardian took longer still, or did not answer, nothing is transmitted any more: the other
// side runs into its idle timeout, and a retry sends the stored bytes.
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
  // What the line is kept quiet for.
  struct Held {
    enum class Then { kSend, kBye, kNothing };
    uint64_t asked_ms, due_ms;
    Then then;
    protocol::Bytes message;  // of kSend
    bool on_time = false;     // the guardian had answered before it was due
  };

  void handle(protocol::ByteView message, uint64_t now_ms);
  void take_offer(protocol::ByteView message, uint64_t now_ms);
  void take_call_offer(protocol::ByteView message, uint64_t now_ms);
  // A refusal goes out `refusal_ms` later.
  void pay(absl::StatusOr<Outgoing> payment, uint64_t refusal_ms, uint64_t now_ms);
  void pay_tick(protocol::ByteView demand, uint64_t now_ms);
  void take_answer(protocol::ByteView message, uint64_t now_ms);
  void take_end(protocol::ByteView message, uint64_t now_ms);
  void send_hang_up(uint64_t now_ms);
  // Whether the line need not stay quiet now.
  bool may_speak(uint64_t now_ms);
  void say_what_is_due();
  void hold(uint64_t now_ms, uint64_t due_ms, Held::Then then, protocol::Bytes message = {});
  void finish(ContactResult result, absl::Status error = absl::OkStatus());
  // Says goodbye at `due_ms`, at once where that is now.
  void decline(absl::Status error, uint64_t now_ms, uint64_t due_ms);
  // Where the guardian did not answer: true, and nothing is said any more.
  bool fall_silent(const absl::Status& error);

  Wallet& wallet_;
  link::Endpoint endpoint_;
  std::optional<Held> held_;
  bool silent_ = false;                    // for good: the guardian was late, or absent
  std::optional<protocol::Bytes32> call_;  // its terms, once it was offered
  bool talking_ = false;                   // and opened, here or before
  bool hanging_up_ = false;
  bool hung_up_ = false;  // and says so
  uint32_t ticks_ = 0;
  ContactResult result_ = ContactResult::kRunning;
  absl::Status error_;
};

}  // namespace cafe::wallet
