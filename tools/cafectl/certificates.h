// A private certificate authority and the TLS certificates of services, for an issuer that has
// none.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cafe::cafectl {

struct PemPair {
  std::string certificate;
  std::string key;  // PKCS #8
};

// ECDSA P-256, self-signed, may sign end-entity certificates only.
absl::StatusOr<PemPair> make_authority(const std::string& common_name, uint64_t now_s,
                                       uint32_t days);

// A certificate for <service>.cafe.internal, good for both ends of a connection; `hosts` are
// further DNS names or IP addresses.
absl::StatusOr<PemPair> make_certificate(const PemPair& authority, const std::string& service,
                                         const std::vector<std::string>& hosts, uint64_t now_s,
                                         uint32_t days);

}  // namespace cafe::cafectl
