#include "libs/protocol/claim.h"

namespace cafe::protocol {

namespace {

absl::Status claim_invalid() {
  return invalid("CLAIM_INVALID",
                 "The claimed coin is not the one that this order's session yields.");
}

}  // namespace

absl::StatusOr<Coin> open_session(const Session& session, const Unblinding& opening, const Point& A,
                                  const Bytes32& root, const Point& Z) {
  const auto& [s, u, v] = opening;
  const Scalar su = s * u;
  const std::vector<Term> sums[] = {{{s, session.m}},
                                    {{s, session.z}},
                                    {{u, session.clause.a}, {v, g()}},
                                    {{su, session.clause.b}, {v, A}}};
  const auto points = linear_combinations(sums);
  if (!points.ok()) return claim_invalid();
  return open_session(session, opening, A, root, Z,
                      {(*points)[0], (*points)[1], (*points)[2], (*points)[3]});
}

absl::StatusOr<Coin> open_session(const Session& session, const Unblinding& opening, const Point& A,
                                  const Bytes32& root, const Point& Z,
                                  const SessionProducts& products) {
  if (products.A != A || products.Z != Z || !products.a || !products.b) return claim_invalid();
  const auto& [s, u, v] = opening;
  const Coin coin{session.denom_id, A, root, Z, *products.a, *products.b, session.r * u + v};
  if (session.c * u != coin.challenge()) return claim_invalid();
  return coin;
}

absl::Status check_claim(const Coin& coin, const Session& session, const Unblinding& opening) {
  CAFE_ASSIGN_OR_RETURN(const Coin opened,
                        open_session(session, opening, coin.A, coin.root, coin.Z));
  // The name of the coin counts too: the challenge covers it, but a coin that names a dearer
  // denomination than its session's unblinds just as well.
  return opened == coin ? absl::OkStatus() : claim_invalid();
}

}  // namespace cafe::protocol
