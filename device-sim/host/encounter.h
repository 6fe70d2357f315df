// A customer at a shop or on the phone: wallet and terminal over a bad line, until the payment is
// decided, or the call is over, on both sides. The devices' time is not the world's: nothing waits.
#pragma once

#include <functional>

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
  bool paid = false;  // calls: the call was opened
  protocol::Bytes32 terms_digest{};
  absl::Status declined;       // why the wallet or the terminal did not go through with it
  uint64_t transmissions = 0;  // frames on the line, repetitions included
  uint32_t contacts = 0;       // how often the devices were held together
  bool authorized = false;     // on line, above the off-line limit
  protocol::Bytes payment;     // as the terminal took it, once it did
  uint32_t ticks = 0;          // calls: that the terminal holds
};

// Pays `amount` of `currency`. `seed` fixes the line's faults. Errors only where a device is
// broken; a payment that is declined is a result.
absl::StatusOr<EncounterResult> pay(wallet::Wallet& wallet, pos::Terminal& terminal,
                                    Backend& backend, std::string_view currency, uint64_t amount,
                                    const LineOptions& line, const std::string& seed,
                                    uint64_t now_ms);
// Goes on with a bill of this terminal that an interruption left undecided.
absl::StatusOr<EncounterResult> resume(wallet::Wallet& wallet, pos::Terminal& terminal,
                                       Backend& backend, const protocol::Bytes32& terms_digest,
                                       const LineOptions& line, const std::string& seed,
                                       uint64_t now_ms);

struct CallTariff {
  uint64_t tick_value = 10;  // minor units
  uint32_t most_ticks = 360;
  std::string unit = "10 s";  // what a tick buys
  // Of the devices' time, between two ticks. At 0 each is asked for as soon as the last one came,
  // so that one more is on its way when the caller hangs up.
  uint32_t tick_interval_ms = 0;
};
// What happens after a tick, given how many there were; asked after each. Once somebody hung up, it
// is not asked again.
enum class AfterTick { kGoOn, kCallerHangsUp, kPayphoneHangsUp };
using Conversation = std::function<AfterTick(uint32_t ticks)>;
// A conversation of so many ticks.
Conversation hang_up_after(uint32_t ticks, AfterTick who);

// A call until somebody hangs up or the ticks are used up.
absl::StatusOr<EncounterResult> call(wallet::Wallet& wallet, pos::Terminal& terminal,
                                     std::string_view currency, const CallTariff& tariff,
                                     const Conversation& conversation, const LineOptions& line,
                                     const std::string& seed, uint64_t now_ms);
// The caller hangs up a call that an interruption left open, once a tick that her guardian released
// before has arrived.
absl::StatusOr<EncounterResult> end_call(wallet::Wallet& wallet, pos::Terminal& terminal,
                                         const protocol::Bytes32& terms_digest,
                                         const LineOptions& line, const std::string& seed,
                                         uint64_t now_ms);

// The terminal shows its lists, so that the wallet may withdraw from them.
absl::Status show_lists(wallet::Wallet& wallet, pos::Terminal& terminal, const LineOptions& line,
                        const std::string& seed, uint64_t now_ms);

}  // namespace cafe::host
