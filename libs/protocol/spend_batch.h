// The equations of many coins and spends (sections 4 and 5) in one multi-scalar multiplication.
//
// Each equation, brought to the form "this sum is the identity", is multiplied by a coefficient of
// 128 bits of its own, and all are added up: r'·G - c'·H - a', r'·A - c'·Z - b' and r1·G1 + r2·G2 -
// d·A - B. If one of them is wrong, the sum is the identity with probability 2^-128. The
// coefficients are a hash of everything that the equations are made of, so that nobody can choose
// one knowing the other.
//
// Everything here is public and in variable time.
#pragma once

#include "libs/protocol/p256_var/sums_var.h"
#include "libs/protocol/payment.h"

namespace cafe::protocol {

// r1·G1 + r2·G2 = d·A + B, by OpenSSL: as coin_holds for a few, and for those of a batch that
// fails.
bool spend_holds(const Coin& coin, const Spend& spend, const Scalar& d);

class SpendBatch {
 public:
  // A coin whose challenge is c'; its denomination's id was compared already. All that is given
  // must outlive the batch. Returns the coin's number.
  size_t add_coin(const Coin& coin, const Denomination& denomination, const Scalar& c);
  // A spend of coin number `coin` whose challenge is d. Returns the spend's number.
  size_t add_spend(size_t coin, const Spend& spend, const Scalar& d);

  // Checks all; to be called once. Wrong ones are found by halving: of two halves that are summed
  // up with the same coefficients, the second's sum is the whole's less the first's.
  void check();
  bool coin_valid(size_t coin) const { return coins_[coin].valid; }
  bool spend_valid(size_t spend) const { return spends_[spend].valid; }

 private:
  using Element = p256_var::OrderElement;
  struct SpendEntry {
    const Spend* spend;
    Scalar d;
    bool valid = true;
  };
  struct CoinEntry {
    const Coin* coin;
    const Denomination* denomination;
    Scalar c;
    std::vector<size_t> spends;
    bool valid = true;
    // The equations of the coin and its spends, with their coefficients: terms on points of its
    // own, and the multiples of H, G, G1, G2 that all coins share.
    std::vector<p256_var::Limbs> scalars;
    std::vector<p256_var::AffinePoint> points;
    Element of_H, of_G, of_G1, of_G2;
  };
  // Coins by number, from begin up to end, with all their spends.
  struct Range {
    size_t begin, end;
  };
  class Coefficients;

  Bytes transcript() const;
  void weigh(CoinEntry& entry, Coefficients& coefficients) const;
  p256_var::AffinePoint sum(Range range) const;
  void find_wrong(Range range, const p256_var::AffinePoint& sum);
  void check_one_by_one(Range range);
  size_t count_equations(Range range) const;

  std::vector<CoinEntry> coins_;
  std::vector<SpendEntry> spends_;
  // So far: how many coins and spends were judged, and how many of them wrong.
  size_t judged_ = 0;
  size_t wrong_ = 0;
};

}  // namespace cafe::protocol
