#include "libs/protocol/spend_batch.h"

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
  coins_.push_back({.coin = &coin,
                    .denomination = &denomination,
                    .c = c,
                    .spends = {},
                    .rho_G = {},
                    .rho_A = {}});
  return coins_.size() - 1;
}

size_t SpendBatch::add_spend(size_t coin, const Spend& spend, const Scalar& d) {
  spends_.push_back({.spend = &spend, .d = d, .rho = {}});
  coins_[coin].spends.push_back(spends_.size() - 1);
  return spends_.size() - 1;
}

namespace {

// So few cost less one by one than the sum does.
constexpr size_t kLeastForSum = 3;
// In a group that has a wrong one, so few cost less one by one than halving them on.
constexpr size_t kLeastToHalve = 16;

// A stream of 128-bit numbers: SHA-512(seed ‖ u64 0), SHA-512(seed ‖ u64 1), ...
class Coefficients {
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

}  // namespace

// c' is a hash of the coin but for r', and d one of the coin's id, the slot and the terms.
void SpendBatch::draw_coefficients() {
  Bytes transcript;
  transcript.reserve(coins_.size() * 2 * Scalar::kSize +
                     spends_.size() * (3 * Scalar::kSize + Point::kSize));
  for (const CoinEntry& entry : coins_) {
    append(transcript, entry.c.bytes());
    append(transcript, entry.coin->r.bytes());
    for (const size_t s : entry.spends) {
      append(transcript, spends_[s].d.bytes());
      append(transcript, spends_[s].spend->B.bytes());
      append(transcript, spends_[s].spend->r1.bytes());
      append(transcript, spends_[s].spend->r2.bytes());
    }
  }
  Coefficients coefficients(digest(Frame("cafe/v1/spend-batch").add(transcript)));
  for (CoinEntry& entry : coins_) {
    entry.rho_G = coefficients.next();
    entry.rho_A = coefficients.next();
  }
  for (SpendEntry& entry : spends_) entry.rho = coefficients.next();
}

namespace {

using Element = p256_var::OrderElement;

Element element(const Scalar& scalar) { return Element::from_bytes(scalar.bytes()); }

// The terms of one sum. Points that all coins share gather their coefficients.
class Sum {
 public:
  void add(const Element& k, const Point& P) { add(k.to_limbs(), p256_var::to_affine(P)); }
  // Short coefficients stay short: the point is negated instead.
  void subtract(const Limbs& k, const Point& P) { add(k, -p256_var::to_affine(P)); }
  void add_shared(const Element& k, const Point& P) {
    const auto [it, added] = shared_.try_emplace(&P, k);
    if (!added) it->second = it->second + k;
  }
  AffinePoint sum() {
    for (const auto& [P, k] : shared_) add(k, *P);
    shared_.clear();
    return p256_var::multiply_sum(scalars_, points_);
  }

 private:
  void add(const Limbs& k, const AffinePoint& P) {
    scalars_.push_back(k);
    points_.push_back(P);
  }

  std::vector<Limbs> scalars_;
  std::vector<AffinePoint> points_;
  std::map<const Point*, Element> shared_;
};

}  // namespace

AffinePoint SpendBatch::sum(Range range) const {
  Sum terms;
  Element of_G, of_G1, of_G2;
  for (size_t i = range.begin; i < range.end; ++i) {
    const CoinEntry& entry = coins_[i];
    const Coin& coin = *entry.coin;
    const Element rho_G = Element::from_limbs(entry.rho_G);
    const Element rho_A = Element::from_limbs(entry.rho_A);
    const Element r = element(coin.r);
    const Element c = element(entry.c);
    of_G = of_G + rho_G * r;
    terms.add_shared(-(rho_G * c), entry.denomination->H);
    terms.subtract(entry.rho_G, coin.a);
    Element of_A = rho_A * r;
    terms.add(-(rho_A * c), coin.Z);
    terms.subtract(entry.rho_A, coin.b);
    for (const size_t s : entry.spends) {
      const SpendEntry& spend = spends_[s];
      const Element rho = Element::from_limbs(spend.rho);
      of_G1 = of_G1 + rho * element(spend.spend->r1);
      of_G2 = of_G2 + rho * element(spend.spend->r2);
      of_A = of_A - rho * element(spend.d);
      terms.subtract(spend.rho, spend.spend->B);
    }
    terms.add(of_A, coin.A);
  }
  terms.add(of_G, g());
  terms.add(of_G1, g1());
  terms.add(of_G2, g2());
  return terms.sum();
}

size_t SpendBatch::count_spends(Range range) const {
  size_t count = 0;
  for (size_t i = range.begin; i < range.end; ++i) count += coins_[i].spends.size();
  return count;
}

void SpendBatch::check_one_by_one(Range range) {
  for (size_t i = range.begin; i < range.end; ++i) {
    CoinEntry& entry = coins_[i];
    entry.valid = coin_holds(*entry.coin, *entry.denomination, entry.c);
    // Who spends an invalid coin spends nothing.
    for (const size_t s : entry.spends) {
      spends_[s].valid = entry.valid && spend_holds(*entry.coin, *spends_[s].spend, spends_[s].d);
    }
  }
}

void SpendBatch::find_wrong(Range range, const AffinePoint& sum_of_range) {
  if (sum_of_range.is_identity()) return;
  if (range.end - range.begin == 1 || count_spends(range) <= kLeastToHalve) {
    check_one_by_one(range);
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
  const Range all{0, coins_.size()};
  if (coins_.size() + spends_.size() <= 2 * (kLeastForSum - 1)) return check_one_by_one(all);
  draw_coefficients();
  find_wrong(all, sum(all));
}

}  // namespace cafe::protocol
