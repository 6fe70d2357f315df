#include "services/deposit/authorize.h"

#include <algorithm>
#include <iterator>

#include "libs/platform/log.h"
#include "libs/platform/request_scope.h"
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

// The most questions that are worked on together.
constexpr size_t kLargest = 64;

absl::Status coin_store_failed(const absl::Status& status, size_t payments) {
  platform::log_warning("the coin store did not reserve",
                        {{"payments", payments}, {"status", status}});
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

struct AuthorizeFlow::Asked {
  AuthorizationQuestion question;
  ReadPayment read{};
  CheckedPayment checked{};
  std::optional<Terminal> terminal{};
  Authorization answer{};
  bool done = false;

  const Terms& terms() const { return *read.terms; }
  const SignedDocument& signed_terms() const { return read.payment->terms; }
  const std::string& request_id() const { return question.call->info().request_id; }
  void fail(const absl::Status& status) {
    done = true;
    question.call->finish(status);
  }
};

// Questions on their way to the reservation.
class AuthorizeFlow::Decision {
 public:
  Decision(const DepositParts& parts, uint32_t hold_ms, const Group& asked)
      : parts_(parts), hold_ms_(hold_ms), now_ms_(unix_ms(parts.clock)), asked_(asked) {}

  void run() {
    read_payments();
    fail_rest(find_terminals());
    check_signatures();
    fail_rest(check());
    reserve();
  }

 private:
  void fail_rest(const absl::Status& status) {
    if (status.ok()) return;
    for (const auto& asked : asked_) {
      if (!asked->done) asked->fail(status);
    }
  }

  void read_payments() {
    for (const auto& asked : asked_) {
      if (finish_if_abandoned(*asked->question.call, parts_.clock)) {
        asked->done = true;
        continue;
      }
      asked->read = read_payment(asked->question.payment);
      if (!asked->read.status.ok()) asked->fail(asked->read.status);
    }
  }

  // Who asks: only enrolled terminals of payees that are not closed.
  absl::Status find_terminals() {
    absl::flat_hash_set<Asker> askers;
    std::vector<protocol::Bytes32> digests;
    for (const auto& asked : asked_) {
      if (asked->done) continue;
      askers.insert({asked->terms().payee_id, asked->terms().terminal_id});
      digests.push_back(asked->answer.terms_digest = asked->signed_terms().digest());
    }
    if (askers.empty()) return absl::OkStatus();
    const std::vector<Asker> list(askers.begin(), askers.end());
    CAFE_ASSIGN_OR_RETURN(
        facts_, parts_.database.transaction(
                    {.read_only = true, .idempotent = true, .single_statement = true},
                    [&](Transaction& tx) { return store::read_questions(tx, list, digests); }));
    for (const auto& asked : asked_) {
      if (asked->done) continue;
      const auto asker = facts_.askers.find({asked->terms().payee_id, asked->terms().terminal_id});
      absl::StatusOr<Terminal> terminal =
          asker == facts_.askers.end() ? unknown_payee() : open_terminal_of(asker->second);
      if (terminal.ok()) {
        asked->terminal = *std::move(terminal);
      } else {
        asked->fail(terminal.status());
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
    for (const auto& asked : asked_) {
      if (asked->done) continue;
      signatures.push_back({&asked->terminal->certificate.key, asked->answer.terms_digest,
                            asked->signed_terms().signature});
      whose.push_back(asked.get());
    }
    const std::vector<bool> good = check_signatures_var(signatures);
    for (size_t i = 0; i < whose.size(); ++i) {
      if (!good[i]) whose[i]->fail(bad_signature());
    }
  }

  absl::Status check() {
    CAFE_ASSIGN_OR_RETURN(const auto table, parts_.denominations.table());
    std::vector<Candidate> candidates;
    std::vector<Asked*> whose;
    for (const auto& asked : asked_) {
      if (asked->done) continue;
      const Terms& terms = asked->terms();
      asked->answer.acquirer_id = parts_.issuer_id;
      asked->answer.payee_id = terms.payee_id;
      asked->answer.payment_digest = opening_digest(asked->question.payment, *asked->read.payment);
      if (const absl::Status time = check_terms_time(terms.time_ms, now_ms_); !time.ok()) {
        asked->checked.refusal = reason_of(time);
        continue;
      }
      candidates.push_back({.payment = &asked->read,
                            .index = 0,
                            .payee_id = terms.payee_id,
                            .terminal = &*asked->terminal,
                            .authorized = true,
                            .signature_known = true});
      whose.push_back(asked.get());
    }
    std::vector<CheckedPayment> checked =
        check_payments(candidates, {.denominations = *table,
                                    .stopped = facts_.stopped,
                                    .acquirer_id = parts_.issuer_id,
                                    .received_ms = now_ms_,
                                    .anchors = parts_.anchors,
                                    .ticks_to_come = true,
                                    .voided = std::move(facts_.voided)});
    for (size_t i = 0; i < whose.size(); ++i) whose[i]->checked = std::move(checked[i]);
    return absl::OkStatus();
  }

  void reserve() {
    std::vector<SlotsToReserve> wanted;
    std::vector<Asked*> whose;
    absl::Time no_later_than = absl::InfinitePast();
    for (const auto& asked : asked_) {
      if (asked->done) continue;
      asked->answer.reason = asked->checked.refusal;
      if (!asked->checked.valid()) continue;
      wanted.push_back({asked->checked.slots, asked->request_id()});
      // The call goes on as long as somebody waits for it.
      no_later_than = std::max(no_later_than, asked->question.call->info().deadline);
      whose.push_back(asked.get());
    }
    if (wanted.empty()) return;
    const auto reservations = parts_.coin_store.reserve(wanted, hold_ms_, no_later_than);
    if (!reservations.ok()) {
      const absl::Status failed = coin_store_failed(reservations.status(), wanted.size());
      for (Asked* asked : whose) asked->fail(failed);
      return;
    }
    for (size_t i = 0; i < whose.size(); ++i) {
      const Reservation& reservation = (*reservations)[i];
      Authorization& answer = whose[i]->answer;
      answer.granted = reservation.granted;
      answer.reason = refusal_of(reservation);
      answer.reserved_until_ms = reservation.granted ? reservation.reserved_until_ms : 0;
    }
  }

  const DepositParts& parts_;
  const uint32_t hold_ms_;
  const uint64_t now_ms_;
  const Group& asked_;
  QuestionFacts facts_;
};

// What is decided is answered, however long it takes: the queue of the answers refuses only what
// there is no room for.
AuthorizeFlow::AuthorizeFlow(const DepositParts& parts, const AuthorizeOptions& options,
                             platform::Metrics& metrics)
    : parts_(parts),
      hold_ms_(options.hold_ms),
      answers_({.name = "grant",
                .threads = options.threads,
                .largest = kLargest,
                .limits = {.capacity = options.limits.capacity, .bytes = options.limits.bytes}},
               parts.clock, metrics,
               [this](std::vector<Group> decided) { answer(std::move(decided)); }),
      questions_({.name = "authorize",
                  .threads = options.threads,
                  .largest = kLargest,
                  .limits = options.limits},
                 parts.clock, metrics, [this](Group asked) { decide(std::move(asked)); }) {}

AuthorizeFlow::~AuthorizeFlow() = default;

absl::Status AuthorizeFlow::submit(AuthorizationQuestion question) {
  const absl::Time deadline = question.call->info().deadline;
  const size_t bytes = question.payment.size();
  return questions_.submit(deadline, bytes,
                           std::make_unique<Asked>(Asked{.question = std::move(question)}));
}

void AuthorizeFlow::decide(Group asked) {
  // Questions that are decided together go by the id of the first.
  const platform::RequestScope scope(asked.front()->request_id());
  Decision(parts_, hold_ms_, asked).run();
  std::erase_if(asked, [](const auto& each) { return each->done; });
  if (asked.empty()) return;
  size_t bytes = 0;
  for (const auto& each : asked) bytes += each->question.payment.size();
  const absl::Status queued = answers_.submit(absl::InfiniteFuture(), bytes, std::move(asked));
  if (queued.ok()) return;
  for (const auto& each : asked) each->fail(queued);  // submit has left them alone
}

void AuthorizeFlow::answer(std::vector<Group> decided) {
  Group all;
  for (Group& group : decided) std::ranges::move(group, std::back_inserter(all));
  const platform::RequestScope scope(all.front()->request_id());
  const absl::Status stored = store_grants(all);
  for (const auto& asked : all) {
    if (asked->answer.granted && !stored.ok()) {
      asked->fail(stored);
      continue;
    }
    parts_.metrics.authorized(asked->answer);
    asked->question.answer({SignedDocument::sign(asked->answer.encode(), parts_.key.key).encode(),
                            parts_.key.certificate.encode()});
    asked->question.call->finish(absl::OkStatus());
  }
}

// A grant is stored before it is said: the deposit rests on it.
absl::Status AuthorizeFlow::store_grants(const Group& decided) {
  absl::flat_hash_map<protocol::Bytes32, const Authorization*> by_payment;
  for (const auto& asked : decided) {
    if (!asked->answer.granted) continue;
    // The same payment may be asked about twice at a time.
    const Authorization*& latest = by_payment[asked->answer.payment_digest];
    if (latest == nullptr || latest->reserved_until_ms < asked->answer.reserved_until_ms) {
      latest = &asked->answer;
    }
  }
  if (by_payment.empty()) return absl::OkStatus();
  std::vector<const Authorization*> granted;
  for (const auto& [digest, answer] : by_payment) granted.push_back(answer);
  return transact(
      parts_.database,
      [&](Transaction& tx) {
        return store::insert_authorizations(tx, granted, unix_ms(parts_.clock));
      },
      /*single_statement=*/true);
}

}  // namespace cafe::deposit
