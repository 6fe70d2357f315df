// A guardian with two issuers' load keys and money on its counter, for tests. Its withdrawal PIN is
// entered after each restart, and there is no payment PIN.
#pragma once

#include <gtest/gtest.h>

#include "device-sim/firmware/testing/chip.h"
#include "libs/protocol/testing/load_keys.h"

namespace cafe::testing {

inline constexpr char kIssuerA[] = "issuer-a.example";
inline constexpr char kIssuerB[] = "issuer-b.example";
inline constexpr uint64_t kLoaded = 5000;  // of issuer A's euros

// A slot as the wallet knows it.
struct KnownSlot {
  protocol::Bytes handle;
  protocol::Point B_O;
};
inline KnownSlot known(const Response& made) {
  EXPECT_EQ(made.word, 0x9000);
  return {handle_of(made), point_of(made)};
}

class LoadedChip {
 public:
  explicit LoadedChip(std::string_view seed)
      : chip(seed),
        rng(std::string(seed) + "/requests"),
        serial{rng.array<16>()},
        certificate(chip.manufacture(*protocol::SigningKey::create(protocol::Scalar::from_u64(77)),
                                     serial,
                                     {{kIssuerA, load_key_of(kIssuerA).public_der},
                                      {kIssuerB, load_key_of(kIssuerB).public_der}})) {
    puk = chip.use_pin();
    EXPECT_EQ(load({serial, kIssuerA, "EUR", kLoaded, 1}).word, 0x9000);
  }

  // Signed with its issuer's key.
  Response load(const protocol::Load& load) {
    return chip.load(load, load_key_of(load.issuer_id).private_der);
  }
  uint64_t euros() { return chip.amount(kIssuerA, "EUR"); }
  KnownSlot make_cheque() { return known(chip.make_slot(protocol::Kind::kCheque)); }
  protocol::ChequeRequest cheque(uint64_t value) {
    return {kIssuerA, "EUR", value, rng.array<32>(), rng.array<32>()};
  }
  protocol::TickRequest call(uint64_t tick_value, uint32_t count) {
    return {kIssuerA, "EUR", tick_value, count, rng.array<32>(), rng.array<32>(), rng.array<32>()};
  }
  // Whether `content` lies anywhere in the memory.
  bool remembers(protocol::ByteView content) {
    const protocol::Bytes image = chip.memory().snapshot();
    return std::search(image.begin(), image.end(), content.begin(), content.end()) != image.end();
  }

  Chip chip;
  protocol::SeededRng rng;
  protocol::Serial serial;
  protocol::GuardianCertificate certificate;
  std::string puk;
};

// Runs `command` once to see how many bytes it writes, then again on copies of the memory with a
// cut at each of them, and calls `check` on the restarted chip.
template <typename Command, typename Check>
void cut_everywhere(Chip& chip, Command command, Check check) {
  const protocol::Bytes before = chip.memory().snapshot();
  const uint64_t start = chip.memory().bytes_written();
  command(chip);
  const uint64_t bytes = chip.memory().bytes_written() - start;
  ASSERT_GT(bytes, 0u);
  for (uint64_t cut = 0; cut < bytes; ++cut) {
    chip.memory().restore_power();
    chip.memory().restore(before);
    chip.restart();
    chip.memory().cut_power_after(cut);
    ASSERT_THROW(command(chip), firmware::PowerLost) << cut;
    chip.restart();
    check(chip, cut);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace cafe::testing
