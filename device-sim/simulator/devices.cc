#include "device-sim/simulator/devices.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace cafe::simulator {

using nlohmann::json;
using protocol::Bytes;

namespace {

absl::StatusOr<json> read_json(const std::string& path) {
  std::ifstream in(path);
  json value = json::parse(in, nullptr, false);
  if (value.is_discarded())
    return protocol::invalid("BAD_FILE", "Cannot read " + path + " as JSON.");
  return value;
}

absl::StatusOr<Bytes> hex_field(const json& object, const char* key, const std::string& path) {
  if (!object.contains(key) || !object[key].is_string()) {
    return protocol::invalid("BAD_FILE", path + " has no text field \"" + key + "\".");
  }
  return protocol::from_hex(object[key].get<std::string>());
}

absl::StatusOr<protocol::Point> point_of(const json& value) {
  if (!value.is_string())
    return protocol::invalid("BAD_FILE", "A public key must be a text of hexadecimal digits.");
  CAFE_ASSIGN_OR_RETURN(const Bytes bytes, protocol::from_hex(value.get<std::string>()));
  return protocol::Point::decode(bytes);
}

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
                           const protocol::SigningKey& manufacturer) {
  CAFE_ASSIGN_OR_RETURN(const Bytes points, command(chip, guardian::Ins::kPersonalize, serial));
  if (points.size() != 2 * protocol::Point::kSize)
    return protocol::refused("GUARDIAN_WRONG", "The guardian gave no two points.");
  const protocol::ByteView view(points);
  CAFE_ASSIGN_OR_RETURN(const auto A_O,
                        protocol::Point::decode(view.first(protocol::Point::kSize)));
  CAFE_ASSIGN_OR_RETURN(const auto A_Q, protocol::Point::decode(view.last(protocol::Point::kSize)));
  const protocol::GuardianCertificate certificate{serial, A_O, A_Q};
  return command(chip, guardian::Ins::kLock,
                 protocol::SignedDocument::sign(certificate.encode(), manufacturer).encode())
      .status();
}

absl::Status WalletDevice::boot() {
  wallet_.reset();
  guardian_ = std::make_unique<guardian::Guardian>(guardian_memory_, rng_);
  CAFE_ASSIGN_OR_RETURN(wallet_,
                        wallet::Wallet::boot(wallet_memory_, *guardian_, rng_, owner_, config_));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<WalletDevice>> WalletDevice::make(
    const std::string& seed, const wallet::Config& config,
    const protocol::SigningKey& manufacturer) {
  std::unique_ptr<WalletDevice> device(new WalletDevice(seed, config));
  guardian::Guardian chip(device->guardian_memory_, device->rng_);
  CAFE_RETURN_IF_ERROR(
      make_guardian(chip, protocol::Serial{device->rng_.array<16>()}, manufacturer));
  CAFE_RETURN_IF_ERROR(device->boot());
  return device;
}

absl::Status WalletDevice::put_back(const Memories& memories) {
  guardian_memory_.restore(memories.guardian);
  wallet_memory_.restore(memories.wallet);
  return boot();
}

absl::StatusOr<std::unique_ptr<Shop>> Shop::make(const std::string& file,
                                                 const protocol::TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(const json content, read_json(file));
  CAFE_ASSIGN_OR_RETURN(const Bytes secret, hex_field(content, "secret", file));
  CAFE_ASSIGN_OR_RETURN(const Bytes credential_bytes, hex_field(content, "credential", file));
  CAFE_ASSIGN_OR_RETURN(const auto scalar, protocol::Scalar::decode(secret));
  CAFE_ASSIGN_OR_RETURN(const auto key, protocol::SigningKey::create(scalar));
  CAFE_ASSIGN_OR_RETURN(const auto credential,
                        protocol::TerminalCredential::decode(credential_bytes));
  std::unique_ptr<Shop> shop(new Shop);
  shop->name_ = content.value("payee_name", file);
  CAFE_ASSIGN_OR_RETURN(shop->terminal_,
                        pos::Terminal::boot(shop->memory_, shop->rng_, {key, credential, anchors}));
  return shop;
}

absl::StatusOr<protocol::TrustAnchors> read_trust(const std::string& path) {
  CAFE_ASSIGN_OR_RETURN(const json content, read_json(path));
  protocol::TrustAnchors anchors;
  if (!content.contains("issuers") || !content.contains("manufacturers")) {
    return protocol::invalid("BAD_FILE", path + " is no trust file.");
  }
  for (const auto& [issuer, key] : content["issuers"].items()) {
    CAFE_ASSIGN_OR_RETURN(const auto point, point_of(key));
    anchors.master_keys.insert_or_assign(issuer, point);
  }
  for (const json& key : content["manufacturers"]) {
    CAFE_ASSIGN_OR_RETURN(const auto point, point_of(key));
    anchors.manufacturer_keys.push_back(point);
  }
  return anchors;
}

absl::StatusOr<protocol::SigningKey> read_signing_key(const std::string& path) {
  CAFE_ASSIGN_OR_RETURN(const json content, read_json(path));
  CAFE_ASSIGN_OR_RETURN(const Bytes secret, hex_field(content, "secret", path));
  CAFE_ASSIGN_OR_RETURN(const auto scalar, protocol::Scalar::decode(secret));
  return protocol::SigningKey::create(scalar);
}

}  // namespace cafe::simulator
