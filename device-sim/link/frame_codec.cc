#include "device-sim/link/frame_codec.h"

#include "device-sim/firmware/common/crc32.h"
#include "libs/protocol/frame.h"

namespace cafe::link {

namespace {

using protocol::Bytes;
using protocol::ByteView;

constexpr uint8_t kMagic[2] = {0xCA, 0xFE};

constexpr size_t kCheckedHeader = kHeaderSize - 2;

uint16_t header_check(ByteView header) {
  return static_cast<uint16_t>(firmware::crc32(header.first(kCheckedHeader)));
}

size_t payload_length(ByteView header) { return header[12] << 8 | header[13]; }

enum class Look { kFrame, kNoFrame, kNeedMore };

// Whether a frame starts at the front of `bytes`.
Look look(ByteView bytes, LinkFrame& frame) {
  if (bytes[0] != kMagic[0]) return Look::kNoFrame;
  if (bytes.size() >= 2 && bytes[1] != kMagic[1]) return Look::kNoFrame;
  if (bytes.size() < kHeaderSize) return Look::kNeedMore;
  const size_t length = payload_length(bytes);
  const uint8_t type = bytes[2];
  if (header_check(bytes) != (bytes[kCheckedHeader] << 8 | bytes[kCheckedHeader + 1])) {
    return Look::kNoFrame;
  }
  if (length > kMaxPayload || type < 1 || type > 4) return Look::kNoFrame;
  if (bytes.size() < kHeaderSize + length + 4) return Look::kNeedMore;
  const uint32_t crc = protocol::decode_u32(bytes.subspan(kHeaderSize + length).first<4>());
  if (crc != firmware::crc32(bytes.first(kHeaderSize + length))) return Look::kNoFrame;
  frame = {static_cast<FrameType>(type), bytes[3], protocol::decode_u32(bytes.subspan<4, 4>()),
           protocol::decode_u32(bytes.subspan<8, 4>()),
           protocol::to_bytes(bytes.subspan(kHeaderSize, length))};
  return Look::kFrame;
}

}  // namespace

Bytes LinkFrame::encode() const {
  Bytes out = {kMagic[0], kMagic[1], static_cast<uint8_t>(type), flags};
  out.reserve(kHeaderSize + payload.size() + 4);
  protocol::append(out, protocol::encode_u32(session));
  protocol::append(out, protocol::encode_u32(sequence));
  out.push_back(static_cast<uint8_t>(payload.size() >> 8));
  out.push_back(static_cast<uint8_t>(payload.size()));
  const uint16_t check = header_check(out);
  out.push_back(static_cast<uint8_t>(check >> 8));
  out.push_back(static_cast<uint8_t>(check));
  protocol::append(out, payload);
  protocol::append(out, protocol::encode_u32(firmware::crc32(out)));
  return out;
}

std::vector<LinkFrame> FrameDecoder::feed(ByteView bytes) {
  std::vector<LinkFrame> frames;
  LinkFrame frame;
  while (true) {
    // Never more than one frame's worth at a time, however much comes.
    const size_t room = kMaxFrame - pending_.size();
    const size_t taken = std::min(room, bytes.size());
    protocol::append(pending_, bytes.first(taken));
    bytes = bytes.subspan(taken);

    size_t at = 0;
    while (at < pending_.size()) {
      const Look seen = look(ByteView(pending_).subspan(at), frame);
      if (seen == Look::kNeedMore) break;
      if (seen == Look::kFrame) {
        at += kHeaderSize + frame.payload.size() + 4;
        frames.push_back(std::move(frame));
      } else {
        ++at;
      }
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(at));
    if (bytes.empty()) return frames;
  }
}

}  // namespace cafe::link
