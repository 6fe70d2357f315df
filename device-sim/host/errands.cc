#include "device-sim/host/errands.h"

#include <chrono>
#include <thread>

#include "device-sim/host/recovery.h"

namespace cafe::host {

using protocol::Bytes;

namespace {

constexpr int kAttempts = 5;

uint64_t now_s() { return now_ms() / 1000; }

void wait_for_next_time_slot() {
  constexpr uint64_t kSlot_ms = protocol::kTimeSlot_s * 1000;
  std::this_thread::sleep_for(std::chrono::milliseconds(kSlot_ms - now_ms() % kSlot_ms));
}

bool order_is_dead(const absl::Status& status) {
  const std::string reason = protocol::reason_of(status);
  return reason == "ORDER_DEAD" || reason == "ORDER_TOO_OLD" || reason == "NOT_OUR_ANSWER" ||
         reason == "ORDER_VOID" || reason == "STALE_ANSWER";
}

// Whether the issuer decided: what it refused with one of these it may carry out a moment later.
bool may_be_repeated(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsAborted(status) || absl::IsCancelled(status) || absl::IsResourceExhausted(status);
}

// Sends the stored order. Nothing where it is dead and its void is taken.
absl::StatusOr<std::optional<wallet::Withdrawn>> complete(wallet::Wallet& wallet,
                                                          Backend& backend) {
  CAFE_ASSIGN_OR_RETURN(const Bytes order, wallet.pending_order_bytes());
  absl::StatusOr<Bytes> completion = backend.complete_order(order);
  if (!completion.ok()) {
    if (!order_is_dead(completion.status())) return completion.status();
    CAFE_ASSIGN_OR_RETURN(const Bytes request, wallet.void_request());
    CAFE_ASSIGN_OR_RETURN(const VoidOutcome settled, backend.void_order(request));
    if (settled.is_void) {
      CAFE_RETURN_IF_ERROR(wallet.on_void_statement(settled.document));
      return std::nullopt;
    }
    completion = settled.document;
  }
  CAFE_ASSIGN_OR_RETURN(const wallet::Withdrawn withdrawn, wallet.on_completion(*completion));
  return withdrawn;
}

absl::StatusOr<wallet::TakenLoad> send_load(wallet::Wallet& wallet, Backend& backend,
                                            const Bytes& order) {
  absl::StatusOr<Bytes> loaded = backend.load(order);
  if (!loaded.ok() && protocol::reason_of(loaded.status()) == "LOAD_CLASH") {
    // A load that was given up had been carried out all the same: take that one.
    CAFE_ASSIGN_OR_RETURN(const Bytes query, wallet.load_query());
    loaded = backend.get_load(query);
  }
  if (!loaded.ok()) {
    if (!may_be_repeated(loaded.status())) CAFE_RETURN_IF_ERROR(wallet.cancel_load());
    return loaded.status();
  }
  return wallet.on_loaded(*loaded);
}

absl::StatusOr<protocol::Receipt> hand_in(wallet::Wallet& wallet, Backend& backend,
                                          const wallet::PayBack& money, const Pace& pace) {
  if (!pace(money.send_at_ms)) {
    return protocol::make_error(absl::StatusCode::kUnavailable, "GUARDIAN_LATE",
                                "The guardian took too long: the money goes back another time.");
  }
  CAFE_ASSIGN_OR_RETURN(
      const DepositAnswer answer,
      backend.deposit(money.deposit_order, money.payments, money.holder_credential));
  return wallet.on_pay_back_receipt(answer.receipt, answer.key_certificate);
}

}  // namespace

uint64_t now_ms() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

bool in_real_time(uint64_t send_at_ms) {
  // What the wallet itself does besides, its writes to a disk above all: always the same, and added
  // whatever the guardian did.
  constexpr uint64_t kOwnWork_ms = 500;
  const uint64_t due_ms = send_at_ms + kOwnWork_ms;
  const uint64_t at_ms = now_ms();
  if (at_ms > due_ms) return false;
  std::this_thread::sleep_for(std::chrono::milliseconds(due_ms - at_ms));
  return true;
}

bool without_waiting(uint64_t /*send_at_ms*/) { return true; }

absl::Status learn_issuer(wallet::Wallet& wallet, const IssuerInfo& issuer) {
  CAFE_RETURN_IF_ERROR(wallet.accept_list(issuer.list));
  for (const Bytes& certificate : issuer.key_certificates) {
    const absl::Status taken = wallet.accept_key_certificate(certificate, now_s());
    if (!taken.ok() && protocol::reason_of(taken) != "WRONG_PURPOSE") return taken;
  }
  if (issuer.load_key.empty()) return absl::OkStatus();
  return wallet.accept_load_key(issuer.load_key);
}

absl::Status register_wallet(wallet::Wallet& wallet, Backend& backend) {
  // What was sent before an interruption first: it may be registered, and then no other file is.
  absl::StatusOr<Bytes> file = wallet.pending_registration();
  for (int attempt = 1; !wallet.registered(); ++attempt) {
    if (!file.ok() || attempt > 1) {
      CAFE_ASSIGN_OR_RETURN(const auto nonce, backend.begin_registration());
      CAFE_ASSIGN_OR_RETURN(file, wallet.begin_registration(nonce));
    }
    const auto receipt = backend.register_wallet(*file);
    // A nonce dies with the service that gave it, and after ten minutes; another one is drawn then.
    const std::string reason = receipt.ok() ? "" : protocol::reason_of(receipt.status());
    if ((reason == "UNKNOWN_NONCE" || reason == "NONCE_EXPIRED") && attempt <= kAttempts) continue;
    CAFE_RETURN_IF_ERROR(receipt.status());
    CAFE_RETURN_IF_ERROR(wallet.on_registration_receipt(*receipt));
  }
  return absl::OkStatus();
}

namespace {

absl::StatusOr<OrderOutcome> order(wallet::Wallet& wallet, Backend& backend,
                                   const std::vector<protocol::OrderLine>& lines) {
  OrderOutcome outcome{};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    CAFE_ASSIGN_OR_RETURN(const Bytes open, wallet.start_order(lines, now_s()));
    const auto answer = backend.open_order(open);
    if (!answer.ok()) {
      CAFE_RETURN_IF_ERROR(wallet.cancel_open());
      // The void took this minute's row: the number can be opened anew in the next one.
      if (protocol::reason_of(answer.status()) != "ORDER_VOID") return answer.status();
      wait_for_next_time_slot();
      continue;
    }
    const absl::StatusOr<Bytes> order = wallet.on_open_answer(*answer, now_s());
    if (!order.ok()) {
      CAFE_RETURN_IF_ERROR(wallet.cancel_open());
      if (!order_is_dead(order.status())) return order.status();
      continue;
    }
    CAFE_ASSIGN_OR_RETURN(const auto withdrawn, complete(wallet, backend));
    if (withdrawn) {
      outcome.withdrawn = *withdrawn;
      return outcome;
    }
    ++outcome.voided;
  }
  return protocol::refused("ORDER_FAILED", "An order died five times: try again later.");
}

// The owner enters her PIN once for all that the errand does.
template <typename Errand>
auto with_one_pin(wallet::Wallet& wallet, Errand errand) -> decltype(errand()) {
  decltype(errand()) result = absl::CancelledError();
  CAFE_RETURN_IF_ERROR(wallet.with_one_pin([&] {
    result = errand();
    return result.status();
  }));
  return result;
}

}  // namespace

absl::StatusOr<OrderOutcome> withdraw(wallet::Wallet& wallet, Backend& backend,
                                      const std::vector<protocol::OrderLine>& lines) {
  return with_one_pin(wallet, [&] { return order(wallet, backend, lines); });
}

absl::StatusOr<std::optional<wallet::Withdrawn>> finish_order(wallet::Wallet& wallet,
                                                              Backend& backend) {
  switch (wallet.order_phase()) {
    case wallet::OrderPhase::kOpening:
      CAFE_RETURN_IF_ERROR(wallet.cancel_open());
      return std::nullopt;
    case wallet::OrderPhase::kOrdered:
      return complete(wallet, backend);
    case wallet::OrderPhase::kNone:
    case wallet::OrderPhase::kDisputed:
      break;
  }
  return std::nullopt;
}

absl::StatusOr<wallet::TakenLoad> load(wallet::Wallet& wallet, Backend& backend,
                                       std::string_view currency, uint64_t amount) {
  return with_one_pin(wallet, [&]() -> absl::StatusOr<wallet::TakenLoad> {
    CAFE_ASSIGN_OR_RETURN(const Bytes order, wallet.start_load(currency, amount));
    return send_load(wallet, backend, order);
  });
}

absl::StatusOr<std::optional<wallet::TakenLoad>> finish_load(wallet::Wallet& wallet,
                                                             Backend& backend) {
  const absl::StatusOr<Bytes> order = wallet.pending_load_bytes();
  if (!order.ok()) return std::nullopt;  // NO_LOAD
  CAFE_ASSIGN_OR_RETURN(const wallet::TakenLoad taken, send_load(wallet, backend, *order));
  return taken;
}

absl::StatusOr<protocol::Receipt> pay_back(wallet::Wallet& wallet, Backend& backend,
                                           std::string_view currency, uint64_t amount,
                                           const Pace& pace) {
  CAFE_ASSIGN_OR_RETURN(const wallet::PayBack money, wallet.pay_back(currency, amount, now_ms()));
  return hand_in(wallet, backend, money, pace);
}

absl::StatusOr<std::optional<protocol::Receipt>> finish_pay_back(wallet::Wallet& wallet,
                                                                 Backend& backend,
                                                                 const Pace& pace) {
  const absl::StatusOr<wallet::PayBack> money = wallet.pending_pay_back(now_ms());
  if (!money.ok()) {
    if (protocol::reason_of(money.status()) == "NO_PAY_BACK") return std::nullopt;
    return money.status();
  }
  CAFE_ASSIGN_OR_RETURN(protocol::Receipt receipt, hand_in(wallet, backend, *money, pace));
  return receipt;
}

absl::StatusOr<std::vector<protocol::Receipt>> deposit(pos::Terminal& terminal, Backend& backend,
                                                       size_t least, size_t batch) {
  CAFE_RETURN_IF_ERROR(terminal.prune_daily(now_s()));
  std::vector<protocol::Receipt> receipts;
  while (terminal.waiting_payments() >= least) {
    CAFE_ASSIGN_OR_RETURN(const auto next, terminal.next_deposit(batch));
    if (!next) break;
    CAFE_ASSIGN_OR_RETURN(const DepositAnswer answer, backend.deposit(next->order, next->payments));
    CAFE_ASSIGN_OR_RETURN(protocol::Receipt receipt,
                          terminal.on_receipt(answer.receipt, answer.key_certificate));
    receipts.push_back(std::move(receipt));
  }
  // Whatever keeps the list away keeps no payment from being handed in: the next trip brings it.
  if (!receipts.empty()) fetch_hotlist(terminal, backend).IgnoreError();
  return receipts;
}

}  // namespace cafe::host
