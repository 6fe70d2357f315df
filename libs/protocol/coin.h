// A coin as everyone may see it (section 4).
#pragma once

#include "libs/protocol/denomination.h"

namespace cafe::protocol {

struct Coin {
  DenomId denom_id;
  Point A;       // s·m
  Bytes32 root;  // Merkle root over B_0 .. B_{k-1}
  Point Z;       // s·z
  Point a, b;    // a', b'
  Scalar r;      // r'

  CoinId id() const;         // digest("cafe/v1/coin-id", denom_id, A, root)
  Scalar challenge() const;  // c'
  // frame("cafe/v1/coin-file", denom_id, A, root, Z, a', b', r')
  Bytes encode() const;
  static absl::StatusOr<Coin> decode(ByteView bytes);
  bool operator==(const Coin&) const = default;
};

CoinId coin_id(const DenomId& denom_id, const Point& A, const Bytes32& root);
Scalar coin_challenge(const DenomId& denom_id, const Point& A, const Bytes32& root, const Point& Z,
                      const Point& a, const Point& b);

// r'·G = c'·H + a' and r'·A = c'·Z + b' (COIN_INVALID).
absl::Status check_coin(const Coin& coin, const Denomination& denomination);
absl::Status coin_invalid();
// The two equations alone, for the coin's challenge c'.
bool coin_holds(const Coin& coin, const Denomination& denomination, const Scalar& c);

}  // namespace cafe::protocol
