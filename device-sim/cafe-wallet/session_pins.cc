// Commands about PINs.
#include "device-sim/cafe-wallet/session.h"

namespace cafe::cafe_wallet {

absl::Status Session::pin(const Words& words) {
  const std::string what = words.size() > 1 ? words[1] : "";
  const bool payment = words.size() > 2 && words[2] == "payment";
  if (what.empty()) {
    CAFE_ASSIGN_OR_RETURN(const wallet::PinStates pins, wallet().pins());
    CAFE_ASSIGN_OR_RETURN(const auto allowances, wallet().allowances());
    face_.browse(face::pins_screens(pins, allowances));
    return absl::OkStatus();
  }
  if (what == "limit") {
    CAFE_ASSIGN_OR_RETURN(const uint64_t sum, amount(words, 2));
    CAFE_RETURN_IF_ERROR(wallet().set_limit(options_.currency, sum));
    return show_allowance();
  }
  if (what == "change") {
    CAFE_RETURN_IF_ERROR(wallet().change_pin(wallet::PinKind::kWithdrawal));
  } else if (what == "payment") {
    CAFE_RETURN_IF_ERROR(wallet().change_pin(wallet::PinKind::kPayment));
  } else if (what == "off") {
    CAFE_RETURN_IF_ERROR(wallet().switch_payment_pin_off());
  } else if (what == "unblock") {
    CAFE_RETURN_IF_ERROR(
        wallet().unblock_pin(payment ? wallet::PinKind::kPayment : wallet::PinKind::kWithdrawal));
  } else {
    return protocol::invalid("UNKNOWN_COMMAND", "There is no such command: try help.");
  }
  face_.tell(face::message_screen("Done."));
  return absl::OkStatus();
}

absl::Status Session::show_allowance() {
  CAFE_ASSIGN_OR_RETURN(const auto allowances, wallet().allowances());
  wallet::Allowance shown{options_.currency, 0, 0};
  for (const wallet::Allowance& each : allowances) {
    if (each.currency == options_.currency) shown = each;
  }
  face_.tell(face::unlocked_screen(shown));
  return absl::OkStatus();
}

}  // namespace cafe::cafe_wallet
