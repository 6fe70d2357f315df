#include "device-sim/firmware/testing/chip.h"

#include <cstdlib>

namespace cafe::testing {

using guardian::Ins;
using protocol::Bytes;
using protocol::ByteView;

void Chip::restart() {
  guardian_.reset();
  memory_.restore_power();
  guardian_ = std::make_unique<guardian::Guardian>(memory_, rng_);
}

size_t Chip::transmit(ByteView command, protocol::MutableByteView response) {
  const size_t length = guardian_->process(command, response);
  if (tamper) tamper(command, response.first(length));
  return length;
}

Response Chip::send(Ins ins, uint16_t p1p2, ByteView data, size_t expected) {
  std::array<uint8_t, firmware::kMaxCommand> command;
  std::array<uint8_t, firmware::kMaxResponse> response;
  const size_t length = firmware::format_command(
      {guardian::kCla, static_cast<uint8_t>(ins), static_cast<uint8_t>(p1p2 >> 8),
       static_cast<uint8_t>(p1p2), data, expected},
      command);
  const size_t got = transmit(ByteView(command).first(length), response);
  return {static_cast<uint16_t>(response[got - 2] << 8 | response[got - 1]),
          protocol::to_bytes(ByteView(response).first(got - 2))};
}

Response Chip::personalize(const protocol::Serial& serial) {
  return send(Ins::kPersonalize, 0, serial, 130);
}

Response Chip::lock(const protocol::SignedDocument& certificate) {
  return send(Ins::kLock, 0, certificate.encode(), 0);
}

Response Chip::make_slot(protocol::Kind kind) {
  return send(Ins::kMakeSlot, static_cast<uint16_t>(static_cast<int>(kind) << 8), {}, 256);
}

Response Chip::answer(ByteView handle, const protocol::Scalar& d_plus_e) {
  Bytes data = protocol::to_bytes(handle);
  protocol::append(data, d_plus_e.bytes());
  return send(Ins::kAnswerCoin, 0, data, 32);
}

Response Chip::free_slot(ByteView handle) { return send(Ins::kFreeSlot, 0, handle, 0); }
Response Chip::status(ByteView handle) { return send(Ins::kSlotStatus, 0, handle, 2); }

protocol::GuardianCertificate Chip::manufacture(const protocol::SigningKey& manufacturer,
                                                const protocol::Serial& serial) {
  const Response keys = personalize(serial);
  if (keys.word != 0x9000) std::abort();
  const protocol::GuardianCertificate certificate{
      serial, *protocol::Point::decode(ByteView(keys.data).first(65)),
      *protocol::Point::decode(ByteView(keys.data).subspan(65))};
  if (lock(protocol::SignedDocument::sign(certificate.encode(), manufacturer)).word != 0x9000) {
    std::abort();
  }
  return certificate;
}

}  // namespace cafe::testing
