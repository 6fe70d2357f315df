// PINs, and what can be paid without one.
//
// [guard] The guardian enforces all of it. The wallet keeps books of its own of what may be paid
// without the payment PIN, and asks by these: a guardian whose word decided when the owner is asked
// would let the payee see that word, in the time that her fingers take.
#include <algorithm>

#include "device-sim/firmware/wallet/state.h"
#include "libs/protocol/amount.h"

namespace cafe::wallet {

using firmware::Batch;

namespace {

absl::Status no_payment_pin() {
  return protocol::make_error(absl::StatusCode::kNotFound, "NO_PIN",
                              "There is no payment PIN: set one first.");
}

absl::Status pin_declined() {
  return declined("OWNER_DECLINED", "The owner did not enter the PIN.");
}

absl::Status pin_blocked() {
  return protocol::refused("PIN_BLOCKED",
                           "Wrong digits were entered too often: unblock the PIN with the PUK.");
}

}  // namespace

absl::Status Wallet::State::store_allowances(AllowancesRecord record) {
  CAFE_RETURN_IF_ERROR(store->commit(Batch().put(kAllowancesKey, record.encode())));
  allowances = std::move(record);
  return absl::OkStatus();
}

absl::Status Wallet::State::verify_pin(PinKind kind, PinUse use) {
  for (bool wrong = false;; wrong = true) {
    CAFE_ASSIGN_OR_RETURN(const PinStates states, guardian.pin_states());
    const PinState& state = kind == PinKind::kPayment ? states.payment : states.withdrawal;
    if (!state.set) return no_payment_pin();
    if (state.tries_left == 0) return pin_blocked();
    const std::optional<Pin> pin = owner.enter_pin({kind, use, state.tries_left, wrong});
    if (!pin) return pin_declined();
    pin_entered = true;  // perhaps, even where no answer comes
    CAFE_ASSIGN_OR_RETURN(const bool right, guardian.verify_pin(kind, *pin));
    if (right) break;
  }
  if (kind != PinKind::kPayment) return absl::OkStatus();
  // The guardian has done the same.
  AllowancesRecord filled = allowances;
  filled.fill_up();
  return store_allowances(std::move(filled));
}

absl::Status Wallet::State::verify_all_pins() {
  CAFE_RETURN_IF_ERROR(open_account(PinUse::kSetting));
  CAFE_ASSIGN_OR_RETURN(const PinStates states, guardian.pin_states());
  if (!states.payment.set) return absl::OkStatus();
  return verify_pin(PinKind::kPayment, PinUse::kSetting);
}

// To `pin`; the payment PIN off where there is none. Where the power fails in between, the books
// say that there is a payment PIN, and asking for it shows that there is none. They are empty
// before the guardian's are, at the end of one PIN and at the beginning of the next.
absl::Status Wallet::State::change_pin(PinKind kind, const Pin* pin) {
  if (kind == PinKind::kWithdrawal) return guardian.change_pin(kind, *pin);
  if (pin == nullptr) {
    CAFE_RETURN_IF_ERROR(store_allowances({true, {}}));
    const absl::Status off = guardian.switch_payment_pin_off();
    if (off.ok() || protocol::reason_of(off) == "NO_PIN") {
      CAFE_RETURN_IF_ERROR(store_allowances({}));
    }
    return off;
  }
  CAFE_ASSIGN_OR_RETURN(const PinStates states, guardian.pin_states());
  if (!allowances.limited || !states.payment.set) {
    CAFE_RETURN_IF_ERROR(store_allowances({true, {}}));
  }
  return guardian.change_pin(kind, *pin);
}

absl::Status Wallet::State::unlock(std::string_view currency, uint64_t amount, PinUse use) {
  CAFE_RETURN_IF_ERROR(verify_pin(PinKind::kPayment, use));
  CAFE_RETURN_IF_ERROR(guardian.unlock(currency, amount));
  AllowancesRecord more = allowances;
  more.limited = true;
  uint64_t& left = more.entries[std::string(currency)].left;
  CAFE_ASSIGN_OR_RETURN(left, protocol::checked_add(left, amount));
  return store_allowances(std::move(more));
}

absl::Status Wallet::State::set_limit(std::string_view currency, uint64_t amount) {
  CAFE_RETURN_IF_ERROR(verify_pin(PinKind::kPayment, PinUse::kSetting));
  // Less first: the books never say more than the guardian.
  AllowancesRecord changed = allowances;
  auto& entry = changed.entries[std::string(currency)];
  entry = {std::min(entry.limit, amount), std::min(entry.left, amount)};
  CAFE_RETURN_IF_ERROR(store_allowances(changed));
  CAFE_RETURN_IF_ERROR(guardian.set_limit(currency, amount));
  changed.entries[std::string(currency)] = {amount, amount};
  return store_allowances(std::move(changed));
}

absl::StatusOr<uint64_t> Wallet::State::reserved(std::string_view currency) const {
  uint64_t sum = 0;
  for (const auto& [digest, payment] : payments) {
    if (!under_way(payment)) continue;
    CAFE_ASSIGN_OR_RETURN(const auto terms, protocol::Terms::decode(payment.terms.frame));
    if (terms.currency != currency) continue;
    sum += payment.state == PaymentState::kPromised ? terms.amount : 0;
    const auto call = calls.find(digest);
    if (call == calls.end()) continue;
    CAFE_ASSIGN_OR_RETURN(const auto tariff,
                          firmware::Tariff::decode(call->second.record.tariff.frame));
    sum += (call->second.record.tick_count - call->second.ticks.released) * tariff.tick_value;
  }
  return sum;
}

absl::Status Wallet::State::allow_payment(std::string_view currency, uint64_t amount) {
  if (!allowances.limited) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(const uint64_t promised, reserved(currency));
  CAFE_ASSIGN_OR_RETURN(const uint64_t needed, protocol::checked_add(promised, amount));
  const uint64_t left = allowances.left(currency);
  if (left >= needed) return absl::OkStatus();
  // The PIN stands for all of this payment, and for what was locked since it was promised.
  const absl::Status unlocked = unlock(currency, std::max(amount, needed - left), PinUse::kPayment);
  if (protocol::reason_of(unlocked) != "NO_PIN") return unlocked;
  return store_allowances({});  // it was switched off, or never set: a power cut came between
}

absl::Status Wallet::change_pin(PinKind kind) {
  State& s = *state_;
  return s.with_one_pin([&]() -> absl::Status {
    CAFE_RETURN_IF_ERROR(s.verify_all_pins());
    const std::optional<Pin> pin = s.owner.choose_pin(kind);
    if (!pin) return pin_declined();
    return s.change_pin(kind, &*pin);
  });
}

absl::Status Wallet::switch_payment_pin_off() {
  State& s = *state_;
  return s.with_one_pin([&]() -> absl::Status {
    CAFE_RETURN_IF_ERROR(s.verify_all_pins());
    return s.change_pin(PinKind::kPayment, nullptr);
  });
}

absl::Status Wallet::unblock_pin(PinKind kind) {
  State& s = *state_;
  for (;;) {
    CAFE_ASSIGN_OR_RETURN(const PinStates states, s.guardian.pin_states());
    const std::optional<Pin> puk = s.owner.enter_puk(states.puk.tries_left);
    if (!puk || puk->digits().size() != guardian::kPukDigits) return pin_declined();
    const std::optional<Pin> pin = s.owner.choose_pin(kind);
    if (!pin) return pin_declined();
    CAFE_ASSIGN_OR_RETURN(const bool right, s.guardian.unblock_pin(kind, *puk, *pin));
    if (right) return absl::OkStatus();
  }
}

absl::Status Wallet::unlock(std::string_view currency, uint64_t amount) {
  CAFE_RETURN_IF_ERROR(protocol::check_currency(currency));
  if (amount == 0) return protocol::invalid("AMOUNT_ZERO", "Nothing to unlock: enter a sum.");
  return state_->with_one_pin([&] { return state_->unlock(currency, amount, PinUse::kUnlock); });
}

absl::Status Wallet::set_limit(std::string_view currency, uint64_t amount) {
  CAFE_RETURN_IF_ERROR(protocol::check_currency(currency));
  return state_->with_one_pin([&] { return state_->set_limit(currency, amount); });
}

absl::Status Wallet::lock_payments() {
  State& s = *state_;
  AllowancesRecord locked = s.allowances;
  for (auto& [currency, entry] : locked.entries) entry.left = 0;
  CAFE_RETURN_IF_ERROR(s.store_allowances(std::move(locked)));
  return s.guardian.lock_payments();
}

absl::StatusOr<PinStates> Wallet::pins() const { return state_->guardian.pin_states(); }

absl::StatusOr<std::vector<Allowance>> Wallet::allowances() const {
  return state_->guardian.allowances();
}

}  // namespace cafe::wallet
