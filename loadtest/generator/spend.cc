#include "loadtest/generator/spend.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "libs/protocol/merkle.h"

namespace cafe::loadtest {

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

protocol::Terms terms_for(const Terminal& terminal, const protocol::Denomination& denomination,
                          uint32_t slot, uint64_t time_ms, const protocol::Bytes16& nonce) {
  return {.acquirer_id = terminal.acquirer_id,
          .payee_id = terminal.payee_id,
          .terminal_id = terminal.terminal_id,
          .currency = denomination.currency,
          .amount = denomination.slot_values[slot],
          .time_ms = time_ms,
          .nonce = nonce,
          .quote_id = {}};
}

Payment pay(const MintedCoin& coin, uint32_t slot, const protocol::Denomination& denomination,
            protocol::SignedDocument signed_terms) {
  const uint64_t value = denomination.slot_values[slot];
  const Scalar d = protocol::spend_challenge(
      denomination, value, protocol::spend_digest(coin.id, slot, signed_terms.digest()));
  protocol::Spend spend{.coin = 0,
                        .slot = slot,
                        .value = value,
                        .tick_root = {},
                        .salt = {},
                        .B = coin.B[slot],
                        .path = {},
                        .r1 = d * coin.sw + coin.y[slot][0],
                        .r2 = d * coin.s + coin.y[slot][1],
                        .tick = std::nullopt};
  if (coin.B.size() > 1) {
    spend.path = protocol::merkle_path(protocol::point_leaves(coin.B), slot);
  }
  return {std::move(signed_terms), {coin.coin}, {std::move(spend)}};
}

std::string_view reason_of_fault(Fault fault) {
  switch (fault) {
    case Fault::kAnswer:
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
    case Fault::kCount:
      break;
  }
  return "";
}

void spoil(Payment& payment, Fault fault) {
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
    default:
      break;
  }
}

}  // namespace cafe::loadtest
