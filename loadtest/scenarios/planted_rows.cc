#include "loadtest/scenarios/planted_rows.h"

#include "loadtest/generator/mix.h"

namespace cafe::loadtest {

namespace {
constexpr uint64_t kSalt = 0x4e9ea7;
}  // namespace

// Stretches take turns: one of first spends only, and one of which twice the share repeats it.
bool PlantedRows::repeats_another(uint64_t number) const {
  return number / distance_ % 2 == 1 && unit(mix(seed_ ^ kSalt ^ mix(number))) < 2 * share_;
}

std::optional<uint64_t> PlantedRows::partner_of(uint64_t number) const {
  if (repeats_another(number)) return number - distance_;
  if (repeats_another(number + distance_)) return number + distance_;
  return std::nullopt;
}

uint64_t PlantedRows::spend_of(uint64_t number) const {
  return repeats_another(number) ? number - distance_ : number;
}

bool PlantedRows::take(uint64_t number, std::optional<uint64_t> other) {
  const std::optional<uint64_t> partner = partner_of(number);
  if (other && other != partner) return false;
  if (!partner) return true;
  const std::lock_guard lock(mutex_);
  const auto answered = fresh_.find(*partner);
  if (answered == fresh_.end()) {
    fresh_.emplace(number, !other);
    return true;
  }
  const bool partner_fresh = answered->second;
  fresh_.erase(answered);
  return partner_fresh != !other;
}

}  // namespace cafe::loadtest
