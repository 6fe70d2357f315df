// Encryption that also shows whether anything was altered: AES-256-GCM under a key that is used for
// one kind of thing. A sealed text is 12 random bytes of IV ‖ the encrypted text ‖ 16 bytes of tag.
#pragma once

#include <optional>

#include "libs/protocol/bytes.h"
#include "libs/protocol/rng.h"

namespace cafe::protocol {

inline constexpr size_t kSealOverhead = 12 + 16;  // what a sealed text is longer than its text

// `bound` is not encrypted, but opening needs the same.
Bytes seal(const Seed& key, ByteView bound, ByteView plain, Rng& rng);
// Empty where it was sealed under another key or bound to something else, or was altered.
std::optional<Bytes> open_sealed(const Seed& key, ByteView bound, ByteView sealed);

}  // namespace cafe::protocol
