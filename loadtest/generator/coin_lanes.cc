#include "loadtest/generator/coin_lanes.h"

#include "libs/protocol/loadtest_key.h"
#include "libs/protocol/merkle.h"
#include "libs/protocol/p256_var/points_var.h"

namespace cafe::loadtest {

using protocol::g1;
using protocol::g2;
using protocol::Point;
using protocol::Scalar;
using protocol::Term;

namespace {

// The segments of CoinLanes::points_.
enum Segment : size_t { kA, kZ, kCommitmentG, kCommitmentA, kDifference, kSlots };

// on_g1·G1 + on_g2·G2, the logarithms of every point but a'.
struct Pair {
  Scalar on_g1, on_g2;
  Pair operator+(const Pair& other) const { return {on_g1 + other.on_g1, on_g2 + other.on_g2}; }
};
Pair operator*(const Scalar& k, const Pair& pair) { return {k * pair.on_g1, k * pair.on_g2}; }

}  // namespace

namespace {

// All points of one segment at once.
absl::Status append_points(std::span<const Pair> logarithms, std::vector<Point>& to) {
  std::vector<std::vector<Term>> sums;
  sums.reserve(logarithms.size());
  for (const Pair& pair : logarithms) sums.push_back({{pair.on_g1, g1()}, {pair.on_g2, g2()}});
  CAFE_ASSIGN_OR_RETURN(const std::vector<Point> points, protocol::linear_combinations(sums));
  to.insert(to.end(), points.begin(), points.end());
  return absl::OkStatus();
}

}  // namespace

CoinLanes::CoinLanes(const protocol::Denomination& denomination, std::vector<Lane> lanes)
    : denomination_(denomination),
      id_(denomination.id()),
      x_(protocol::loadtest_key(denomination)),
      lanes_(std::move(lanes)) {}

absl::StatusOr<CoinLanes> CoinLanes::create(const protocol::Denomination& denomination,
                                            std::span<const Scalar> spenders, size_t lanes,
                                            protocol::Rng& rng) {
  if (!protocol::is_loadtest(denomination)) {
    return protocol::refused(
        "NOT_LOADTEST", "The denomination " + denomination.id().hex() +
                            " is not made for load tests: nobody but its issuer makes its coins.");
  }
  const size_t slots = denomination.slot_values.size();
  std::vector<Lane> made(lanes);
  for (size_t i = 0; i < lanes; ++i) {
    Lane& lane = made[i];
    lane.w = spenders[i % spenders.size()];
    lane.s = rng.scalar();
    lane.s_step = rng.scalar();
    lane.sw = lane.s * lane.w;
    lane.sw_step = lane.s_step * lane.w;
    lane.alpha = rng.scalar();
    for (size_t j = 0; j < slots; ++j) {
      lane.y.push_back({rng.scalar(), rng.scalar()});
      lane.y_step.push_back({rng.scalar(), rng.scalar()});
    }
  }
  CoinLanes out(denomination, std::move(made));
  const auto add_segment = [&](const auto& start_of, const auto& step_of) -> absl::Status {
    std::vector<Pair> starts, steps;
    for (const Lane& lane : out.lanes_) {
      starts.push_back(start_of(lane));
      steps.push_back(step_of(lane));
    }
    CAFE_RETURN_IF_ERROR(append_points(starts, out.points_));
    return append_points(steps, out.steps_);
  };
  const auto A_of = [](const Lane& l) { return Pair{l.sw, l.s}; };
  const auto A_step_of = [](const Lane& l) { return Pair{l.sw_step, l.s_step}; };
  CAFE_RETURN_IF_ERROR(add_segment(A_of, A_step_of));
  CAFE_RETURN_IF_ERROR(add_segment([&](const Lane& l) { return out.x_ * A_of(l); },
                                   [&](const Lane& l) { return out.x_ * A_step_of(l); }));
  std::vector<Scalar> alphas;
  for (const Lane& lane : out.lanes_) alphas.push_back(lane.alpha);
  CAFE_ASSIGN_OR_RETURN(const std::vector<Point> a, protocol::multiples(alphas, protocol::g()));
  out.points_.insert(out.points_.end(), a.begin(), a.end());
  out.steps_.insert(out.steps_.end(), lanes, protocol::g());
  // b' = α·A steps by e = (α+1)·(A+D) - α·A = α·D + A + D, and e by 2·D.
  const auto difference = [&](const Lane& l) {
    return l.alpha * A_step_of(l) + A_of(l) + A_step_of(l);
  };
  CAFE_RETURN_IF_ERROR(add_segment([&](const Lane& l) { return l.alpha * A_of(l); }, difference));
  CAFE_RETURN_IF_ERROR(
      add_segment(difference, [&](const Lane& l) { return A_step_of(l) + A_step_of(l); }));
  for (size_t j = 0; j < slots; ++j) {
    CAFE_RETURN_IF_ERROR(add_segment(
        [j](const Lane& l) {
          return Pair{l.y[j][0], l.y[j][1]};
        },
        [j](const Lane& l) {
          return Pair{l.y_step[j][0], l.y_step[j][1]};
        }));
  }
  return out;
}

MintedCoin CoinLanes::mint(size_t i) const {
  const Lane& lane = lanes_[i];
  const auto point = [&](size_t segment) { return points_[segment * lanes_.size() + i]; };
  std::vector<Point> B;
  B.reserve(lane.y.size());
  for (size_t j = 0; j < lane.y.size(); ++j) B.push_back(point(kSlots + j));
  protocol::Coin coin{
      id_,       point(kA),           protocol::merkle_root(protocol::point_leaves(B)),
      point(kZ), point(kCommitmentG), point(kCommitmentA),
      {}};
  coin.r = coin.challenge() * x_ + lane.alpha;
  const protocol::CoinId id = coin.id();
  return {std::move(coin), id, lane.s, lane.sw, lane.y, std::move(B)};
}

absl::StatusOr<std::vector<MintedCoin>> CoinLanes::next() {
  std::vector<MintedCoin> coins;
  coins.reserve(lanes_.size());
  for (size_t i = 0; i < lanes_.size(); ++i) coins.push_back(mint(i));

  CAFE_ASSIGN_OR_RETURN(points_, protocol::add_each_var(points_, steps_));
  const size_t n = lanes_.size();
  std::copy_n(points_.begin() + static_cast<ptrdiff_t>(kDifference * n), n,
              steps_.begin() + static_cast<ptrdiff_t>(kCommitmentA * n));
  const Scalar one = Scalar::from_u64(1);
  for (Lane& lane : lanes_) {
    lane.s = lane.s + lane.s_step;
    lane.sw = lane.sw + lane.sw_step;
    lane.alpha = lane.alpha + one;
    for (size_t j = 0; j < lane.y.size(); ++j) {
      for (size_t k = 0; k < 2; ++k) lane.y[j][k] = lane.y[j][k] + lane.y_step[j][k];
    }
  }
  return coins;
}

}  // namespace cafe::loadtest
