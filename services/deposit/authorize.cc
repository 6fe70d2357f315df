#include "services/deposit/authorize.h"

#include <algorithm>

#include "libs/platform/log.h"
#include "services/deposit/deposit_flow.h"

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
  return make_error(absl::StatusCode::kUnavailable, "COIN_STORE_UNAVAILABLE",
                    "The payment cannot be authorized now: ask again, or take another payment.");
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

// Who asks, and what there is to say of the payment without the coin store.
absl::StatusOr<CheckedPayment> AuthorizeFlow::check(const ReadPayment& read,
                                                    uint64_t now_ms) const {
  const Terms& terms = *read.terms;
  CAFE_ASSIGN_OR_RETURN(const auto table, parts_.denominations.table());
  absl::flat_hash_set<protocol::DenomId> stopped;
  CAFE_ASSIGN_OR_RETURN(
      const Terminals terminals,
      parts_.database.transaction(
          {.read_only = true, .idempotent = true},
          [&](Transaction& tx) -> absl::StatusOr<Terminals> {
            CAFE_RETURN_IF_ERROR(store::check_payee_open(tx, terms.payee_id));
            CAFE_ASSIGN_OR_RETURN(stopped, store::stopped_denominations(tx));
            return load_terminals(parts_, tx, terms.payee_id, {&terms.terminal_id, 1});
          }));
  const auto terminal = terminals.find(terms.terminal_id);
  if (terminal == terminals.end()) {
    return make_error(absl::StatusCode::kUnauthenticated, "UNKNOWN_TERMINAL",
                      "This terminal is not enrolled for this payee.");
  }
  // Nothing is signed for strangers.
  CAFE_RETURN_IF_ERROR(read.payment->terms.check(terminal->second.certificate.key));
  if (const absl::Status time = check_terms_time(terms.time_ms, now_ms); !time.ok()) {
    return CheckedPayment{reason_of(time), terms.currency, {}};
  }
  const absl::flat_hash_set<protocol::Bytes32> authorized{read.digest};
  return check_payments({&read, 1}, 0,
                        {.denominations = *table,
                         .stopped = stopped,
                         .terminals = terminals,
                         .authorized = authorized,
                         .acquirer_id = parts_.issuer_id,
                         .payee_id = terms.payee_id,
                         .received_ms = now_ms})
      .front();
}

absl::StatusOr<AuthorizationAnswer> AuthorizeFlow::authorize(protocol::ByteView payment,
                                                             absl::Time no_later_than) {
  const uint64_t now_ms = unix_ms(parts_.clock);
  const ReadPayment read = read_payment(payment);
  CAFE_RETURN_IF_ERROR(read.status);
  CAFE_ASSIGN_OR_RETURN(const CheckedPayment checked, check(read, now_ms));
  Authorization answer{.acquirer_id = parts_.issuer_id,
                       .payee_id = read.terms->payee_id,
                       .terms_digest = read.payment->terms.digest(),
                       .payment_digest = read.digest,
                       .granted = false,
                       .reason = checked.refusal,
                       .reserved_until_ms = 0};
  if (checked.valid()) {
    const absl::StatusOr<Reservation> reservation =
        parts_.coin_store.reserve(checked.slots, hold_ms_, no_later_than);
    if (!reservation.ok()) return coin_store_failed(reservation.status());
    answer.granted = reservation->granted;
    answer.reason = refusal_of(*reservation);
    answer.reserved_until_ms = reservation->granted ? reservation->reserved_until_ms : 0;
  }
  if (answer.granted) {  // stored before it is said: the deposit rests on it
    CAFE_RETURN_IF_ERROR(transact(parts_.database, [&](Transaction& tx) {
      return store::insert_authorization(tx, answer, now_ms);
    }));
  }
  parts_.metrics.authorized(answer);
  return AuthorizationAnswer{SignedDocument::sign(answer.encode(), parts_.key.key).encode(),
                             parts_.key.certificate.encode()};
}

}  // namespace cafe::deposit
