#include "libs/protocol/claim.h"

namespace cafe::protocol {

absl::Status check_claim(const Coin& coin, const Session& session, const Unblinding& opening) {
  const auto& [s, u, v] = opening;
  const Scalar su = s * u;
  // The name of the coin comes first: the challenge covers it, but it is the claimant's word, and a
  // coin that names a dearer denomination than its session's unblinds just as well.
  if (coin.denom_id != session.denom_id || !combination_equals({{s, session.m}}, coin.A) ||
      !combination_equals({{s, session.z}}, coin.Z) ||
      !combination_equals({{u, session.clause.a}, {v, g()}}, coin.a) ||
      !combination_equals({{su, session.clause.b}, {v, coin.A}}, coin.b) ||
      session.c * u != coin.challenge() || coin.r != session.r * u + v) {
    return invalid("CLAIM_INVALID",
                   "The claimed coin is not the one that this order's session yields.");
  }
  return absl::OkStatus();
}

}  // namespace cafe::protocol
