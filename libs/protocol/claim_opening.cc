// From what a claim shows of its coins to the coins (section 8): one by one, or many at once, which
// share most of what multiplications cost.
#include "absl/container/flat_hash_map.h"
#include "libs/protocol/claim_documents.h"
#include "libs/protocol/p256_var/multiples_var.h"
#include "libs/protocol/p256_var/points_var.h"
#include "libs/protocol/p256_var/two_terms_var.h"

namespace cafe::protocol {

namespace {

using p256_var::AffinePoint;
using p256_var::Limbs;
using p256_var::load_limbs;
using p256_var::to_affine;
using p256_var::to_point;

absl::Status check_denomination(const ClaimedCoin& claimed, const Session& session) {
  // What the claimant calls the coin decides what it is worth, so it must be the session's name.
  if (claimed.denom_id != session.denom_id) {
    return invalid("WRONG_DENOMINATION",
                   "The claimed coin is of another denomination than the session that made it.");
  }
  return absl::OkStatus();
}

// Below this, one by one is cheaper.
constexpr size_t kLeastForBatch = 24;

// scalars[i]·bases[i] for each i. All coins of an account have one m, and all of a denomination one
// z, so that few bases are different.
std::vector<AffinePoint> multiply_each(std::span<const Limbs> scalars,
                                       std::span<const Point* const> bases) {
  absl::flat_hash_map<std::string_view, std::vector<size_t>> by_base;
  for (size_t i = 0; i < bases.size(); ++i) {
    const Point::Encoding& bytes = bases[i]->bytes();
    by_base[{reinterpret_cast<const char*>(bytes.data()), bytes.size()}].push_back(i);
  }
  std::vector<AffinePoint> products(scalars.size());
  std::vector<Limbs> of_base;
  for (const auto& [bytes, places] : by_base) {
    of_base.clear();
    for (const size_t i : places) of_base.push_back(scalars[i]);
    const std::vector<AffinePoint> sums =
        p256_var::multiples_of(to_affine(*bases[places.front()]), of_base);
    for (size_t n = 0; n < places.size(); ++n) products[places[n]] = sums[n];
  }
  return products;
}

// The products of all coins.
std::vector<SessionProducts> multiply_all(std::span<const ClaimedCoin> claimed,
                                          std::span<const Session> sessions) {
  std::vector<Limbs> s;
  std::vector<const Point*> m;
  std::vector<const Point*> z;
  std::vector<p256_var::TwoTerms> sums;  // a' and b' of each
  const AffinePoint base = to_affine(g());
  for (size_t i = 0; i < claimed.size(); ++i) {
    const Unblinding& opening = claimed[i].opening;
    const Session& session = sessions[i];
    s.push_back(load_limbs(opening.s.bytes()));
    m.push_back(&session.m);
    z.push_back(&session.z);
    const Limbs v = load_limbs(opening.v.bytes());
    const Scalar su = opening.s * opening.u;
    sums.push_back({load_limbs(opening.u.bytes()), to_affine(session.clause.a), v, base});
    sums.push_back(
        {load_limbs(su.bytes()), to_affine(session.clause.b), v, to_affine(claimed[i].A)});
  }
  const std::vector<AffinePoint> A = multiply_each(s, m);
  const std::vector<AffinePoint> Z = multiply_each(s, z);
  const std::vector<AffinePoint> a_b = p256_var::sums_of_two(sums);
  std::vector<SessionProducts> products;
  for (size_t i = 0; i < claimed.size(); ++i) {
    products.push_back(
        {to_point(A[i]), to_point(Z[i]), to_point(a_b[2 * i]), to_point(a_b[2 * i + 1])});
  }
  return products;
}

}  // namespace

absl::StatusOr<Coin> open_claimed_coin(const ClaimedCoin& claimed, const Session& session) {
  CAFE_RETURN_IF_ERROR(check_denomination(claimed, session));
  return open_session(session, claimed.opening, claimed.A, claimed.root, claimed.Z);
}

std::vector<absl::StatusOr<Coin>> open_claimed_coins_var(std::span<const ClaimedCoin> claimed,
                                                         std::span<const Session> sessions) {
  std::vector<absl::StatusOr<Coin>> coins;
  coins.reserve(claimed.size());
  if (claimed.size() < kLeastForBatch) {
    for (size_t i = 0; i < claimed.size(); ++i) {
      coins.push_back(open_claimed_coin(claimed[i], sessions[i]));
    }
    return coins;
  }
  const std::vector<SessionProducts> products = multiply_all(claimed, sessions);
  for (size_t i = 0; i < claimed.size(); ++i) {
    const ClaimedCoin& claim = claimed[i];
    const absl::Status named = check_denomination(claim, sessions[i]);
    coins.push_back(named.ok() ? open_session(sessions[i], claim.opening, claim.A, claim.root,
                                              claim.Z, products[i])
                               : named);
  }
  return coins;
}

}  // namespace cafe::protocol
