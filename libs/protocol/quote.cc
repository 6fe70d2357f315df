#include "libs/protocol/quote.h"

#include "libs/protocol/amount.h"
#include "libs/protocol/denomination.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/hash.h"

namespace cafe::protocol {

namespace {

absl::Status bad_rate() {
  return invalid("BAD_RATE", "A rate of exchange is a fraction of two numbers above 0.");
}

}  // namespace

Bytes Quote::encode() const {
  return Frame("cafe/v1/quote")
      .add(acquirer_id)
      .add(coin_currency)
      .add(terms_currency)
      .add_u64(numerator)
      .add_u64(denominator)
      .add_u8(static_cast<uint8_t>(rounding))
      .add_u64(valid_from_ms)
      .add_u64(valid_until_ms)
      .take();
}

absl::StatusOr<Quote> Quote::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/quote", bytes));
  Quote out;
  CAFE_ASSIGN_OR_RETURN(out.acquirer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(out.coin_currency, in.text());
  CAFE_ASSIGN_OR_RETURN(out.terms_currency, in.text());
  CAFE_ASSIGN_OR_RETURN(out.numerator, in.u64());
  CAFE_ASSIGN_OR_RETURN(out.denominator, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint8_t rounding, in.u8());
  CAFE_ASSIGN_OR_RETURN(out.valid_from_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(out.valid_until_ms, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_RETURN_IF_ERROR(check_currency(out.coin_currency));
  CAFE_RETURN_IF_ERROR(check_currency(out.terms_currency));
  if (out.numerator == 0 || out.denominator == 0) return bad_rate();
  if (rounding > static_cast<uint8_t>(Rounding::kUp)) {
    return invalid("BAD_ROUNDING", "A quote rounds down (0), half up (1) or up (2).");
  }
  out.rounding = static_cast<Rounding>(rounding);
  if (out.valid_from_ms >= out.valid_until_ms) {
    return invalid("BAD_DATES", "A quote must be valid for some time.");
  }
  return out;
}

Bytes32 Quote::id() const { return sha256(encode()); }

absl::StatusOr<uint64_t> Quote::convert(uint64_t coin_amount) const {
  if (numerator == 0 || denominator == 0) return bad_rate();
  using Wide = unsigned __int128;  // holds any product of two u64
  const Wide product = Wide{coin_amount} * numerator;
  Wide result = product / denominator;
  const Wide rest = product % denominator;
  const bool up = rounding == Rounding::kUp       ? rest > 0
                  : rounding == Rounding::kHalfUp ? rest * 2 >= denominator
                                                  : false;
  if (up) ++result;
  if (result > UINT64_MAX) return checked_add(UINT64_MAX, 0);
  return checked_add(static_cast<uint64_t>(result), 0);
}

}  // namespace cafe::protocol
