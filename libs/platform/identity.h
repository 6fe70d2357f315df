// Who calls: the service that the client's verified certificate names.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace cafe::platform {

// Services' certificates carry the DNS SAN <service>.cafe.internal.
inline constexpr std::string_view kServiceDomain = ".cafe.internal";

struct PeerIdentity {
  // "deposit" for deposit.cafe.internal; empty for a client without certificate (wallets, payees)
  // and for one whose certificate names no service, or more than one.
  std::string service{};
  std::vector<std::string> dns_names{};  // all DNS SANs of a verified certificate
  bool insecure = false;  // plaintext (--insecure): nobody is known, everybody is believed

  bool anonymous() const { return service.empty(); }
};

// "deposit.cafe.internal" for "deposit", and back; empty when `dns_name` is not exactly one label
// (a-z, 0-9, '-') under the domain.
std::string service_dns_name(std::string_view service);
std::string service_of_dns_name(std::string_view dns_name);

// The identity that a verified certificate with these DNS SANs gives.
PeerIdentity identity_of(std::vector<std::string> dns_names);

// OK when `peer` is one of `allowed`. Errors: PERMISSION_DENIED CALLER_NOT_ALLOWED.
absl::Status require_caller(const PeerIdentity& peer,
                            std::initializer_list<std::string_view> allowed);

}  // namespace cafe::platform
