#include "libs/platform/identity.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/platform/error.h"
#include "libs/platform/string_view.h"

namespace cafe::platform {

std::string service_dns_name(std::string_view service) {
  return absl::StrCat(to_absl(service), to_absl(kServiceDomain));
}

std::string service_of_dns_name(std::string_view dns_name) {
  if (!dns_name.ends_with(kServiceDomain)) {
    return "";
  }
  const std::string_view label = dns_name.substr(0, dns_name.size() - kServiceDomain.size());
  const bool valid = std::all_of(label.begin(), label.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  return valid ? std::string(label) : "";
}

PeerIdentity identity_of(std::vector<std::string> dns_names) {
  PeerIdentity identity;
  for (const std::string& name : dns_names) {
    const std::string service = service_of_dns_name(name);
    if (service.empty() || service == identity.service) {
      continue;
    }
    if (!identity.service.empty()) {
      // Two roles in one certificate: taking either could be the wrong one.
      identity.service.clear();
      break;
    }
    identity.service = service;
  }
  identity.dns_names = std::move(dns_names);
  return identity;
}

absl::Status require_caller(const PeerIdentity& peer,
                            std::initializer_list<std::string_view> allowed) {
  if (peer.insecure) {
    return absl::OkStatus();
  }
  if (!peer.anonymous() &&
      std::find(allowed.begin(), allowed.end(), peer.service) != allowed.end()) {
    return absl::OkStatus();
  }
  std::string joined;
  for (const std::string_view service : allowed) {
    absl::StrAppend(&joined, joined.empty() ? "" : ", ", to_absl(service));
  }
  return make_error(absl::StatusCode::kPermissionDenied, "CALLER_NOT_ALLOWED",
                    absl::StrCat("This method is for ", joined, "; the caller is ",
                                 peer.anonymous() ? "unknown: connect with a service's certificate."
                                                  : absl::StrCat(peer.service, ".")));
}

}  // namespace cafe::platform
