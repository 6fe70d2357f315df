#include "services/deposit/authorize.h"

#include <algorithm>

#include "libs/platform/log.h"
#include "libs/protocol/hash.h"
#include "services/deposit/callers.h"
#include "services/deposit/store.h"

namespace cafe::deposit {
namespace {

using protocol::Authorization;
using protocol::make_error;
using protocol::reason_of;
using protocol::SignedDocument;
using protocol::Terms;
using storage::Transaction;

absl::Status coin_store_failed(const absl::Status& status) {
  platform::log_warning("the coin store did not reserve a payment", {{"status", status}});
  if (absl::IsResourceExhausted(status)) {  // the client's cue to back off, wherever the queue is
    return make_error(absl::StatusCode::kResourceExhausted, "QUEUE_FULL",
                      "Too many requests are waiting: call again later.");
  }
  return make_error(absl::StatusCode::kUnavailable, "COIN_STORE_UNAVAILABLE",
                    "The payment cannot be authorized now: ask again, or take another payment.");
}

absl::Status bad_signature() {
  return make_error(absl::StatusCode::kUnauthenticated, "BAD_SIGNATURE",
                    "The terms' signature does not verify under the terminal's key.");
}

}  // namespace

absl::Status check_terms_time(uint64_t terms_ms, uint64_t now_ms) {
  const uint64_t apart_ms = terms_ms > now_ms ? terms_ms - now_ms : now_ms - terms_ms;
  if (apart_ms <= kTermsWindow_ms) return absl::OkStatus();
  return protocol::refused("TERMS_TIME",
                           "The terms were not made just now: set the terminal's clock and make "
                           "new ones.");
}

std::string refusal_of(const Reservation& reservation) {
  const auto any = [&](ReservationState state) {
    return std::find(reservation.states.begin(), reservation.states.end(), state) !=
           reservation.states.end();
  };
  if (reservation.granted) return "";
  if (any(ReservationState::kSpentBySame)) return "ALREADY_DEPOSITED";
  if (any(ReservationState::kSpent)) return "SLOT_SPENT";
  return "SLOT_HELD";
}

// Questions on their way to their answers. What is answered on the way is left out from there on.
class AuthorizeFlow::Batch {
 public:
  Batch(const DepositParts& parts, uint32_t hold_ms, std::vector<AuthorizationQuestion> questions)
      : parts_(parts), hold_ms_(hold_ms), now_ms_(unix_ms(parts.clock)) {
    asked_.reserve(questions.size());
    for (AuthorizationQuestion& question : questions) {
      asked_.push_back({.question = std::move(question), .read = {}, .checked = {}});
    }
  }

  void run() {
    read_payments();
    fail_rest(find_terminals());
    check_signatures();
    fail_rest(check());
    reserve();
    store_grants();
    for (Asked& asked : asked_) {
      if (!asked.done) sign(asked);
    }
  }

 private:
  struct Asked {
    AuthorizationQuestion question;
    ReadPayment read;
    CheckedPayment checked;
    std::optional<Terminal> terminal{};
    Authorization answer{};
    bool done = false;

    const Terms& terms() const { return *read.terms; }
    const SignedDocument& signed_terms() const { return read.payment->terms; }
    void finish(absl::StatusOr<AuthorizationAnswer> result) {
      done = true;
      question.answer(std::move(result));
    }
  };

  void fail_rest(const absl::Status& status) {
    if (status.ok()) return;
    for (Asked& asked : asked_) {
      if (!asked.done) asked.finish(status);
    }
  }

  void read_payments() {
    const absl::Time now = parts_.clock.now();
    for (Asked& asked : asked_) {
      if (now >= asked.question.no_later_than) {
        asked.finish(make_error(absl::StatusCode::kDeadlineExceeded, "DEADLINE_PASSED",
                                "The deadline passed before the request was run: nothing was "
                                "done."));
        continue;
      }
      asked.read = read_payment(asked.question.payment);
      if (!asked.read.status.ok()) asked.finish(asked.read.status);
    }
  }

  // Who asks: only enrolled terminals of payees that are not closed.
  absl::Status find_terminals() {
    absl::flat_hash_set<Asker> askers;
    for (const Asked& asked : asked_) {
      if (!asked.done) askers.insert({asked.terms().payee_id, asked.terms().terminal_id});
    }
    if (askers.empty()) return absl::OkStatus();
    const std::vector<Asker> list(askers.begin(), askers.end());
    absl::flat_hash_map<Asker, AskerFacts> known;
    CAFE_RETURN_IF_ERROR(parts_.database.transaction(
        {.read_only = true, .idempotent = true}, [&](Transaction& tx) -> absl::Status {
          CAFE_ASSIGN_OR_RETURN(known, store::find_askers(tx, list));
          CAFE_ASSIGN_OR_RETURN(stopped_, store::stopped_denominations(tx));
          return absl::OkStatus();
        }));
    for (Asked& asked : asked_) {
      if (asked.done) continue;
      const auto facts = known.find({asked.terms().payee_id, asked.terms().terminal_id});
      absl::StatusOr<Terminal> terminal =
          facts == known.end() ? unknown_payee() : open_terminal_of(facts->second);
      if (terminal.ok()) {
        asked.terminal = *std::move(terminal);
      } else {
        asked.finish(terminal.status());
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Terminal> open_terminal_of(const AskerFacts& facts) const {
    if (facts.payee_closed) return payee_closed();
    if (!facts.terminal) return unknown_terminal();
    absl::StatusOr<Terminal> terminal = parts_.terminals.open(*facts.terminal);
    if (terminal.ok()) return terminal;
    platform::log_error(
        "a terminal cannot be used",
        {{"terminal", facts.terminal->terminal_id.hex()}, {"status", terminal.status()}});
    return unknown_terminal();
  }

  // Nothing is signed for strangers.
  void check_signatures() {
    std::vector<protocol::SignatureCheck> signatures;
    std::vector<Asked*> whose;
    for (Asked& asked : asked_) {
      if (asked.done) continue;
      asked.answer.terms_digest = asked.signed_terms().digest();
      signatures.push_back({&asked.terminal->certificate.key, asked.answer.terms_digest,
                            asked.signed_terms().signature});
      whose.push_back(&asked);
    }
    const std::vector<bool> good = check_signatures_var(signatures);
    for (size_t i = 0; i < whose.size(); ++i) {
      if (!good[i]) whose[i]->finish(bad_signature());
    }
  }

  absl::Status check() {
    CAFE_ASSIGN_OR_RETURN(const auto table, parts_.denominations.table());
    std::vector<Candidate> candidates;
    std::vector<Asked*> whose;
    for (Asked& asked : asked_) {
      if (asked.done) continue;
      const Terms& terms = asked.terms();
      asked.answer.acquirer_id = parts_.issuer_id;
      asked.answer.payee_id = terms.payee_id;
      asked.answer.payment_digest = protocol::sha256(asked.question.payment);
      if (const absl::Status time = check_terms_time(terms.time_ms, now_ms_); !time.ok()) {
        asked.checked.refusal = reason_of(time);
        continue;
      }
      candidates.push_back({.payment = &asked.read,
                            .index = 0,
                            .payee_id = terms.payee_id,
                            .terminal = &*asked.terminal,
                            .authorized = true,
                            .signature_known = true});
      whose.push_back(&asked);
    }
    std::vector<CheckedPayment> checked =
        check_payments(candidates, {.denominations = *table,
                                    .stopped = stopped_,
                                    .acquirer_id = parts_.issuer_id,
                                    .received_ms = now_ms_});
    for (size_t i = 0; i < whose.size(); ++i) whose[i]->checked = std::move(checked[i]);
    return absl::OkStatus();
  }

  void reserve() {
    std::vector<SlotsToReserve> wanted;
    std::vector<Asked*> whose;
    for (Asked& asked : asked_) {
      if (asked.done) continue;
      asked.answer.reason = asked.checked.refusal;
      if (!asked.checked.valid()) continue;
      wanted.push_back({asked.checked.slots, asked.question.no_later_than});
      whose.push_back(&asked);
    }
    if (wanted.empty()) return;
    const auto reservations = parts_.coin_store.reserve_each(wanted, hold_ms_);
    for (size_t i = 0; i < whose.size(); ++i) {
      const absl::StatusOr<Reservation>& reservation = reservations[i];
      if (!reservation.ok()) {
        whose[i]->finish(coin_store_failed(reservation.status()));
        continue;
      }
      Authorization& answer = whose[i]->answer;
      answer.granted = reservation->granted;
      answer.reason = refusal_of(*reservation);
      answer.reserved_until_ms = reservation->granted ? reservation->reserved_until_ms : 0;
    }
  }

  // A grant is stored before it is said: the deposit rests on it.
  void store_grants() {
    absl::flat_hash_map<protocol::Bytes32, const Authorization*> by_payment;
    for (const Asked& asked : asked_) {
      if (asked.done || !asked.answer.granted) continue;
      // The same payment may be asked about twice at a time.
      const Authorization*& latest = by_payment[asked.answer.payment_digest];
      if (latest == nullptr || latest->reserved_until_ms < asked.answer.reserved_until_ms) {
        latest = &asked.answer;
      }
    }
    if (by_payment.empty()) return;
    std::vector<const Authorization*> granted;
    for (const auto& [digest, answer] : by_payment) granted.push_back(answer);
    const absl::Status stored = transact(parts_.database, [&](Transaction& tx) {
      return store::insert_authorizations(tx, granted, now_ms_);
    });
    if (stored.ok()) return;
    for (Asked& asked : asked_) {
      if (!asked.done && asked.answer.granted) asked.finish(stored);
    }
  }

  void sign(Asked& asked) {
    parts_.metrics.authorized(asked.answer);
    asked.finish(
        AuthorizationAnswer{SignedDocument::sign(asked.answer.encode(), parts_.key.key).encode(),
                            parts_.key.certificate.encode()});
  }

  const DepositParts& parts_;
  const uint32_t hold_ms_;
  const uint64_t now_ms_;
  std::vector<Asked> asked_;
  absl::flat_hash_set<protocol::DenomId> stopped_;
};

void AuthorizeFlow::authorize_all(std::vector<AuthorizationQuestion> questions) {
  Batch(parts_, hold_ms_, std::move(questions)).run();
}

}  // namespace cafe::deposit
