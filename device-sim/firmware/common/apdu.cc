#include "device-sim/firmware/common/apdu.h"

#include <algorithm>

namespace cafe::firmware {

namespace {

size_t u16_at(protocol::ByteView bytes, size_t at) { return bytes[at] << 8 | bytes[at + 1]; }

// A length field of zero stands for the most that it can say.
size_t expected_of(size_t field, size_t most) { return field == 0 ? most : field; }

}  // namespace

bool parse_command(protocol::ByteView bytes, Command& command) {
  if (bytes.size() < 4) return false;
  command = {bytes[0], bytes[1], bytes[2], bytes[3], {}, 0};
  const protocol::ByteView body = bytes.subspan(4);
  if (body.empty()) return true;  // case 1
  if (body.size() == 1) {         // case 2S
    command.expected = expected_of(body[0], 256);
    return true;
  }
  if (body[0] != 0) {  // 3S, 4S
    const size_t length = body[0];
    if (body.size() != 1 + length && body.size() != 2 + length) return false;
    command.data = body.subspan(1, length);
    if (body.size() == 2 + length) command.expected = expected_of(body[1 + length], 256);
    return true;
  }
  if (body.size() < 3) return false;
  const size_t length = u16_at(body, 1);
  if (body.size() == 3) {  // 2E
    command.expected = expected_of(length, 65536);
    return true;
  }
  if (length == 0) return false;
  if (body.size() != 3 + length && body.size() != 5 + length) return false;  // 3E, 4E
  command.data = body.subspan(3, length);
  if (body.size() == 5 + length) {
    command.expected = expected_of(u16_at(body, 3 + length), 65536);
  }
  return true;
}

size_t format_command(const Command& command, protocol::MutableByteView out) {
  const size_t length = command.data.size();
  if (length > 65535 || command.expected > 65536) return 0;
  const bool extended = length > 255 || command.expected > 256;
  const size_t lc = length == 0 ? 0 : (extended ? 3 : 1);
  // The first of the extended length fields has a zero byte in front.
  const size_t le = command.expected == 0 ? 0 : (extended ? (lc == 0 ? 3 : 2) : 1);
  if (out.size() < 4 + lc + length + le) return 0;

  size_t at = 0;
  const auto put = [&](size_t byte) { out[at++] = static_cast<uint8_t>(byte); };
  put(command.cla);
  put(command.ins);
  put(command.p1);
  put(command.p2);
  if (lc == 3) {
    put(0);
    put(length >> 8);
  }
  if (lc != 0) put(length);
  std::copy(command.data.begin(), command.data.end(), out.begin() + static_cast<ptrdiff_t>(at));
  at += length;
  if (le == 3) put(0);
  if (le >= 2) put(command.expected >> 8);
  if (le != 0) put(command.expected);
  return at;
}

}  // namespace cafe::firmware
