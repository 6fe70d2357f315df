// The guardian: the issuer's watchman inside the wallet (sections 0, 3 and 5). A chip card with a
// fixed amount of state, no heap of its own, no clock and no files; it speaks APDUs (commands.h) to
// the wallet and to nobody else.
//
// It upholds one rule: a slot answers one request, ever. The used mark, with a digest of the
// request, is durable before the answer leaves; whatever byte the power fails at, the slot is
// either unused or bound to the request that it then answers again.
#pragma once

#include <bitset>
#include <optional>

#include "device-sim/firmware/common/apdu.h"
#include "device-sim/firmware/guardian/memory_map.h"
#include "libs/protocol/guardian.h"
#include "libs/protocol/rng.h"

namespace cafe::guardian {

class Guardian : public firmware::ApduPort {
 public:
  // Starts on a memory of at least kMemorySize bytes, blank or used, and finishes what a power cut
  // interrupted.
  Guardian(firmware::NonVolatileMemory& memory, protocol::Rng& rng);

  // Carries out one command; writes response data ‖ SW1 SW2 and returns the length. `response`
  // holds at least kMaxResponse bytes.
  size_t process(protocol::ByteView command, protocol::MutableByteView response);
  size_t transmit(protocol::ByteView command, protocol::MutableByteView response) override {
    return process(command, response);
  }

 private:
  enum class Phase : uint8_t { kBlank = 0, kPersonalized = 1, kLocked = 2, kDead = 0xFF };

  // RAM copy of the keys record.
  struct Identity {
    protocol::Serial serial;
    protocol::GuardianKeys keys;
    std::array<uint8_t, 65> A_O, A_Q;
    std::array<uint8_t, kCertificateSize> certificate;
  };
  struct Slot {
    SlotState state;
    uint16_t generation;
    protocol::GuardianSlot secret;
  };
  // Where a handler writes its response data.
  struct Output {
    protocol::MutableByteView buffer;
    size_t size = 0;
    void add(protocol::ByteView bytes);
  };

  firmware::StatusWord dispatch(const firmware::Command& command, Output& out);
  firmware::StatusWord personalize(const firmware::Command& command, Output& out);
  firmware::StatusWord lock(const firmware::Command& command);
  firmware::StatusWord get_certificate(const firmware::Command& command, Output& out) const;
  firmware::StatusWord make_slot(const firmware::Command& command, Output& out);
  firmware::StatusWord answer_coin(const firmware::Command& command, Output& out);
  firmware::StatusWord free_slot(const firmware::Command& command);
  firmware::StatusWord slot_status(const firmware::Command& command, Output& out) const;
  firmware::StatusWord list_slots(const firmware::Command& command, Output& out) const;

  void start_identity();
  void start_slots();
  void store_identity(Phase phase);
  firmware::StatusWord find_slot(protocol::ByteView handle, size_t& index, Slot& slot) const;
  bool load_slot(size_t index, Slot& slot) const;
  void store_slot(size_t index, const Slot& slot);

  firmware::NonVolatileMemory& memory_;
  protocol::Rng& rng_;
  Phase phase_ = Phase::kBlank;
  Identity identity_;
  std::bitset<kSlots> taken_;  // not free, or damaged
};

}  // namespace cafe::guardian
