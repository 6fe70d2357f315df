// Authorize: whether a payment's slots are unspent, asked on line before the goods are handed out.
//
// Questions go through two queues (libs/platform/batcher.h), each of which works on all that wait
// in it together: the first decides them, up to the reservation in the coin store; the second
// stores what is granted and signs the answers. So the next questions are decided while those
// before them wait for the disk.
#pragma once

#include <functional>
#include <memory>

#include "libs/platform/batcher.h"
#include "libs/platform/unary.h"
#include "libs/protocol/deposit.h"
#include "services/deposit/parts.h"

namespace cafe::deposit {

// How far the terms' time may be from ours: who asks on line just made them.
inline constexpr uint64_t kTermsWindow_ms = 5 * 60 * 1000;
// FAILED_PRECONDITION (TERMS_TIME).
absl::Status check_terms_time(uint64_t terms_ms, uint64_t now_ms);

// What the answer says of a reservation that was not granted: ALREADY_DEPOSITED (this very payment
// was), SLOT_SPENT (by another payment), SLOT_HELD (reserved by another payment; ask again later),
// in this order. "" where it was granted.
std::string refusal_of(const Reservation& reservation);

struct AuthorizationAnswer {
  protocol::Bytes authorization;    // signed document
  protocol::Bytes key_certificate;  // signed document
};

// One payment that a terminal asks about.
struct AuthorizationQuestion {
  protocol::ByteView payment;  // valid until the call is finished
  // Finished exactly once: OK for terms that an enrolled terminal signed, granted or not; what is
  // wrong with such a payment stands in the answer. Errors: INVALID_ARGUMENT for bytes that are no
  // payment, UNAUTHENTICATED (UNKNOWN_PAYEE, UNKNOWN_TERMINAL, BAD_SIGNATURE), PERMISSION_DENIED
  // (PAYEE_CLOSED), UNAVAILABLE (DENOMINATIONS_UNKNOWN, COIN_STORE_UNAVAILABLE), RESOURCE_EXHAUSTED
  // (QUEUE_FULL: here or in the coin store), those of finish_if_abandoned.
  std::shared_ptr<platform::LateCall> call;
  // Called before the call is finished with OK.
  std::function<void(const AuthorizationAnswer&)> answer;
};

struct AuthorizeOptions {
  uint32_t hold_ms = 120'000;
  size_t threads = 1;  // of each queue
  platform::QueueLimits limits{};
};

// Thread-safe. Its end finishes what waits.
class AuthorizeFlow {
 public:
  // Series: those of Batcher for the pools "authorize" and "grant".
  AuthorizeFlow(const DepositParts& parts, const AuthorizeOptions& options,
                platform::Metrics& metrics);
  ~AuthorizeFlow();

  // Takes a question, never blocking. Errors, after which its call is not finished: those of
  // Batcher::submit.
  absl::Status submit(AuthorizationQuestion question);

 private:
  struct Asked;
  using Group = std::vector<std::unique_ptr<Asked>>;
  class Decision;
  // What is answered on the way is left out from there on. Questions that are decided together
  // share one look at the database, one verification and one call to the coin store, answers one
  // commit.
  void decide(Group asked);
  void answer(std::vector<Group> decided);
  absl::Status store_grants(const Group& decided);

  const DepositParts& parts_;
  const uint32_t hold_ms_;
  platform::Batcher<Group> answers_;
  platform::Batcher<std::unique_ptr<Asked>> questions_;  // goes first: it fills the other one
};

}  // namespace cafe::deposit
