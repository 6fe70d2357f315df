#include "device-sim/firmware/face/screens.h"

#include <algorithm>
#include <chrono>  // its calendar; not its clocks

#include "device-sim/firmware/face/amount_text.h"
#include "device-sim/firmware/face/reasons.h"

namespace cafe::face {

namespace {

constexpr std::string_view kCancel = "Cancel";
constexpr std::string_view kOk = "OK";
constexpr std::string_view kBack = "Back";
constexpr std::string_view kNext = "Next";

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (std::string_view part : parts) text += part;
  return text;
}

// A sum is never cut: where it does not fit a line with its currency, that goes into the title.
struct Sum {
  std::string currency;  // for the title: " EUR", or nothing
  std::string amount;
};
Sum sum_of(std::string_view currency, uint64_t amount) {
  std::string text = amount_text(currency, amount);
  if (text.size() <= kColumns) return {"", std::move(text)};
  return {joined({" ", currency}), number_text(currency, amount)};
}

std::string counted(uint64_t n, std::string_view one, std::string_view many) {
  return joined({std::to_string(n), " ", n == 1 ? one : many});
}

Screen lines_screen(std::vector<std::string> lines, std::string_view cancel, std::string_view ok) {
  lines.resize(kLines - 1);
  return screen(lines[0], lines[1], lines[2], cancel, ok);
}

std::string state_text(const wallet::PastPayment& payment) {
  const bool back = payment.kind == wallet::PaymentKind::kPayBack;
  switch (payment.state) {
    case wallet::PaymentState::kPromised:
    case wallet::PaymentState::kReady:
      return "waits";
    case wallet::PaymentState::kAccepted:
      if (payment.kind == wallet::PaymentKind::kCall) return "open";
      return back ? "back" : "paid";
    case wallet::PaymentState::kRefused:
      return "refused";
    case wallet::PaymentState::kEnded:
      return counted(payment.ticks, "tick", "ticks");
  }
  return "";
}

Screen past_payment_screen(const wallet::PastPayment& payment, size_t number) {
  const std::string when = time_text(payment.time_ms);
  std::string first = std::to_string(number);
  // The time of day where it fits; of a payment that named its payer that instead.
  if (payment.identified) {
    first = both(joined({first, " ", when.substr(0, when.find(' '))}), "named");
  } else {
    first = both(
        first, first.size() + 1 + when.size() <= kColumns ? when : when.substr(0, when.find(' ')));
  }
  std::string payee = payment.payee_name;
  if (payment.kind == wallet::PaymentKind::kCall) payee.insert(0, "Call: ");
  if (payment.kind == wallet::PaymentKind::kPayBack) payee = "Your own account";
  const std::string state = state_text(payment);
  std::string amount = amount_text(payment.currency, payment.amount);
  // Digits are never cut; a state that does not fit beside them stands with the payee.
  if (amount.size() + 1 + state.size() <= kColumns) {
    amount = both(amount, state);
  } else {
    payee = both(payee, state);
    if (amount.size() > kColumns) amount = number_text(payment.currency, payment.amount);
  }
  return screen(first, payee, amount, kBack, kNext);
}

}  // namespace

Screen payment_screen(const wallet::Bill& bill) {
  const Sum sum = sum_of(bill.currency, bill.amount);
  return screen(joined({"Pay", sum.currency}), bill.payee_name, right(sum.amount), kCancel, kOk);
}

Screen identification_screen(const wallet::Bill& bill) {
  return screen("A large sum: issuer", "learns who pays", bill.payee_name, kCancel, kOk);
}

Screen call_screen(const wallet::CallBill& bill) {
  const std::string tick = amount_text(bill.currency, bill.tick_value);
  const Sum most = sum_of(bill.currency, bill.tick_value * bill.most_ticks);
  return screen(joined({"Call", most.currency, ": ", bill.payee_name}),
                joined({tick, " / ", bill.unit}), both("at most", most.amount), kCancel, kOk);
}

std::vector<Screen> withdrawal_screens(std::span<const protocol::Completion::Debit> sums) {
  std::vector<Screen> screens;
  for (const auto& each : sums) {
    const Sum sum = sum_of(each.currency, each.amount);
    screens.push_back(each.amount == 0
                          ? screen("Withdraw blank", "cheques, which cost", "nothing", kCancel, kOk)
                          : screen(joined({"Withdraw", sum.currency}), right(sum.amount),
                                   "from your account?", kCancel, kOk));
  }
  return screens;
}

Screen load_screen(std::string_view currency, uint64_t amount) {
  const Sum sum = sum_of(currency, amount);
  return screen(joined({"Load for cheques", sum.currency}), right(sum.amount), "from your account?",
                kCancel, kOk);
}

Screen pay_back_screen(std::string_view currency, uint64_t amount) {
  const Sum sum = sum_of(currency, amount);
  return screen(joined({"Pay back", sum.currency}), right(sum.amount), "into your account?",
                kCancel, kOk);
}

namespace {

std::string_view use_text(wallet::PinUse use) {
  switch (use) {
    case wallet::PinUse::kRegistration:
      return "To register:";
    case wallet::PinUse::kWithdrawal:
      return "To withdraw:";
    case wallet::PinUse::kLoad:
      return "To load:";
    case wallet::PinUse::kPayBack:
      return "To pay back:";
    case wallet::PinUse::kIdentification:
      return "To show your name:";
    case wallet::PinUse::kRecovery:
      return "To recover money:";
    case wallet::PinUse::kSetting:
      return "To change settings:";
    case wallet::PinUse::kPayment:
      return "To pay:";
    case wallet::PinUse::kUnlock:
      return "To unlock a sum:";
  }
  return "";
}

std::string tries_text(uint8_t tries) { return counted(tries, "try left", "tries left"); }

}  // namespace

Screen pin_screen(const wallet::PinQuestion& question) {
  const bool payment = question.kind == wallet::PinKind::kPayment;
  const std::string tries = tries_text(question.tries_left);
  const bool few = question.tries_left < guardian::kPinTries;
  return screen(use_text(question.use), payment ? "Payment PIN?" : "Withdrawal PIN?",
                question.wrong ? joined({"Wrong: ", tries})
                : few          ? tries
                               : std::string(),
                kCancel, kOk);
}

Screen new_pin_screen(wallet::PinKind kind) {
  return screen(kind == wallet::PinKind::kPayment ? "New payment PIN:" : "New withdrawal PIN:",
                "4 to 12 digits", "", kCancel, kOk);
}

Screen same_pin_screen() { return screen("Once more, please:", "", "", kCancel, kOk); }

Screen enter_puk_screen(uint8_t tries_left) {
  return screen("Your PUK, 8 digits?", "", tries_text(tries_left), kCancel, kOk);
}

Screen puk_screen(const wallet::Pin& puk) {
  const std::string digits = protocol::to_string(puk.digits());
  return screen("Note it down now:", joined({"PUK ", digits.substr(0, 4), " ", digits.substr(4)}),
                "It unblocks PINs.", kCancel, kOk);
}

std::vector<Screen> pins_screens(const wallet::PinStates& pins,
                                 std::span<const wallet::Allowance> allowances) {
  const auto text = [](const wallet::PinState& pin) {
    if (!pin.set) return std::string("none");
    return pin.tries_left == 0 ? std::string("blocked") : counted(pin.tries_left, "try", "tries");
  };
  std::vector<Screen> screens = {screen(both("Withdrawal", text(pins.withdrawal)),
                                        both("Payment", text(pins.payment)),
                                        both("PUK", text(pins.puk)), kBack, kNext)};
  if (!pins.payment.set) return screens;
  for (const wallet::Allowance& allowance : allowances) {
    screens.push_back(screen(joined({"Without PIN, ", allowance.currency, ":"}),
                             right(number_text(allowance.currency, allowance.left)),
                             both("of", number_text(allowance.currency, allowance.limit)), kBack,
                             kNext));
  }
  if (allowances.empty()) {
    screens.push_back(screen("Every payment needs", "the payment PIN", "", kBack, kNext));
  }
  return screens;
}

Screen talking_screen(const wallet::CallBill& bill, uint32_t ticks) {
  const Sum sum = sum_of(bill.currency, bill.tick_value * ticks);
  return screen(joined({"Call", sum.currency, ": ", bill.payee_name}),
                joined({std::to_string(ticks), " x ", bill.unit}), right(sum.amount), "Hang up",
                "");
}

std::vector<Screen> balance_screens(std::span<const wallet::Balance> balances) {
  std::vector<Screen> screens;
  for (const wallet::Balance& b : balances) {
    const uint64_t by_cheques = std::min(b.counter, b.cheques_up_to);
    const auto line = [&](std::string_view kind, size_t count, uint64_t amount) {
      const std::string number = number_text(b.currency, amount);
      const std::string name = joined({kind, " (", std::to_string(count), ")"});
      return name.size() + 1 + number.size() <= kColumns ? both(name, number) : right(number);
    };
    screens.push_back(screen(both(b.currency, number_text(b.currency, b.amount + by_cheques)),
                             line("Coins", b.slots, b.amount),
                             line("Cheques", b.cheques, by_cheques), kBack, kNext));
    if (b.counter > b.cheques_up_to) {
      const Sum more = sum_of(b.currency, b.counter - b.cheques_up_to);
      screens.push_back(screen(both(joined({"Loaded", more.currency}), more.amount),
                               "waits for blank", "cheques: withdraw", kBack, kNext));
    }
  }
  if (screens.empty()) screens.push_back(screen("The wallet is empty", "", "", kBack, kNext));
  return screens;
}

std::vector<Screen> past_payment_screens(std::span<const wallet::PastPayment> payments) {
  std::vector<Screen> screens;
  for (size_t i = payments.size(); i-- > 0;) {
    screens.push_back(past_payment_screen(payments[i], i + 1));
  }
  if (screens.empty()) screens.push_back(screen("No payments yet", "", "", kBack, kNext));
  return screens;
}

Screen paid_screen(std::string_view payee_name, std::string_view currency, uint64_t amount) {
  const Sum sum = sum_of(currency, amount);
  return screen(joined({"Paid", sum.currency}), payee_name, right(sum.amount), "", kOk);
}

Screen refused_screen(std::string_view payee_name, std::string_view reason) {
  // The words for a terminal's reason say that it refused; this says who.
  std::vector<std::string> lines = explain(reason);
  if (lines.size() < kLines - 1) lines.insert(lines.begin(), std::string(payee_name));
  return lines_screen(std::move(lines), "", kOk);
}

Screen call_ended_screen(const wallet::CallBill& bill, uint32_t ticks) {
  const Sum sum = sum_of(bill.currency, bill.tick_value * ticks);
  return screen(joined({"Call ended", sum.currency}),
                joined({std::to_string(ticks), " x ", bill.unit}), right(sum.amount), "", kOk);
}

Screen withdrawn_screen(const wallet::Withdrawn& withdrawn) {
  return withdrawn.debits_as_ordered
             ? screen("Withdrawn:", counted(withdrawn.coins, "piece", "pieces"), "", "", kOk)
             : lines_screen(wrap("Withdrawn, but the debit is wrong. Proof is kept."), "", kOk);
}

Screen loaded_screen(const wallet::TakenLoad& load) {
  const Sum sum = sum_of(load.currency, load.amount);
  return screen(joined({"Loaded for cheques", sum.currency}), right(sum.amount), "", "", kOk);
}

Screen paid_back_screen(std::string_view currency, uint64_t credited) {
  const Sum sum = sum_of(currency, credited);
  return screen(joined({"Paid back", sum.currency}), right(sum.amount), "to your account", "", kOk);
}

Screen unlocked_screen(const wallet::Allowance& allowance) {
  const Sum sum = sum_of(allowance.currency, allowance.left);
  return screen(joined({"Without PIN", sum.currency, ":"}), right(sum.amount), "can be paid now",
                "", kOk);
}

Screen error_screen(const absl::Status& error) {
  return lines_screen(explain(protocol::reason_of(error)), "", kOk);
}

Screen message_screen(std::string_view text) {
  std::vector<std::string> lines = wrap(text);
  return lines_screen(std::move(lines), "", kOk);
}

std::string time_text(uint64_t unix_ms) {
  const uint64_t minutes = unix_ms / 60'000;
  const std::chrono::year_month_day date{
      std::chrono::sys_days{std::chrono::days{minutes / (24 * 60)}}};
  const auto padded = [](uint64_t n, size_t width) {
    std::string text = std::to_string(n);
    if (text.size() < width) text.insert(0, width - text.size(), '0');
    return text;
  };
  return joined({padded(static_cast<uint64_t>(static_cast<int>(date.year())), 4), "-",
                 padded(static_cast<unsigned>(date.month()), 2), "-",
                 padded(static_cast<unsigned>(date.day()), 2), " ", padded(minutes / 60 % 24, 2),
                 ":", padded(minutes % 60, 2)});
}

}  // namespace cafe::face
