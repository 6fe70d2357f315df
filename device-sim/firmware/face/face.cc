#include "device-sim/firmware/face/face.h"

#include "device-sim/firmware/face/recovery_screens.h"

namespace cafe::face {

std::optional<wallet::Pin> Face::digits(const Screen& screen) {
  std::optional<std::string> typed = buttons_.ask_digits(screen);
  if (!typed) return std::nullopt;
  const auto pin = wallet::Pin::of(*typed);
  protocol::wipe({reinterpret_cast<uint8_t*>(typed->data()), typed->size()});
  if (pin.ok()) return *pin;
  tell(error_screen(pin.status()));
  return std::nullopt;
}

std::optional<wallet::Pin> Face::enter_pin(const wallet::PinQuestion& question) {
  return digits(pin_screen(question));
}

std::optional<wallet::Pin> Face::choose_pin(wallet::PinKind kind) {
  for (;;) {
    const auto first = digits(new_pin_screen(kind));
    if (!first) return std::nullopt;
    const auto again = digits(same_pin_screen());
    if (!again) return std::nullopt;
    if (protocol::equal_ct(first->digits(), again->digits())) return first;
    tell(message_screen("Not the same twice. Choose again."));
  }
}

std::optional<wallet::Pin> Face::enter_puk(uint8_t tries_left) {
  return digits(enter_puk_screen(tries_left));
}

bool Face::note_puk(const wallet::Pin& puk) { return ask(puk_screen(puk)); }

bool Face::confirm_payment(const wallet::Bill& bill) { return ask(payment_screen(bill)); }

bool Face::confirm_identification(const wallet::Bill& bill) {
  return buttons_.ask_expressly(identification_screen(bill)) == Button::kOk;
}

bool Face::confirm_call(const wallet::CallBill& bill) { return ask(call_screen(bill)); }

bool Face::confirm_order(std::span<const protocol::Completion::Debit> sums) {
  for (const Screen& screen : withdrawal_screens(sums)) {
    if (!ask(screen)) return false;
  }
  return !sums.empty();
}

bool Face::confirm_load(std::string_view currency, uint64_t amount) {
  return ask(load_screen(currency, amount));
}

bool Face::confirm_pay_back(std::string_view currency, uint64_t amount) {
  return ask(pay_back_screen(currency, amount));
}

bool Face::note_words(std::string_view words) {
  for (const Screen& screen : words_screens(words)) {
    if (!ask(screen)) return false;
  }
  return true;
}

wallet::Consent Face::ask_consent(std::span<const wallet::Found> found) {
  wallet::Consent consent;
  const auto agrees = [&](const Screen& screen) {
    return buttons_.ask_expressly(screen) == Button::kOk;
  };
  for (const wallet::Found& each : found) {
    if (each.partly_unspent > 0 && !consent.partly_spent) {
      consent.partly_spent = agrees(used_coins_screen(each.currency, each.partly_unspent));
    }
    // Cheques that cannot be claimed are not asked for either.
    if (each.loaded > 0 && each.missing_cheques == 0 && !consent.cheques) {
      consent.cheques = agrees(cheques_screen(each.currency, each.loaded));
    }
  }
  return consent;
}

void Face::browse(std::vector<Screen> screens) {
  Pager pager(std::move(screens));
  while (!pager.done()) pager.press(buttons_.ask(pager.screen()));
}

void Face::tell(const Screen& screen) { buttons_.ask(screen); }

Button ScriptedButtons::ask(const Screen& screen) {
  note(screen);
  if (next_.empty()) return Button::kOk;
  const Button button = next_.front();
  next_.pop_front();
  return button;
}

std::optional<std::string> ScriptedButtons::ask_digits(const Screen& screen) {
  note(screen);
  if (typed_.empty()) return std::nullopt;
  std::string digits = typed_.front();
  typed_.pop_front();
  return digits;
}

}  // namespace cafe::face
