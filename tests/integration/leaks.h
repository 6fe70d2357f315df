// Finds in what services write for people what nobody may read there: the issuer's secrets, and
// which coins were spent.
#pragma once

#include "libs/protocol/bytes.h"
#include "tests/support/cluster.h"

namespace cafe::testing {

struct Secret {
  std::string what;  // "issuer/master.key secret"
  protocol::Bytes bytes;
};

/// Which secrets `text` holds, as hexadecimal in either case, as base64, or bare; an error message
/// for each, which does not repeat the secret.
std::vector<std::string> leaks_in(const std::string& where, const std::string& text,
                                  const std::vector<Secret>& secrets);

/// All keys and seeds in the cluster's files, and the ids of all coins that were spent. An error
/// where there are fewer than any cluster has.
absl::StatusOr<std::vector<Secret>> secrets_of(const Cluster& cluster);

/// What the logs of services and database and the metrics hold of these. Empty where all is well.
std::vector<std::string> leaks_of(Cluster& cluster);

}  // namespace cafe::testing
