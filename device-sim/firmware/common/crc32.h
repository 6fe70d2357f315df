// CRC-32 (IEEE 802.3, reflected), as Ethernet and zlib have it: finds torn writes and line noise.
// It is no protection against an adversary, and nothing here uses it as one.
#pragma once

#include "libs/protocol/bytes.h"

namespace cafe::firmware {

// `previous` chains calls: crc32(b, crc32(a)) = crc32(a ‖ b).
uint32_t crc32(protocol::ByteView data, uint32_t previous = 0);

}  // namespace cafe::firmware
