#include "device-sim/host/factory.h"

namespace cafe::host {

using protocol::Bytes;

namespace {

// One command to the chip; its response data without the status word.
absl::StatusOr<Bytes> command(guardian::Guardian& chip, guardian::Ins ins,
                              protocol::ByteView data) {
  Bytes apdu{guardian::kCla,
             static_cast<uint8_t>(ins),
             0,
             0,
             0,
             static_cast<uint8_t>(data.size() >> 8),
             static_cast<uint8_t>(data.size())};
  protocol::append(apdu, data);
  protocol::append(apdu, std::array<uint8_t, 2>{0, 0});
  std::array<uint8_t, firmware::kMaxResponse> response;
  const size_t size = chip.process(apdu, response);
  if (size < 2 || response[size - 2] != 0x90 || response[size - 1] != 0x00) {
    return protocol::refused("GUARDIAN_REFUSED", "The guardian refused a command of its factory.");
  }
  return Bytes(response.begin(), response.begin() + static_cast<ptrdiff_t>(size) - 2);
}

}  // namespace

absl::Status make_guardian(guardian::Guardian& chip, const protocol::Serial& serial,
                           const protocol::SigningKey& manufacturer,
                           std::span<const protocol::LoadKeyCertificate> load_keys) {
  CAFE_ASSIGN_OR_RETURN(const Bytes points, command(chip, guardian::Ins::kPersonalize, serial));
  if (points.size() != 2 * protocol::Point::kSize)
    return protocol::refused("GUARDIAN_WRONG", "The guardian gave no two points.");
  const protocol::ByteView view(points);
  CAFE_ASSIGN_OR_RETURN(const auto A_O,
                        protocol::Point::decode(view.first(protocol::Point::kSize)));
  CAFE_ASSIGN_OR_RETURN(const auto A_Q, protocol::Point::decode(view.last(protocol::Point::kSize)));
  for (const protocol::LoadKeyCertificate& key : load_keys) {
    Bytes data{static_cast<uint8_t>(key.issuer_id.size())};
    protocol::append(data, protocol::view_of(key.issuer_id));
    protocol::append(data, key.public_key_der);
    CAFE_RETURN_IF_ERROR(command(chip, guardian::Ins::kInstallLoadKey, data).status());
  }
  const protocol::GuardianCertificate certificate{serial, A_O, A_Q};
  return command(chip, guardian::Ins::kLock,
                 protocol::SignedDocument::sign(certificate.encode(), manufacturer).encode())
      .status();
}

}  // namespace cafe::host
