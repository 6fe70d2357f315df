#include "services/withdrawal/registration_nonce.h"

#include "libs/protocol/hash.h"

namespace cafe::withdrawal {
namespace {

constexpr size_t kExpirySize = 8;
constexpr size_t kBodySize = 16;  // expiry and random part

}  // namespace

RegistrationNonces::RegistrationNonces(std::string_view issuer_id, const protocol::Seed& seed)
    : issuer_id_(issuer_id),
      key_(protocol::mac(seed.view(), protocol::Frame("cafe/v1/registration-nonce-key"))) {}

std::array<uint8_t, 16> RegistrationNonces::mac_of(protocol::ByteView expiry_and_random) const {
  const protocol::Bytes32 whole = protocol::mac(
      key_.view(),
      protocol::Frame("cafe/v1/registration-nonce").add(issuer_id_).add(expiry_and_random));
  std::array<uint8_t, 16> out;
  std::copy_n(whole.begin(), out.size(), out.begin());
  return out;
}

protocol::Bytes32 RegistrationNonces::draw(uint64_t now_s, protocol::Rng& rng) const {
  protocol::Bytes32 nonce;
  const auto expiry = protocol::encode_u64(now_s + kRegistrationNonceLife_s);
  std::copy(expiry.begin(), expiry.end(), nonce.begin());
  rng.fill(protocol::MutableByteView(nonce).subspan(kExpirySize, kBodySize - kExpirySize));
  const auto mac = mac_of(protocol::ByteView(nonce).first(kBodySize));
  std::copy(mac.begin(), mac.end(), nonce.begin() + kBodySize);
  return nonce;
}

absl::Status RegistrationNonces::check(const protocol::Bytes32& nonce, uint64_t now_s) const {
  const protocol::ByteView bytes(nonce);
  // The MAC first: an expiry that is not ours says nothing.
  if (!protocol::equal_ct(mac_of(bytes.first(kBodySize)), bytes.subspan(kBodySize))) {
    return protocol::refused("UNKNOWN_NONCE",
                             "This issuer did not draw the registration's nonce: begin the "
                             "registration again.");
  }
  const uint64_t expiry_s = protocol::decode_u64(bytes.first<kExpirySize>());
  if (now_s >= expiry_s) {
    return protocol::refused("NONCE_EXPIRED",
                             "The registration's nonce is older than ten minutes: begin the "
                             "registration again.");
  }
  return absl::OkStatus();
}

}  // namespace cafe::withdrawal
