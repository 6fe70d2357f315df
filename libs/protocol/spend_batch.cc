#include "libs/protocol/spend_batch.h"

#include <algorithm>
#include <map>

#include "libs/protocol/hash.h"
#include "libs/protocol/p256_var/jacobian_var.h"
#include "libs/protocol/p256_var/multiply_var.h"
#include "libs/protocol/p256_var/points_var.h"

namespace cafe::protocol {

using p256_var::AffinePoint;
using p256_var::Limbs;

bool spend_holds(const Coin& coin, const Spend& spend, const Scalar& d) {
  return combination_equals({{spend.r1, g1()}, {spend.r2, g2()}, {-d, coin.A}}, spend.B);
}

size_t SpendBatch::add_coin(const Coin& coin, const Denomination& denomination, const Scalar& c) {
  CoinEntry& entry = coins_.emplace_back();
  entry.coin = &coin;
  entry.denomination = &denomination;
  entry.c = c;
  return coins_.size() - 1;
}

size_t SpendBatch::add_spend(size_t coin, const Spend& spend, const Scalar& d) {
  spends_.push_back({.spend = &spend, .d = d});
  coins_[coin].spends.push_back(spends_.size() - 1);
  return spends_.size() - 1;
}

// A stream of 128-bit numbers: SHA-512(seed ‖ u64 0), SHA-512(seed ‖ u64 1), ...
class SpendBatch::Coefficients {
 public:
  explicit Coefficients(const Bytes32& seed) {
    std::copy(seed.begin(), seed.end(), input_.begin());
  }
  Limbs next() {
    if (used_ == block_.size()) {
      const auto counter = encode_u64(counter_++);
      std::copy(counter.begin(), counter.end(), input_.begin() + 32);
      block_ = sha512(input_);
      used_ = 0;
    }
    const std::span<const uint8_t> at = std::span(block_).subspan(used_);
    used_ += 16;
    return {decode_u64(at.first<8>()), decode_u64(at.subspan<8, 8>()), 0, 0};
  }

 private:
  std::array<uint8_t, 40> input_{};
  uint64_t counter_ = 0;
  Bytes64 block_{};
  size_t used_ = 64;
};

// Everything that the equations are made of: c' is a hash of the coin but for r', d one of the
// coin's id, the slot and the terms.
Bytes SpendBatch::transcript() const {
  Bytes out;
  out.reserve(coins_.size() * 2 * Scalar::kSize +
              spends_.size() * (3 * Scalar::kSize + Point::kSize));
  for (const CoinEntry& entry : coins_) {
    append(out, entry.c.bytes());
    append(out, entry.coin->r.bytes());
    for (const size_t s : entry.spends) {
      append(out, spends_[s].d.bytes());
      append(out, spends_[s].spend->B.bytes());
      append(out, spends_[s].spend->r1.bytes());
      append(out, spends_[s].spend->r2.bytes());
    }
  }
  return out;
}

void SpendBatch::weigh(CoinEntry& entry, Coefficients& coefficients) const {
  const auto element = [](const Scalar& scalar) { return Element::from_bytes(scalar.bytes()); };
  const auto add = [&](const Element& k, const Point& P) {
    entry.scalars.push_back(k.to_limbs());
    entry.points.push_back(p256_var::to_affine(P));
  };
  // Coefficients stay short: the point is negated instead.
  const auto subtract = [&](const Limbs& k, const Point& P) {
    entry.scalars.push_back(k);
    entry.points.push_back(-p256_var::to_affine(P));
  };
  entry.scalars.reserve(4 + entry.spends.size());
  entry.points.reserve(4 + entry.spends.size());
  const Coin& coin = *entry.coin;
  const Element r = element(coin.r);
  const Element c = element(entry.c);
  // r'·G - c'·H - a'
  const Limbs first = coefficients.next();
  entry.of_G = Element::from_limbs(first) * r;
  entry.of_H = -(Element::from_limbs(first) * c);
  subtract(first, coin.a);
  // r'·A - c'·Z - b'
  const Limbs second = coefficients.next();
  Element of_A = Element::from_limbs(second) * r;
  add(-(Element::from_limbs(second) * c), coin.Z);
  subtract(second, coin.b);
  for (const size_t s : entry.spends) {
    // r1·G1 + r2·G2 - d·A - B
    const Limbs rho = coefficients.next();
    const Spend& spend = *spends_[s].spend;
    const Element factor = Element::from_limbs(rho);
    entry.of_G1 = entry.of_G1 + factor * element(spend.r1);
    entry.of_G2 = entry.of_G2 + factor * element(spend.r2);
    of_A = of_A - factor * element(spends_[s].d);
    subtract(rho, spend.B);
  }
  add(of_A, coin.A);
}

AffinePoint SpendBatch::sum(Range range) const {
  std::vector<Limbs> scalars;
  std::vector<AffinePoint> points;
  std::map<const Denomination*, Element> of_H;
  Element of_G, of_G1, of_G2;
  for (size_t i = range.begin; i < range.end; ++i) {
    const CoinEntry& entry = coins_[i];
    scalars.insert(scalars.end(), entry.scalars.begin(), entry.scalars.end());
    points.insert(points.end(), entry.points.begin(), entry.points.end());
    Element& h = of_H[entry.denomination];
    h = h + entry.of_H;
    of_G = of_G + entry.of_G;
    of_G1 = of_G1 + entry.of_G1;
    of_G2 = of_G2 + entry.of_G2;
  }
  const auto add = [&](const Element& k, const Point& P) {
    scalars.push_back(k.to_limbs());
    points.push_back(p256_var::to_affine(P));
  };
  for (const auto& [denomination, k] : of_H) add(k, denomination->H);
  add(of_G, g());
  add(of_G1, g1());
  add(of_G2, g2());
  return p256_var::multiply_sum(scalars, points);
}

// Coins and spends: a coin may have no spend left that is worth a look.
size_t SpendBatch::count_equations(Range range) const {
  size_t count = range.end - range.begin;
  for (size_t i = range.begin; i < range.end; ++i) count += coins_[i].spends.size();
  return count;
}

void SpendBatch::check_one_by_one(Range range) {
  for (size_t i = range.begin; i < range.end; ++i) {
    CoinEntry& entry = coins_[i];
    entry.valid = coin_holds(*entry.coin, *entry.denomination, entry.c);
    wrong_ += entry.valid ? 0 : 1;
    // Who spends an invalid coin spends nothing.
    for (const size_t s : entry.spends) {
      SpendEntry& spend = spends_[s];
      spend.valid = entry.valid && spend_holds(*entry.coin, *spend.spend, spend.d);
      wrong_ += spend.valid ? 0 : 1;
    }
  }
}

namespace {

// So few spends cost less one by one than their sum does.
constexpr size_t kLeastForSum = 3;
// Coins that share a sum: more would make it no cheaper for each, and halving longer.
constexpr size_t kCoinsAtOnce = 2048;

// A group of so few equations, among which one is wrong, costs less one by one than halved further:
// the more so the more are wrong.
size_t least_to_halve(size_t wrong_so_far) { return wrong_so_far < 8 ? 8 : 32; }

// Where most of what was judged is wrong, somebody means it, and halving would find no end.
bool is_hopeless(size_t wrong, size_t judged) { return wrong >= 64 && 2 * wrong > judged; }

}  // namespace

void SpendBatch::find_wrong(Range range, const AffinePoint& sum_of_range) {
  const size_t equations = count_equations(range);
  if (sum_of_range.is_identity()) {
    judged_ += equations;
    return;
  }
  if (range.end - range.begin == 1 || equations <= least_to_halve(wrong_) ||
      is_hopeless(wrong_, judged_)) {
    check_one_by_one(range);
    judged_ += equations;
    return;
  }
  const size_t middle = (range.begin + range.end) / 2;
  const Range first{range.begin, middle};
  const Range second{middle, range.end};
  const AffinePoint sum_of_first = sum(first);
  const AffinePoint sum_of_second =
      (p256_var::JacobianPoint(sum_of_range) + -sum_of_first).to_affine();
  find_wrong(first, sum_of_first);
  find_wrong(second, sum_of_second);
}

void SpendBatch::check() {
  if (coins_.size() < kLeastForSum && spends_.size() < kLeastForSum) {
    return check_one_by_one({0, coins_.size()});
  }
  Coefficients coefficients(digest(Frame("cafe/v1/spend-batch").add(transcript())));
  for (size_t begin = 0; begin < coins_.size(); begin += kCoinsAtOnce) {
    const Range range{begin, std::min(begin + kCoinsAtOnce, coins_.size())};
    for (size_t i = range.begin; i < range.end; ++i) weigh(coins_[i], coefficients);
    find_wrong(range, sum(range));
    for (size_t i = range.begin; i < range.end; ++i) {
      coins_[i].scalars = {};
      coins_[i].points = {};
    }
  }
}

}  // namespace cafe::protocol
