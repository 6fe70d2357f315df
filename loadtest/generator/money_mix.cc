#include "loadtest/generator/money_mix.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "libs/protocol/status.h"

namespace cafe::loadtest {

namespace {

constexpr std::array<std::string_view, kMoneyKinds> kNames = {"coins", "split", "cheques", "calls"};
constexpr uint32_t kMostWeight = 1'000'000;

absl::Status bad_mix() {
  return protocol::invalid(
      "BAD_OPTION",
      "A mix is a list like coins=70,split=10,cheques=15,calls=5: each kind at "
      "most once, with a whole number up to 1000000, and one above 0.");
}

}  // namespace

std::string_view money_name(Money money) { return kNames[static_cast<size_t>(money)]; }

absl::StatusOr<MoneyMix> MoneyMix::parse(std::string_view text) {
  MoneyMix mix{.weights = {}};
  std::array<bool, kMoneyKinds> named{};
  for (bool more = true; more;) {
    const std::string_view item = text.substr(0, text.find(','));
    more = item.size() < text.size();
    text.remove_prefix(item.size() + (more ? 1 : 0));
    const std::string_view name = item.substr(0, item.find('='));
    const std::string_view number = item.substr(std::min(item.size(), name.size() + 1));
    const auto kind = static_cast<size_t>(std::ranges::find(kNames, name) - kNames.begin());
    if (kind == kMoneyKinds || named[kind]) return bad_mix();
    named[kind] = true;
    const char* const end = number.data() + number.size();
    const auto read = std::from_chars(number.data(), end, mix.weights[kind]);
    if (read.ec != std::errc() || read.ptr != end || mix.weights[kind] > kMostWeight) {
      return bad_mix();
    }
  }
  if (mix.weights == MoneyMix{.weights = {}}.weights) return bad_mix();
  return mix;
}

std::string MoneyMix::text() const {
  std::string out;
  for (size_t i = 0; i < kMoneyKinds; ++i) {
    if (weights[i] == 0) continue;
    if (!out.empty()) out.push_back(',');
    out.append(kNames[i]).append(1, '=').append(std::to_string(weights[i]));
  }
  return out;
}

Money MoneyMix::draw(uint64_t bits) const {
  uint64_t left = bits % std::accumulate(weights.begin(), weights.end(), uint64_t{0});
  size_t kind = 0;
  while (left >= weights[kind]) left -= weights[kind++];
  return static_cast<Money>(kind);
}

}  // namespace cafe::loadtest
