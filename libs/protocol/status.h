// Errors of this library, and of everything above it that speaks of the protocol.
//
//   CAFE_ASSIGN_OR_RETURN(Point A, Point::decode(bytes));
//   if (amount == 0) return invalid("AMOUNT_ZERO", "A cheque pays more than nothing: enter an
//   amount.");
//
// Every error carries a code, a machine-readable reason in UPPER_SNAKE and a sentence that says
// what to do. The reason is a payload of the Status, under kReasonUrl. No error ever holds a
// secret.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cafe::protocol {

inline constexpr std::string_view kReasonUrl = "cafe.v1/reason";

absl::Status make_error(absl::StatusCode code, std::string_view reason, std::string_view message);

// The reason attached to `status`, or "" where it has none.
std::string reason_of(const absl::Status& status);

// INVALID_ARGUMENT: the bytes or values themselves are wrong, whatever the state of the world.
absl::Status invalid(std::string_view reason, std::string_view message);
// FAILED_PRECONDITION: well formed, but not now or not here.
absl::Status refused(std::string_view reason, std::string_view message);

}  // namespace cafe::protocol

// NOLINTBEGIN(bugprone-macro-parentheses): `lhs` may declare a variable, which parentheses would break
#define CAFE_CONCAT_INNER_(a, b) a##b
#define CAFE_CONCAT_(a, b) CAFE_CONCAT_INNER_(a, b)

#define CAFE_RETURN_IF_ERROR(expr)                                \
  do {                                                            \
    if (absl::Status cafe_status_ = (expr); !cafe_status_.ok()) { \
      return cafe_status_;                                        \
    }                                                             \
  } while (false)

#define CAFE_ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                                \
  if (!tmp.ok()) {                                  \
    return std::move(tmp).status();                 \
  }                                                 \
  lhs = std::move(tmp).value()
// NOLINTEND(bugprone-macro-parentheses)

// Assigns the value of a StatusOr expression, or returns its error from the enclosing function.
#define CAFE_ASSIGN_OR_RETURN(lhs, expr) \
  CAFE_ASSIGN_OR_RETURN_IMPL_(CAFE_CONCAT_(cafe_statusor_, __LINE__), lhs, expr)
