// How a minted coin pays: terms, and the answers to them.
#pragma once

#include "libs/protocol/payment.h"
#include "loadtest/generator/coin_lanes.h"

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

// What a terminal asks for one slot of a coin.
protocol::Terms terms_for(const Terminal& terminal, const protocol::Denomination& denomination,
                          uint32_t slot, uint64_t time_ms, const protocol::Bytes16& nonce);

// The payment of `signed_terms` with one slot of a coin: d, then r1 = d·sw + y1 and r2 = d·s + y2
// (section 5, with guardian and wallet in one hand).
protocol::Payment pay(const MintedCoin& coin, uint32_t slot,
                      const protocol::Denomination& denomination,
                      protocol::SignedDocument signed_terms);

// Ways in which a payment can be wrong, each refused for another reason.
enum class Fault : uint8_t {
  kAnswer,     // r1: SPEND_INVALID
  kCoin,       // r': COIN_INVALID
  kPath,       // B of another slot: BAD_PATH
  kSignature,  // of the terms: BAD_SIGNATURE
  kAmount,     // in the signed terms: AMOUNT_MISMATCH
  kTruncated,  // the encoding: TRUNCATED
  kCount,
};
// The reason with which a deposit must refuse it.
std::string_view reason_of_fault(Fault fault);
// Spoils a payment that was valid, kAmount and kTruncated aside: the first must be in the terms
// before they are signed, the second is done to the encoding.
void spoil(protocol::Payment& payment, Fault fault);

}  // namespace cafe::loadtest
