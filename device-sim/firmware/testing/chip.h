// A guardian chip for tests: its memory, its contact, and the manufacturer's commands.
#pragma once

#include <functional>
#include <memory>

#include "device-sim/firmware/common/memory_image.h"
#include "device-sim/firmware/guardian/guardian.h"
#include "libs/protocol/credentials.h"

namespace cafe::testing {

struct Response {
  uint16_t word;
  protocol::Bytes data;
};

class Chip : public firmware::ApduPort {
 public:
  explicit Chip(std::string_view seed) : rng_(seed) { restart(); }

  // Takes the power away and gives it back: a new guardian on the same memory.
  void restart();
  // Sends a command; throws PowerLost where the memory's power is cut in the middle.
  Response send(guardian::Ins ins, uint16_t p1p2, protocol::ByteView data, size_t expected);
  size_t transmit(protocol::ByteView command, protocol::MutableByteView response) override;

  Response personalize(const protocol::Serial& serial);
  Response lock(const protocol::SignedDocument& certificate);
  Response make_slot(protocol::Kind kind = protocol::Kind::kCoin);
  Response answer(protocol::ByteView handle, const protocol::Scalar& d_plus_e);
  Response free_slot(protocol::ByteView handle);
  Response status(protocol::ByteView handle);

  // Personalizes, certifies under the manufacturer's key, locks.
  protocol::GuardianCertificate manufacture(const protocol::SigningKey& manufacturer,
                                            const protocol::Serial& serial);

  firmware::MemoryImage& memory() { return memory_; }
  // Answers bytes of its own instead of the guardian's where set: a guardian that lies.
  std::function<void(protocol::ByteView command, protocol::MutableByteView response)> tamper;

 private:
  firmware::MemoryImage memory_{guardian::kMemorySize};
  protocol::SeededRng rng_;
  std::unique_ptr<guardian::Guardian> guardian_;
};

}  // namespace cafe::testing
