#include "libs/protocol/coin.h"

#include "libs/protocol/hash.h"

namespace cafe::protocol {

CoinId coin_id(const DenomId& denom_id, const Point& A, const Bytes32& root) {
  return CoinId{digest(Frame("cafe/v1/coin-id").add(denom_id).add(A).add(root))};
}

Scalar coin_challenge(const DenomId& denom_id, const Point& A, const Bytes32& root, const Point& Z,
                      const Point& a, const Point& b) {
  return hash_to_scalar(Frame("cafe/v1/coin").add(denom_id).add(A).add(root).add(Z).add(a).add(b));
}

CoinId Coin::id() const { return coin_id(denom_id, A, root); }

Scalar Coin::challenge() const { return coin_challenge(denom_id, A, root, Z, a, b); }

Bytes Coin::encode() const {
  return Frame("cafe/v1/coin-file")
      .add(denom_id)
      .add(A)
      .add(root)
      .add(Z)
      .add(a)
      .add(b)
      .add(r)
      .take();
}

absl::StatusOr<Coin> Coin::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/coin-file", bytes));
  CAFE_ASSIGN_OR_RETURN(DenomId denom_id, in.id<DenomId>());
  CAFE_ASSIGN_OR_RETURN(Point A, in.point());
  CAFE_ASSIGN_OR_RETURN(Bytes32 root, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(Point Z, in.point());
  CAFE_ASSIGN_OR_RETURN(Point a, in.point());
  CAFE_ASSIGN_OR_RETURN(Point b, in.point());
  CAFE_ASSIGN_OR_RETURN(Scalar r, in.scalar());
  CAFE_RETURN_IF_ERROR(in.finish());
  return Coin{denom_id, A, root, Z, a, b, r};
}

absl::Status coin_invalid() {
  return invalid("COIN_INVALID", "A coin was not signed by its issuer: refuse it.");
}

bool coin_holds(const Coin& coin, const Denomination& denomination, const Scalar& c) {
  const Scalar minus_c = -c;
  return combination_equals({{coin.r, g()}, {minus_c, denomination.H}}, coin.a) &&
         combination_equals({{coin.r, coin.A}, {minus_c, coin.Z}}, coin.b);
}

absl::Status check_coin(const Coin& coin, const Denomination& denomination) {
  if (coin.denom_id != denomination.id() || !coin_holds(coin, denomination, coin.challenge())) {
    return coin_invalid();
  }
  return absl::OkStatus();
}

}  // namespace cafe::protocol
