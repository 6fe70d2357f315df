#include "device-sim/firmware/testing/errands.h"

namespace cafe::testing {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::reason_of;
using wallet::ContactResult;
using wallet::OrderPhase;
using wallet::PaymentKind;
using wallet::PaymentState;

namespace {

uint64_t now_ms(const SweepWorld& world) { return world.now_s * 1000; }

uint64_t booked(SweepWorld& world) {
  uint64_t sum = 0;
  for (const wallet::Balance& balance : world.wallet().balances(world.now_s)) {
    sum += balance.counter;
  }
  return sum;
}

std::optional<wallet::PastPayment> payment_of(SweepWorld& world) {
  for (const wallet::PastPayment& past : world.wallet().payments()) {
    if (past.terms_digest == world.terms) return past;
  }
  return std::nullopt;
}

// --- Registration and orders ---------------------------------------------------------------------

absl::Status register_wallet(SweepWorld& world) {
  wallet::Wallet& wallet = world.wallet();
  absl::StatusOr<Bytes> file = wallet.pending_registration();
  for (bool first = true; !wallet.registered(); first = false) {
    if (!file.ok() || !first) {
      CAFE_ASSIGN_OR_RETURN(const Bytes32 nonce, world.ask([&] {
        return absl::StatusOr<Bytes32>(world.bank().begin_registration());
      }));
      CAFE_ASSIGN_OR_RETURN(file, wallet.begin_registration(nonce));
    }
    world.watch().registration_sent(*file);
    const auto receipt = world.ask([&] { return world.bank().register_wallet(*file); });
    if (first && reason_of(receipt.status()) == "UNKNOWN_NONCE") continue;
    CAFE_RETURN_IF_ERROR(receipt.status());
    CAFE_RETURN_IF_ERROR(wallet.on_registration_receipt(*receipt));
  }
  return absl::OkStatus();
}

bool order_is_dead(const absl::Status& status) {
  return reason_of(status) == "NOT_OUR_ANSWER" || reason_of(status) == "ORDER_CLASH";
}

// Sends the stored order, or has it voided.
absl::Status complete(SweepWorld& world) {
  wallet::Wallet& wallet = world.wallet();
  CAFE_ASSIGN_OR_RETURN(const Bytes order, wallet.pending_order_bytes());
  world.watch().order_sent(order, world.device().memory);
  auto completion = world.ask([&] { return world.bank().complete(order); });
  if (!completion.ok()) {
    if (!order_is_dead(completion.status())) return completion.status();
    CAFE_ASSIGN_OR_RETURN(const Bytes request, wallet.void_request());
    CAFE_ASSIGN_OR_RETURN(const Bank::Settled settled,
                          world.ask([&] { return world.bank().void_order(request); }));
    if (settled.is_void) {
      world.now_s += protocol::kTimeSlot_s;
      return wallet.on_void_statement(settled.document);
    }
    completion = settled.document;
  }
  return wallet.on_completion(*completion).status();
}

}  // namespace

absl::Status join(SweepWorld& world) {
  wallet::Wallet& wallet = world.wallet();
  const World& issuer = world.world();
  CAFE_ASSIGN_OR_RETURN(const Bytes list, world.ask([&] {
    return absl::StatusOr<Bytes>(issuer.signed_list.encode());
  }));
  CAFE_RETURN_IF_ERROR(wallet.accept_list(list));
  CAFE_RETURN_IF_ERROR(
      wallet.accept_key_certificate(issuer.withdrawal_certificate.encode(), world.now_s));
  CAFE_RETURN_IF_ERROR(wallet.accept_load_key(world.bank().load_key_certificate()));
  if (!wallet.list_confirmed()) {
    CAFE_ASSIGN_OR_RETURN(Bytes notice, world.terminal().make_notice(now_ms(world)));
    world.meet(std::move(notice));
    if (!wallet.list_confirmed()) return SweepWorld::lost();
  }
  return register_wallet(world);
}

absl::Status withdraw(SweepWorld& world, const std::vector<protocol::OrderLine>& lines,
                      uint64_t orders) {
  wallet::Wallet& wallet = world.wallet();
  while (wallet.completed_orders() < orders) {
    switch (wallet.order_phase()) {
      case OrderPhase::kNone: {
        CAFE_ASSIGN_OR_RETURN(const Bytes open, wallet.start_order(lines, world.now_s));
        const auto answer = world.ask([&] { return world.bank().open(open, world.now_s); });
        CAFE_RETURN_IF_ERROR(answer.status());
        CAFE_RETURN_IF_ERROR(wallet.on_open_answer(*answer, world.now_s).status());
        break;
      }
      case OrderPhase::kOpening:
        CAFE_RETURN_IF_ERROR(wallet.cancel_open());
        break;
      case OrderPhase::kOrdered:
        CAFE_RETURN_IF_ERROR(complete(world));
        break;
      case OrderPhase::kDisputed:
        return absl::InternalError("the issuer answered wrongly");
    }
  }
  return absl::OkStatus();
}

absl::Status load(SweepWorld& world, uint64_t amount, uint64_t until) {
  wallet::Wallet& wallet = world.wallet();
  absl::StatusOr<Bytes> order = wallet.pending_load_bytes();
  if (!order.ok()) {
    if (booked(world) >= until) return absl::OkStatus();
    CAFE_ASSIGN_OR_RETURN(order, wallet.start_load("EUR", amount));
  }
  CAFE_ASSIGN_OR_RETURN(const Bytes answer, world.ask([&] { return world.bank().load(*order); }));
  return wallet.on_loaded(answer).status();
}

// --- Payments ------------------------------------------------------------------------------------

namespace {

// The bill that was made before, or a new one.
absl::StatusOr<Bytes> offer(SweepWorld& world, uint64_t amount) {
  if (world.terms) return world.terminal().repeat_offer(*world.terms, now_ms(world));
  CAFE_ASSIGN_OR_RETURN(Bytes bill, world.terminal().make_offer("EUR", amount, now_ms(world)));
  world.terms = terms_of(bill).digest();
  return bill;
}

// What became of a contact. Who is interrupted tries again.
absl::Status outcome(const SweepWorld::Meeting& meeting, ContactResult wanted) {
  if (meeting.wallet == wanted) return absl::OkStatus();
  if (meeting.wallet == ContactResult::kRefused) {
    return absl::FailedPreconditionError("the terminal refused");
  }
  return meeting.wallet == ContactResult::kDeclined ? meeting.wallet_error : SweepWorld::lost();
}

}  // namespace

absl::Status pay(SweepWorld& world, uint64_t amount) {
  CAFE_ASSIGN_OR_RETURN(Bytes bill, offer(world, amount));
  return outcome(world.meet(std::move(bill)), ContactResult::kAccepted);
}

absl::Status pay_or_leave(SweepWorld& world, uint64_t amount) {
  if (world.interrupted() == 0) {
    const absl::Status paid = pay(world, amount);
    // A lost transmission may have been made up for.
    if (paid.ok() || !absl::IsUnavailable(paid)) return paid;
  }
  if (!world.terms) return absl::OkStatus();  // nobody saw the bill
  const auto refusal = world.terminal().cancel_offer(*world.terms, now_ms(world));
  if (!refusal.ok() && reason_of(refusal.status()) != "TERMS_SETTLED") return refusal.status();
  const auto promised = payment_of(world);
  if (!promised) return refusal.status();  // where it was not paid, it cannot be settled
  if (promised->state == PaymentState::kAccepted || promised->state == PaymentState::kRefused) {
    return absl::OkStatus();
  }
  CAFE_ASSIGN_OR_RETURN(Bytes bill, offer(world, amount));
  return outcome(world.meet(std::move(bill)),
                 refusal.ok() ? ContactResult::kRefused : ContactResult::kAccepted);
}

namespace {

absl::StatusOr<Bytes> call_offer(SweepWorld& world, const Talk& talk) {
  if (world.terms) return world.terminal().repeat_offer(*world.terms, now_ms(world));
  CAFE_ASSIGN_OR_RETURN(
      Bytes bill, world.terminal().make_call_offer("EUR", talk.tick_value, talk.most_ticks, "10 s",
                                                   now_ms(world)));
  world.terms = terms_of(bill).digest();
  return bill;
}

uint32_t ticks_held(SweepWorld& world) {
  const auto call = world.terminal().call(*world.terms);
  return call.ok() ? call->ticks : 0;
}

absl::Status talk_until(SweepWorld& world, const Talk& talk, uint32_t ticks, bool caller_hangs_up) {
  CAFE_ASSIGN_OR_RETURN(Bytes bill, call_offer(world, talk));
  const auto drive = [&](pos::Contact& terminal, wallet::Contact& wallet) {
    const uint32_t held = ticks_held(world);
    if (held < ticks) return;
    if (!caller_hangs_up) return terminal.hang_up();
    const auto past = payment_of(world);
    if (!past || past->ticks <= held) wallet.hang_up();
  };
  const auto meeting = world.meet(std::move(bill), drive);
  // One that was hung up before it began was refused, and nothing was paid.
  if (meeting.wallet == ContactResult::kRefused && ticks == 0) return absl::OkStatus();
  return outcome(meeting, ContactResult::kEnded);
}

}  // namespace

absl::Status talk(SweepWorld& world, const Talk& talk) {
  return talk_until(world, talk, talk.ticks, talk.caller_hangs_up);
}

absl::Status talk_or_hang_up(SweepWorld& world, const Talk& talk) {
  if (world.interrupted() == 0) {
    const absl::Status done = talk_until(world, talk, talk.ticks, talk.caller_hangs_up);
    if (done.ok() || !absl::IsUnavailable(done)) return done;
  }
  const auto past = world.terms ? payment_of(world) : std::nullopt;
  if (!past) return absl::OkStatus();  // nothing was promised
  if (!world.wallet().call_end(past->terms_digest)->empty()) return absl::OkStatus();
  return talk_until(world, talk, 0, /*caller_hangs_up=*/true);
}

absl::Status pay_back(SweepWorld& world, uint64_t amount) {
  wallet::Wallet& wallet = world.wallet();
  auto money = wallet.pending_pay_back(now_ms(world));
  if (!money.ok()) {
    if (reason_of(money.status()) != "NO_PAY_BACK") return money.status();
    for (const wallet::PastPayment& past : wallet.payments()) {
      if (past.kind == PaymentKind::kPayBack) return absl::OkStatus();
    }
    CAFE_ASSIGN_OR_RETURN(money, wallet.pay_back("EUR", amount, now_ms(world)));
  }
  CAFE_ASSIGN_OR_RETURN(const Bytes receipt, world.ask([&] {
    return world.bank().deposit(money->deposit_order, money->payments, money->holder_credential);
  }));
  return wallet.on_pay_back_receipt(receipt, world.world().deposit_certificate.encode()).status();
}

absl::Status deposit(SweepWorld& world) {
  pos::Terminal& terminal = world.terminal();
  while (terminal.waiting_payments() > 0) {
    CAFE_ASSIGN_OR_RETURN(const auto batch, terminal.next_deposit(2));
    if (!batch) break;
    CAFE_ASSIGN_OR_RETURN(const Bytes receipt, world.ask([&] {
      return world.bank().deposit(batch->order, batch->payments);
    }));
    CAFE_RETURN_IF_ERROR(
        terminal.on_receipt(receipt, world.world().deposit_certificate.encode()).status());
  }
  return absl::OkStatus();
}

}  // namespace cafe::testing
