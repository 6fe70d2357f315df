// How a minted coin or cheque pays: terms, and the answers to them.
#pragma once

#include "loadtest/generator/call_ticks.h"
#include "loadtest/generator/coin_lanes.h"
#include "loadtest/generator/money_mix.h"

namespace cafe::loadtest {

// A terminal as `cafectl terminal enrol --out` writes it, with its key.
struct Terminal {
  std::string acquirer_id;
  protocol::PayeeId payee_id;
  protocol::TerminalId terminal_id;
  protocol::SigningKey key;
};

// Errors: BAD_FILE with the path.
absl::StatusOr<Terminal> read_terminal(const std::string& path);

// What one payment is made of, before anybody has asked for it.
struct SlotToSpend {
  const protocol::Denomination* denomination = nullptr;  // lives as long as what made the slot
  std::shared_ptr<const MintedCoin> coin{};
  uint32_t slot = 0;
  uint64_t value = 0;                // minor units that the terms must ask for; 0 for a call
  protocol::Bytes salt{};            // of a cheque, 32 bytes; else empty
  const CallTicks* ticks = nullptr;  // of a call, which pays as much as its cheque is good for
  uint32_t shown = 0;                // the last tick that is shown
};

// What a terminal asks for a slot.
protocol::Terms terms_for(const Terminal& terminal, const SlotToSpend& slot, uint64_t time_ms,
                          const protocol::Bytes16& nonce);

// The payment of `signed_terms` with a slot: d, then r1 = d·sw + y1 and r2 = d·s + y2 (section 5,
// with guardian and wallet in one hand). A call shows its last tick, or, while it is only opened,
// none.
protocol::Payment pay(const SlotToSpend& slot, protocol::SignedDocument signed_terms,
                      bool shows_tick = true);

// Ways in which a payment can be wrong, each refused for a reason. The first six fit every kind of
// money.
enum class Fault : uint8_t {
  kAnswer,     // r1: SPEND_INVALID
  kCoin,       // r': COIN_INVALID
  kPath,       // B of another slot: BAD_PATH
  kSignature,  // of the terms: BAD_SIGNATURE
  kAmount,     // in the signed terms: AMOUNT_MISMATCH
  kTruncated,  // the encoding: TRUNCATED
  kValue,      // of a cheque, in it and in the terms, after it was written out: SPEND_INVALID
  kSalt,       // of a cheque or call: SPEND_INVALID
  kTick,       // of a call, shown as another one: BAD_TICK
  kCount,
};
// Those that fit a kind of money, the first six in front.
std::span<const Fault> faults_of(Money money);
// The reason with which a deposit must refuse it.
std::string_view reason_of_fault(Fault fault);
// Spoils what must be wrong in the terms before they are signed (kAmount, kValue), and the payment
// of them, which was valid. kTruncated is done to the encoding.
void spoil(protocol::Terms& terms, const SlotToSpend& slot, Fault fault);
void spoil(protocol::Payment& payment, const SlotToSpend& slot, Fault fault);

}  // namespace cafe::loadtest
