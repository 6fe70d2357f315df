// What a wallet does with its issuer, and a terminal with its acquirer, over the net. Each errand
// goes on where an interruption left it: run it again.
#pragma once

#include <functional>

#include "device-sim/firmware/pos/terminal.h"
#include "device-sim/firmware/wallet/wallet.h"
#include "device-sim/host/backend.h"

namespace cafe::host {

// The world's clock, unix milliseconds.
uint64_t now_ms();

// The issuer's newest list and keys. The issuer hands out all its keys; the wallet keeps those that
// answer to it.
absl::Status learn_issuer(wallet::Wallet& wallet, const IssuerInfo& issuer);

// Nothing where the wallet has its account already.
absl::Status register_wallet(wallet::Wallet& wallet, Backend& backend);

struct OrderOutcome {
  wallet::Withdrawn withdrawn;
  uint32_t voided = 0;  // orders that died on the way and were opened anew
};
// Open and Complete; an order that died (the issuer's database was restarted in between, say) is
// voided and opened anew, ORDER_FAILED after five times. ORDER_PENDING where another order is under
// way: finish_order first.
absl::StatusOr<OrderOutcome> withdraw(wallet::Wallet& wallet, Backend& backend,
                                      const std::vector<protocol::OrderLine>& lines);
// The order that an interruption left under way: completes it, or gives it up where it was opened
// only or is void. Nothing where there is none.
absl::StatusOr<std::optional<wallet::Withdrawn>> finish_order(wallet::Wallet& wallet,
                                                              Backend& backend);

// Loads the guardian's counter. A load that the issuer refused is given up; LOAD_PENDING where
// another is under way: finish_load first.
absl::StatusOr<wallet::TakenLoad> load(wallet::Wallet& wallet, Backend& backend,
                                       std::string_view currency, uint64_t amount);
absl::StatusOr<std::optional<wallet::TakenLoad>> finish_load(wallet::Wallet& wallet,
                                                             Backend& backend);

// [guard] Keeps money that goes back until it may be sent. False: its time was over before the
// guardian had answered, and it must not be sent now.
using Pace = std::function<bool(uint64_t send_at_ms)>;
// By the world's clock, for devices that live in it.
bool in_real_time(uint64_t send_at_ms);
// For simulated devices, whose time is not the world's.
bool without_waiting(uint64_t send_at_ms);

// Pays into the own account. PAY_BACK_PENDING: finish_pay_back first. GUARDIAN_LATE: nothing was
// sent; finish_pay_back sends it another time.
absl::StatusOr<protocol::Receipt> pay_back(wallet::Wallet& wallet, Backend& backend,
                                           std::string_view currency, uint64_t amount,
                                           const Pace& pace);
absl::StatusOr<std::optional<protocol::Receipt>> finish_pay_back(wallet::Wallet& wallet,
                                                                 Backend& backend,
                                                                 const Pace& pace);

// Hands in what waits at the terminal, in batches of at most `batch`, as long as `least` payments
// or more wait; the receipts. Once a day the terminal forgets what it need not keep. Each trip
// brings the issuer's hotlist.
absl::StatusOr<std::vector<protocol::Receipt>> deposit(pos::Terminal& terminal, Backend& backend,
                                                       size_t least, size_t batch);

}  // namespace cafe::host
