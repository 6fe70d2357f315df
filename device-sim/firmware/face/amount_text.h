// Sums of money as people write them: with the decimals that ISO 4217 gives each currency.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "libs/protocol/status.h"

namespace cafe::face {

// Decimals of the minor unit: EUR 2, JPY 0, KWD 3; 2 for codes that are not known.
int minor_digits(std::string_view currency);

// "12.50", "1250", "1.250".
std::string number_text(std::string_view currency, uint64_t amount);
// "12.50 EUR".
std::string amount_text(std::string_view currency, uint64_t amount);

// The reverse of number_text, which may leave out decimals: "12.5", "12". BAD_AMOUNT where it is no
// number, has more decimals than the currency, or does not fit 2^63 - 1.
absl::StatusOr<uint64_t> parse_amount(std::string_view currency, std::string_view text);

}  // namespace cafe::face
