// ISO 7816-4 command and response APDUs, short and extended, without a heap.
#pragma once

#include <array>
#include <cstdint>

#include "libs/protocol/bytes.h"

namespace cafe::firmware {

// A contact to a chip card: what carries one command to it and its response back.
class ApduPort {
 public:
  virtual ~ApduPort() = default;
  // Sends `command` and writes response data ‖ SW1 SW2 into `response`; returns the length, at
  // least 2 for a card that is there, 0 for one that is not.
  virtual size_t transmit(protocol::ByteView command, protocol::MutableByteView response) = 0;
};

// SW1 SW2 of ISO 7816-4.
enum class StatusWord : uint16_t {
  kOk = 0x9000,
  kMemoryFailure = 0x6581,
  kWrongLength = 0x6700,
  kSecurityNotSatisfied = 0x6982,
  kAuthenticationBlocked = 0x6983,
  kConditionsNotSatisfied = 0x6985,
  kWrongData = 0x6A80,
  kNotFound = 0x6A82,
  kMemoryFull = 0x6A84,
  kWrongParameters = 0x6A86,
  kReferenceNotFound = 0x6A88,
  kWrongOffset = 0x6B00,
  kUnknownInstruction = 0x6D00,
  kUnknownClass = 0x6E00,
  kInternal = 0x6F00,
  kWrongPin = 0x63C0,  // plus the tries that are left
  // As cards of GSM say it.
  kPinNeeded = 0x9804,     // a PIN is to be verified first
  kCounterLimit = 0x9850,  // a counter would leave its range
};

// A command APDU; `data` points into the bytes it was parsed from.
struct Command {
  uint8_t cla, ins, p1, p2;
  protocol::ByteView data;
  size_t expected;  // Ne: 0 where no data is expected, at most 65,536

  uint16_t p1p2() const { return static_cast<uint16_t>(p1 << 8 | p2); }
};

// Cases 1, 2S, 3S, 4S, 2E, 3E, 4E; false for anything else.
bool parse_command(protocol::ByteView bytes, Command& command);

inline constexpr size_t kMaxCommand = 600;    // bytes of the longest command in use
inline constexpr size_t kMaxResponse = 1026;  // and of the longest response, status word included

// Writes `command` in its shortest form; returns the length, 0 where `out` is too short or the
// command has no form.
size_t format_command(const Command& command, protocol::MutableByteView out);

}  // namespace cafe::firmware
