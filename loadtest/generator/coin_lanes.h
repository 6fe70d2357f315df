// Coins and cheques of a load-test denomination, made without a withdrawal at the cost of a few
// point additions each. Without a guardian that keeps to its kind both are made alike.
//
//   CAFE_ASSIGN_OR_RETURN(auto lanes, CoinLanes::create(denomination, spenders, 128, rng));
//   CAFE_ASSIGN_OR_RETURN(std::vector<MintedCoin> coins, lanes.next());   // 128 more
//
// The key x is known, and so is every logarithm. A lane is a sequence of coins whose points are in
// arithmetic progression, so the next coin of all lanes costs one batch of affine additions:
//
//   s_i = s_0 + i·δ     A_i = s_i·m = A_0 + i·(δ·m)      Z_i = x·A_i = Z_0 + i·(xδ·m)
//   α_i = α_0 + i       a'_i = α_i·G = a'_0 + i·G        b'_i = α_i·A_i, quadratic in i: by
//                                                        differences e_i = b'_{i+1} - b'_i
//   y_i = y_0 + i·ε     B_i = y1_i·G1 + y2_i·G2 = B_0 + i·(ε1·G1 + ε2·G2), for each slot
//
// r' = c'·x + α then satisfies both equations of section 4. Coins of one lane can be told to be so
// by whoever looks for it; in a load test nobody is hidden.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "libs/protocol/coin.h"
#include "libs/protocol/rng.h"

namespace cafe::loadtest {

// A coin with what its spender knows: A = sw·G1 + s·G2, B_j = y[j][0]·G1 + y[j][1]·G2.
struct MintedCoin {
  protocol::Coin coin;
  protocol::CoinId id;
  protocol::Scalar s, sw;
  std::vector<std::array<protocol::Scalar, 2>> y;
  std::vector<protocol::Point> B;
};

class CoinLanes {
 public:
  // `spenders` are the logarithms of identity points of the denomination's kind (Account); lane i
  // belongs to number i mod their count. Errors: FAILED_PRECONDITION NOT_LOADTEST for any other
  // denomination; IDENTITY_POINT (probability 2^-250).
  static absl::StatusOr<CoinLanes> create(const protocol::Denomination& denomination,
                                          std::span<const protocol::Scalar> spenders, size_t lanes,
                                          protocol::Rng& rng);

  // The next coin of each lane.
  absl::StatusOr<std::vector<MintedCoin>> next();

  const protocol::Denomination& denomination() const { return denomination_; }

 private:
  // The scalars of one lane at its next coin, and what is added to them after it.
  struct Lane {
    protocol::Scalar w;  // of the spender
    protocol::Scalar s, s_step, sw, sw_step;
    protocol::Scalar alpha;
    std::vector<std::array<protocol::Scalar, 2>> y, y_step;
  };
  CoinLanes(const protocol::Denomination& denomination, std::vector<Lane> lanes);
  MintedCoin mint(size_t lane) const;

  protocol::Denomination denomination_;
  protocol::DenomId id_;
  protocol::Scalar x_;
  std::vector<Lane> lanes_;
  // Segments of one point a lane: A, Z, a', b', e, then B of each slot.
  std::vector<protocol::Point> points_, steps_;
};

}  // namespace cafe::loadtest
