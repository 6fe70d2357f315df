// Claims (section 8): the holder of a lost coin shows that it is the unblinding of the issuer's own
// recorded session.
#pragma once

#include "libs/protocol/withdrawal.h"

namespace cafe::protocol {

// The issuer's record of one completed session on m.
struct Session {
  DenomId denom_id;
  Point m;
  Point z;
  Clause clause;  // the answered one
  Scalar c;       // its challenge
  Scalar r;       // the answer
};

// What the claimant opens.
struct Unblinding {
  Scalar s;
  Scalar u, v;  // of the answered clause
};

// The coin of (A, root, Z) that a session yields: A = s·m, Z = s·z, a' = u·a + v·G, b' = (s·u)·b +
// v·A, r' = r·u + v, and c·u = c' (CLAIM_INVALID). Its denomination is the session's, whatever the
// claimant calls it.
absl::StatusOr<Coin> open_session(const Session& session, const Unblinding& opening, const Point& A,
                                  const Bytes32& root, const Point& Z);

// What of that takes multiplications of points; empty for the identity.
struct SessionProducts {
  std::optional<Point> A;  // s·m
  std::optional<Point> Z;  // s·z
  std::optional<Point> a;  // u·a + v·G
  std::optional<Point> b;  // (s·u)·b + v·A
};
// The same where they are known.
absl::StatusOr<Coin> open_session(const Session& session, const Unblinding& opening, const Point& A,
                                  const Bytes32& root, const Point& Z,
                                  const SessionProducts& products);

// The coin is that one (CLAIM_INVALID).
absl::Status check_claim(const Coin& coin, const Session& session, const Unblinding& opening);

}  // namespace cafe::protocol
