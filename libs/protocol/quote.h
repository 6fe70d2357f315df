// A signed rate of exchange of an acquirer, with its rounding (section 5).
#pragma once

#include "libs/protocol/ecdsa.h"

namespace cafe::protocol {

enum class Rounding : uint8_t { kDown = 0, kHalfUp = 1, kUp = 2 };

// frame("cafe/v1/quote", acquirer id, coin currency, terms currency, u64 numerator, u64
// denominator, u8 rounding, u64 valid_from_ms, u64 valid_until_ms): amount in terms currency = coin
// amount · numerator / denominator, in minor units.
struct Quote {
  std::string acquirer_id;
  std::string coin_currency;
  std::string terms_currency;
  uint64_t numerator;
  uint64_t denominator;
  Rounding rounding;
  uint64_t valid_from_ms;
  uint64_t valid_until_ms;

  Bytes encode() const;
  // BAD_CURRENCY, BAD_RATE (a zero), BAD_ROUNDING, BAD_DATES.
  static absl::StatusOr<Quote> decode(ByteView bytes);
  Bytes32 id() const;  // SHA-256 of the frame: the terms' quote id
  // AMOUNT_OVERFLOW where the result does not fit.
  absl::StatusOr<uint64_t> convert(uint64_t coin_amount) const;
};

}  // namespace cafe::protocol
