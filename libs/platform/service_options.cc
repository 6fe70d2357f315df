#include "libs/platform/service_options.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace cafe::platform {

absl::Status check_listen_address(const std::string& address) {
  const size_t colon = address.rfind(':');
  uint32_t port = 0;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port > 65'535) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", address, "' is not host:port, like 127.0.0.1:7102 or [::]:7102"));
  }
  const std::string host = address.substr(0, colon);
  if (host.find(':') != std::string::npos && (host.front() != '[' || host.back() != ']')) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", address, "': write an IPv6 address in brackets, like [::1]:7102"));
  }
  return absl::OkStatus();
}

absl::Status validate(const ServiceOptions& options) {
  if (options.listen.empty()) {
    return absl::InvalidArgumentError("--listen is required");
  }
  const TlsOptions& tls = options.tls;
  if (tls.insecure) {
    if (options.production) {
      return absl::InvalidArgumentError(
          "--insecure is refused with --production: give --tls-cert, --tls-key and --tls-ca");
    }
    if (!tls.cert.empty() || !tls.key.empty() || !tls.ca.empty()) {
      return absl::InvalidArgumentError(
          "--insecure contradicts --tls-cert, --tls-key and --tls-ca: drop either");
    }
  } else {
    for (const auto& [flag, value] :
         {std::pair{"--tls-cert", &tls.cert}, std::pair{"--tls-key", &tls.key},
          std::pair{"--tls-ca", &tls.ca}}) {
      if (value->empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat(flag, " is required (or --insecure, for a test without TLS)"));
      }
    }
  }
  if (options.production && !options.failpoints.empty()) {
    return absl::InvalidArgumentError("--failpoints is refused with --production");
  }
  return absl::OkStatus();
}

}  // namespace cafe::platform
