// A customer at a shop: wallet and terminal over a bad line, until the payment is decided on both
// sides.
#pragma once

#include "device-sim/firmware/pos/terminal.h"
#include "device-sim/firmware/wallet/wallet.h"
#include "device-sim/host/backend.h"
#include "device-sim/link/lossy_medium.h"

namespace cafe::host {

struct LineOptions {
  link::Faults faults{.drop = 20, .duplicate = 10, .corrupt = 10, .reorder = 10};  // per mille
  uint32_t cut_per_mille = 30;  // of contacts, which break off somewhere in the middle
};

struct EncounterResult {
  bool paid = false;
  absl::Status declined;       // why the wallet or the terminal did not go through with it
  uint64_t transmissions = 0;  // frames on the line, repetitions included
  uint32_t contacts = 0;       // how often the devices were held together
  bool authorized = false;     // on line, above the off-line limit
  protocol::Bytes payment;     // as the terminal accepted it
};

// Pays `amount` of `currency`. `seed` fixes the line's faults. Errors only where a device is
// broken; a payment that is declined is a result.
absl::StatusOr<EncounterResult> pay(wallet::Wallet& wallet, pos::Terminal& terminal,
                                    Backend& backend, std::string_view currency, uint64_t amount,
                                    const LineOptions& line, const std::string& seed,
                                    uint64_t now_ms);

// What a payphone asks for.
struct CallTariff {
  uint64_t tick_value;  // minor units
  uint32_t most_ticks;
  std::string unit;  // "10 s"
};

enum class HangUp { kCaller, kPayphone };

struct CallResult {
  uint32_t ticks = 0;     // that the terminal took
  absl::Status declined;  // why the call was never opened
  uint64_t transmissions = 0;
  uint32_t contacts = 0;
  protocol::Bytes payment;  // as the terminal accepted it, without a tick
};

// Talks for `ticks` ticks, or for as many as the call can take where that is fewer, over a line
// that may be cut in the middle; then one side hangs up.
absl::StatusOr<CallResult> call(wallet::Wallet& wallet, pos::Terminal& terminal, Backend& backend,
                                std::string_view currency, const CallTariff& tariff, uint32_t ticks,
                                HangUp hang_up, const LineOptions& line, const std::string& seed,
                                uint64_t now_ms);

// The terminal shows its lists, so that the wallet may withdraw from them.
absl::Status show_lists(wallet::Wallet& wallet, pos::Terminal& terminal, const LineOptions& line,
                        const std::string& seed, uint64_t now_ms);

}  // namespace cafe::host
