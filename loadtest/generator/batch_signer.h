// ECDSA signatures of many messages under one key, for a generator whose main cost they are.
#pragma once

#include <span>
#include <vector>

#include "libs/protocol/ecdsa.h"

namespace cafe::loadtest {

// What SigningKey::sign promises, a third of its cost each for hundreds at once: they share two
// inversions. A message's nonce is a PRF of the key and the message, so two messages never share
// one. UNUSABLE_KEY for a nonce or signature that comes out zero (probability 2^-256).
absl::StatusOr<std::vector<protocol::Signature>> sign_each(
    const protocol::SigningKey& key, std::span<const protocol::Bytes> messages);

}  // namespace cafe::loadtest
