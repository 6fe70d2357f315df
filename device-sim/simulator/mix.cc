#include "device-sim/simulator/mix.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "libs/protocol/status.h"

namespace cafe::simulator {

namespace {

constexpr uint32_t kMostWeight = 1'000'000;

constexpr std::array<std::pair<std::string_view, Purse>, 4> kPurses = {
    {{"coins", Purse::kCoins},
     {"split", Purse::kSplit},
     {"cheques", Purse::kCheques},
     {"both", Purse::kBoth}}};
constexpr std::array<std::pair<std::string_view, Errand>, 3> kErrands = {
    {{"bills", Errand::kBill}, {"calls", Errand::kCall}, {"back", Errand::kPayBack}}};

absl::Status bad_mix() {
  return protocol::invalid("BAD_OPTION",
                           "A mix is a list like coins=30,split=20,cheques=20,both=30,bills=85,"
                           "calls=10,back=5, with a weight above 0 for one of the first four and "
                           "one of the last three.");
}

// Takes `name` where it is one of `names`.
template <typename Names, typename Weights>
bool take(const Names& names, std::string_view name, uint32_t weight, Weights& weights) {
  for (const auto& [known, key] : names) {
    if (known == name) return weights.emplace(key, weight).second;
  }
  return false;
}

template <typename Weights>
uint64_t sum_of(const Weights& weights) {
  uint64_t sum = 0;
  for (const auto& [key, weight] : weights) sum += weight;
  return sum;
}

template <typename Weights>
auto draw(const Weights& weights, protocol::SeededRng& rng) {
  uint64_t left = rng.below(sum_of(weights));
  for (const auto& [key, weight] : weights) {
    if (left < weight) return key;
    left -= weight;
  }
  return weights.begin()->first;
}

}  // namespace

absl::StatusOr<Mix> parse_mix(std::string_view text) {
  std::map<Purse, uint32_t> purses;
  std::map<Errand, uint32_t> errands;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    const std::string_view name = item.substr(0, item.find('='));
    const std::string_view number = item.substr(std::min(item.size(), name.size() + 1));
    uint32_t weight = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), weight);
    if (read.ec != std::errc() || read.ptr != number.data() + number.size() ||
        weight > kMostWeight) {
      return bad_mix();
    }
    if (!take(kPurses, name, weight, purses) && !take(kErrands, name, weight, errands)) {
      return bad_mix();
    }
  }
  Mix mix;
  if (!purses.empty()) mix.purses = std::move(purses);
  if (!errands.empty()) mix.errands = std::move(errands);
  if (sum_of(mix.purses) == 0 || sum_of(mix.errands) == 0) return bad_mix();
  return mix;
}

std::string to_string(const Mix& mix) {
  std::string out;
  const auto add = [&](std::string_view name, uint32_t weight) {
    if (!out.empty()) out += ',';
    out.append(name).append(1, '=').append(std::to_string(weight));
  };
  for (const auto& [name, purse] : kPurses) {
    if (const auto it = mix.purses.find(purse); it != mix.purses.end()) add(name, it->second);
  }
  for (const auto& [name, errand] : kErrands) {
    if (const auto it = mix.errands.find(errand); it != mix.errands.end()) add(name, it->second);
  }
  return out;
}

Purse draw_purse(const Mix& mix, protocol::SeededRng& rng) { return draw(mix.purses, rng); }
Errand draw_errand(const Mix& mix, protocol::SeededRng& rng) { return draw(mix.errands, rng); }

}  // namespace cafe::simulator
