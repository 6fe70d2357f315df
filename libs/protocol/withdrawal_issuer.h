// The issuer's half of a withdrawal (section 4). State, debits and the chain of orders are the
// withdrawal service's; what must never be got wrong in the arithmetic is here.
#pragma once

#include "libs/protocol/withdrawal.h"

namespace cafe::protocol {

// A denomination with its secret key.
struct DenominationKey {
  Denomination denomination;
  DenomId id;
  Scalar x;

  // KEY_MISMATCH where x·G is not the denomination's H.
  static absl::StatusOr<DenominationKey> create(const Denomination& denomination, const Scalar& x);
};

// Everything that an order's nonces hang on, apart from the coin's own place. [guard]
struct NonceScope {
  AccountId account;
  uint64_t order;
  uint64_t time_slot;
  Bytes32 lineage;  // digest of the database's system identifier, timeline and epoch: see
                    // lineage_digest
};

// digest("cafe/v1/lineage", u64 system identifier, u32 timeline, 16-byte epoch).
Bytes32 lineage_digest(uint64_t system_identifier, uint32_t timeline, const Bytes16& epoch);

// The issuer's secret from which nonces, clause choices and MACs derive, each under a label of its
// own.
class IssuerSecret {
 public:
  explicit IssuerSecret(const Seed& seed) : seed_(seed) {}
  // w for coin i of a denomination and clause β: prf_scalar(seed, "cafe/v1/nonce", account, N, time
  // slot, lineage, denom_id, i, β).
  Scalar nonce(const NonceScope& scope, const DenomId& denom_id, uint32_t i, uint8_t beta) const;
  // β: one bit of a PRF over the scope, the denomination, i and the digest of the whole signed
  // order [guard: all of it].
  uint8_t clause(const NonceScope& scope, const DenomId& denom_id, uint32_t i,
                 const Bytes32& order_digest) const;
  // The MAC of an answer to Open, its own field aside, under `lineage`.
  Bytes32 answer_mac(const OpenAnswer& answer, const Bytes32& lineage) const;

 private:
  Seed seed_;
};

// m of the account for each line's kind.
const Point& m_for(Kind kind, const IdentityPoints& points);

// Answers Open: `keys` are the lines' keys in order. `known_z`: empty, or for each line z = x·m of
// its key and of m_for(its kind, points) where the caller has kept it, which saves a
// multiplication. Checks nothing but the lines' rules and that keys fit (BAD_ORDER).
absl::StatusOr<OpenAnswer> issuer_open(const IssuerSecret& secret, std::string_view issuer_id,
                                       const NonceScope& scope, const IdentityPoints& points,
                                       std::span<const OrderLine> lines,
                                       std::span<const DenominationKey* const> keys,
                                       std::span<const std::optional<Point>> known_z = {});

// Whether `answer` is this issuer's own, given under `scope.lineage` (NOT_OUR_ANSWER,
// FAILED_PRECONDITION: the order is dead, ask for a void).
absl::Status check_own_answer(const IssuerSecret& secret, const OpenAnswer& answer,
                              const Bytes32& lineage);

// [guard] `now_slot` is the time slot of Open or the next (ORDER_TOO_OLD).
absl::Status check_age(uint64_t open_slot, uint64_t now_slot);

// r = c_β·x + w_β for every coin of the order. Only after check_own_answer and check_age, and only
// in the transaction that records the completion: the caller answers one challenge for each nonce,
// ever.
absl::StatusOr<std::vector<CoinResponse>> issuer_respond(
    const IssuerSecret& secret, const Order& order, const Bytes32& order_digest,
    const Bytes32& lineage, std::span<const DenominationKey* const> keys);

}  // namespace cafe::protocol
