#include "loadtest/generator/spend.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "libs/protocol/merkle.h"

namespace cafe::loadtest {

using protocol::Denomination;
using protocol::Payment;
using protocol::Scalar;

absl::StatusOr<Terminal> read_terminal(const std::string& path) {
  std::ifstream in(path);
  const nlohmann::json json = nlohmann::json::parse(in, nullptr, false);
  const auto field = [&](const char* name) -> absl::StatusOr<protocol::Bytes> {
    if (!json.is_object() || !json.contains(name) || !json[name].is_string()) {
      return protocol::invalid("BAD_FILE", path + " is no terminal's file: it has no text \"" +
                                               name + "\". `cafectl terminal enrol` writes one.");
    }
    return protocol::from_hex(json[name].get<std::string>());
  };
  CAFE_ASSIGN_OR_RETURN(const auto secret_bytes, field("secret"));
  CAFE_ASSIGN_OR_RETURN(const auto payee_bytes, field("payee_id"));
  CAFE_ASSIGN_OR_RETURN(const auto terminal_bytes, field("terminal_id"));
  CAFE_ASSIGN_OR_RETURN(const auto secret, Scalar::decode(secret_bytes));
  CAFE_ASSIGN_OR_RETURN(const auto key, protocol::SigningKey::create(secret));
  CAFE_ASSIGN_OR_RETURN(const auto payee, protocol::PayeeId::decode(payee_bytes));
  CAFE_ASSIGN_OR_RETURN(const auto terminal, protocol::TerminalId::decode(terminal_bytes));
  return Terminal{json.value("acquirer_id", ""), payee, terminal, key};
}

protocol::Terms terms_for(const Terminal& terminal, const SlotToSpend& slot, uint64_t time_ms,
                          const protocol::Bytes16& nonce) {
  return {.acquirer_id = terminal.acquirer_id,
          .payee_id = terminal.payee_id,
          .terminal_id = terminal.terminal_id,
          .currency = slot.denomination->currency,
          .amount = slot.value,
          .time_ms = time_ms,
          .nonce = nonce,
          .quote_id = {}};
}

Payment pay(const SlotToSpend& from, protocol::SignedDocument signed_terms, bool shows_tick) {
  const MintedCoin& coin = *from.coin;
  const Denomination& denomination = *from.denomination;
  protocol::Spend spend{.coin = 0,
                        .slot = from.slot,
                        .value = from.value,
                        .tick_root = {},
                        .salt = from.salt,
                        .B = coin.B[from.slot],
                        .path = {},
                        .r1 = {},
                        .r2 = {},
                        .tick = std::nullopt};
  if (from.ticks != nullptr) {
    spend.tick_count = from.ticks->count();
    spend.tick_value = denomination.slot_values[from.slot] / spend.tick_count;
    spend.tick_root = protocol::to_bytes(from.ticks->root());
    if (shows_tick) spend.tick = from.ticks->reveal(from.shown);
  }
  const Scalar d = protocol::spend_challenge(
      denomination, spend.value, protocol::spend_digest(coin.id, from.slot, signed_terms.digest()),
      spend.tick_value, spend.tick_count, spend.tick_root, spend.salt);
  spend.r1 = d * coin.sw + coin.y[from.slot][0];
  spend.r2 = d * coin.s + coin.y[from.slot][1];
  if (coin.B.size() > 1) {
    spend.path = protocol::merkle_path(protocol::point_leaves(coin.B), from.slot);
  }
  return {std::move(signed_terms), {coin.coin}, {std::move(spend)}};
}

namespace {

using enum Fault;
constexpr Fault kCoinFaults[] = {kAnswer, kCoin, kPath, kSignature, kAmount, kTruncated};
constexpr Fault kChequeFaults[] = {kAnswer, kCoin,      kPath,  kSignature,
                                   kAmount, kTruncated, kValue, kSalt};
constexpr Fault kCallFaults[] = {kAnswer, kCoin,      kPath, kSignature,
                                 kAmount, kTruncated, kSalt, kTick};

// What a cheque that was written out for less is presented for, or, where it cannot be more, less.
uint64_t altered_value(const SlotToSpend& slot) {
  const uint64_t most = slot.denomination->slot_values[slot.slot];
  return slot.value < most ? slot.value + 1 : slot.value - 1;
}

}  // namespace

std::span<const Fault> faults_of(Money money) {
  if (money == Money::kCheque) return kChequeFaults;
  if (money == Money::kCall) return kCallFaults;
  return kCoinFaults;
}

std::string_view reason_of_fault(Fault fault) {
  switch (fault) {
    case Fault::kAnswer:
    case Fault::kValue:
    case Fault::kSalt:
      return "SPEND_INVALID";
    case Fault::kCoin:
      return "COIN_INVALID";
    case Fault::kPath:
      return "BAD_PATH";
    case Fault::kSignature:
      return "BAD_SIGNATURE";
    case Fault::kAmount:
      return "AMOUNT_MISMATCH";
    case Fault::kTruncated:
      return "TRUNCATED";
    case Fault::kTick:
      return "BAD_TICK";
    case Fault::kCount:
      break;
  }
  return "";
}

void spoil(protocol::Terms& terms, const SlotToSpend& slot, Fault fault) {
  if (fault == Fault::kAmount) ++terms.amount;
  if (fault == Fault::kValue) terms.amount = altered_value(slot);
}

void spoil(Payment& payment, const SlotToSpend& slot, Fault fault) {
  protocol::Spend& spend = payment.spends.front();
  protocol::Coin& coin = payment.coins.front();
  const Scalar one = Scalar::from_u64(1);
  switch (fault) {
    case Fault::kAnswer:
      spend.r1 = spend.r1 + one;
      break;
    case Fault::kCoin:
      coin.r = coin.r + one;
      break;
    case Fault::kPath:
      spend.B = coin.a;
      break;
    case Fault::kSignature:
      payment.terms.signature[63] ^= 1;
      break;
    case Fault::kValue:
      spend.value = altered_value(slot);
      break;
    case Fault::kSalt:
      spend.salt[0] ^= 1;
      break;
    case Fault::kTick:
      spend.tick->index ^= 1;
      break;
    default:
      break;
  }
}

}  // namespace cafe::loadtest
