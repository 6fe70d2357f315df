#include "device-sim/firmware/face/face.h"

namespace cafe::face {

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

}  // namespace cafe::face
