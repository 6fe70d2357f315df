// One side of what carries bytes between two devices.
#pragma once

#include <optional>

#include "libs/protocol/bytes.h"

namespace cafe::link {

class Medium {
 public:
  virtual ~Medium() = default;
  // Puts bytes on their way to the other side. They may be lost, repeated, altered or overtaken.
  virtual void transmit(protocol::ByteView bytes) = 0;
  // The next bytes that arrived here, if any.
  virtual std::optional<protocol::Bytes> poll() = 0;
};

}  // namespace cafe::link
