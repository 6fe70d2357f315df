// Fields that many documents have, read with their rules.
#pragma once

#include "libs/protocol/denomination.h"
#include "libs/protocol/frame.h"

namespace cafe::protocol {

// An issuer's (or acquirer's) id: BAD_ISSUER_ID.
inline absl::StatusOr<std::string> issuer_field(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, in.text());
  CAFE_RETURN_IF_ERROR(check_issuer_id(issuer_id));
  return issuer_id;
}

// An ISO 4217 code: BAD_CURRENCY.
inline absl::StatusOr<std::string> currency_field(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(std::string currency, in.text());
  CAFE_RETURN_IF_ERROR(check_currency(currency));
  return currency;
}

}  // namespace cafe::protocol
