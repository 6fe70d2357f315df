#include "device-sim/firmware/face/amount_text.h"

#include <algorithm>
#include <array>

#include "libs/protocol/amount.h"

namespace cafe::face {

namespace {

// ISO 4217's exceptions from two decimals.
constexpr std::array<std::string_view, 17> kNoDecimals = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY",
                                                          "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
                                                          "VND", "VUV", "XAF", "XOF", "XPF"};
constexpr std::array<std::string_view, 7> kThreeDecimals = {"BHD", "IQD", "JOD", "KWD",
                                                            "LYD", "OMR", "TND"};
constexpr std::array<std::string_view, 2> kFourDecimals = {"CLF", "UYW"};

absl::Status bad_amount(std::string_view currency) {
  std::string message = "Write an amount like ";
  message += amount_text(currency, 1234);
  message += " as digits, with a point before the decimals.";
  return protocol::invalid("BAD_AMOUNT", message);
}

}  // namespace

int minor_digits(std::string_view currency) {
  const auto among = [&](const auto& codes) {
    return std::find(codes.begin(), codes.end(), currency) != codes.end();
  };
  if (among(kNoDecimals)) return 0;
  if (among(kThreeDecimals)) return 3;
  if (among(kFourDecimals)) return 4;
  return 2;
}

std::string number_text(std::string_view currency, uint64_t amount) {
  const auto digits = static_cast<size_t>(minor_digits(currency));
  std::string text = std::to_string(amount);
  if (digits == 0) return text;
  if (text.size() <= digits) text.insert(0, digits + 1 - text.size(), '0');
  text.insert(text.size() - digits, 1, '.');
  return text;
}

std::string amount_text(std::string_view currency, uint64_t amount) {
  std::string text = number_text(currency, amount);
  text += ' ';
  text += currency;
  return text;
}

absl::StatusOr<uint64_t> parse_amount(std::string_view currency, std::string_view text) {
  const size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view decimals =
      point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  const auto digits = static_cast<size_t>(minor_digits(currency));
  const auto numeric = [](std::string_view part) {
    return std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (whole.empty() || !numeric(whole) || !numeric(decimals) || decimals.size() > digits ||
      (point != std::string_view::npos && decimals.empty())) {
    return bad_amount(currency);
  }
  std::string all(whole);
  all += decimals;
  all.append(digits - decimals.size(), '0');
  uint64_t amount = 0;
  for (char c : all) {
    const auto tenfold = protocol::checked_multiply(amount, 10);
    if (!tenfold.ok()) return bad_amount(currency);
    const auto next = protocol::checked_add(*tenfold, static_cast<uint64_t>(c - '0'));
    if (!next.ok()) return bad_amount(currency);
    amount = *next;
  }
  return amount;
}

}  // namespace cafe::face
