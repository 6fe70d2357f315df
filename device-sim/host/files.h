// The files that cafectl writes, as the makers and owners of devices read them. Errors: BAD_FILE,
// and those of what is inside.
#pragma once

#include <string>
#include <vector>

#include "libs/protocol/credentials.h"
#include "libs/protocol/load_order.h"
#include "libs/protocol/payee_credential.h"

namespace cafe::host {

// trust.json and manufacturer.key.
absl::StatusOr<protocol::TrustAnchors> read_trust(const std::string& path);
// The keys of trust.json whose loads a maker has its guardians take, one for an issuer or more;
// each is signed by its issuer's master key there. None where the file names none.
absl::StatusOr<std::vector<protocol::LoadKeyCertificate>> read_load_keys(const std::string& path);
absl::StatusOr<protocol::SigningKey> read_signing_key(const std::string& path);

// What `cafectl terminal enrol` writes.
struct TerminalFile {
  std::string payee_name;
  protocol::SigningKey key;
  protocol::TerminalCredential credential;
};
absl::StatusOr<TerminalFile> read_terminal(const std::string& path);

}  // namespace cafe::host
