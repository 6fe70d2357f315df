// A device's non-volatile memory, as its firmware sees it.
//
// The memory is byte-addressed and keeps what was written (FRAM or EEPROM). It promises one thing
// only: a write goes through its bytes in ascending order. When the power fails in the middle, the
// bytes before the cut are new, the byte at the cut may be anything, the bytes after it are old.
// Everything stronger (a record that changes as a whole) is built on top: MirroredRecord without a
// heap, RecordStore with one.
#pragma once

#include "libs/protocol/bytes.h"

namespace cafe::firmware {

// The power failed. On a real device nothing runs after that; in a simulation this unwinds the
// firmware, which never catches it, up to whoever plays the power supply. The firmware object is
// discarded then and a new one started on the same memory.
struct PowerLost {};

class NonVolatileMemory {
 public:
  virtual ~NonVolatileMemory() = default;

  virtual size_t size() const = 0;
  // Copies out.size() bytes from `offset`; the range lies inside the memory.
  virtual void read(size_t offset, protocol::MutableByteView out) const = 0;
  // Writes data.size() bytes at `offset`, in ascending order. When it returns, they are durable.
  virtual void write(size_t offset, protocol::ByteView data) = 0;
};

}  // namespace cafe::firmware
