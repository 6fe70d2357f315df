// The frames of the link between wallet and terminal.
//
//   magic 0xCA 0xFE ‖ u8 type ‖ u8 flags ‖ u32 session ‖ u32 sequence ‖ u16 length ‖ u16 low half
//   of the header's CRC-32 ‖ payload ‖ u32 CRC-32 over everything before it
//
// The medium is a stream of bytes in which anything may be lost, repeated or altered. The decoder
// finds the next frame by its magic and the CRC of its header, without which an altered length
// would swallow the frames that follow.
#pragma once

#include <optional>
#include <vector>

#include "libs/protocol/bytes.h"

namespace cafe::link {

enum class FrameType : uint8_t {
  kHello = 1,  // the caller's first frame: opens a session under the id it drew
  kData = 2,   // a fragment of a message
  kAck = 3,    // hello or data of this sequence has arrived
  kBye = 4,    // orderly hang-up
};

inline constexpr uint8_t kLastFragment = 1;  // flag of data
inline constexpr size_t kMaxPayload = 1024;
inline constexpr size_t kHeaderSize = 16;
inline constexpr size_t kMaxFrame = kHeaderSize + kMaxPayload + 4;

struct LinkFrame {
  FrameType type;
  uint8_t flags = 0;
  uint32_t session = 0;
  uint32_t sequence = 0;
  protocol::Bytes payload;  // at most kMaxPayload bytes

  protocol::Bytes encode() const;
  bool operator==(const LinkFrame&) const = default;
};

// Cuts a stream into frames. Holds at most one frame's worth of bytes between calls.
class FrameDecoder {
 public:
  // The whole frames that `bytes` completes, in order. Whatever is no frame is skipped.
  std::vector<LinkFrame> feed(protocol::ByteView bytes);

 private:
  protocol::Bytes pending_;
};

}  // namespace cafe::link
