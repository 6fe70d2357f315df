#include "device-sim/firmware/testing/till.h"

#include <cstdio>
#include <cstdlib>

namespace cafe::testing {

using namespace cafe::protocol;  // NOLINT: it speaks of little else

namespace {

void must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "till: %s\n", status.ToString().c_str());
  std::abort();
}

}  // namespace

Till::Till(World& world, std::string_view seed, size_t memory_size)
    : memory(memory_size), world_(world), rng_(seed) {
  must(restart());
  must(terminal->accept_list(world.signed_list.encode()));
}

absl::Status Till::restart() {
  terminal.reset();
  memory.restore_power();
  auto booted = pos::Terminal::boot(
      memory, rng_, {world_.terminal_key, world_.terminal_credential, world_.anchors});
  if (!booted.ok()) return booted.status();
  terminal = *std::move(booted);
  return absl::OkStatus();
}

SignedDocument terms_of(ByteView offer) {
  if (const auto bill = firmware::Offer::decode(offer); bill.ok()) return bill->terms;
  const auto call = firmware::CallOffer::decode(offer);
  must(call.status());
  return call->terms;
}

}  // namespace cafe::testing
