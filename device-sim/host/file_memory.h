// A device's non-volatile memory in a file.
//
// A write is in the file, and the file on the disk, when it returns; a process that is killed at
// any moment leaves what its firmware can start again from. The whole content is kept in memory
// too.
#pragma once

#include <memory>
#include <string>

#include "device-sim/firmware/common/nonvolatile.h"
#include "libs/protocol/status.h"

namespace cafe::host {

class FileMemory : public firmware::NonVolatileMemory {
 public:
  // Opens the file, or makes one of `size` zeros. FILE_UNUSABLE where that fails, or where the file
  // has another size.
  static absl::StatusOr<std::unique_ptr<FileMemory>> open(const std::string& path, size_t size);
  // Makes a file with this content, or nothing: it appears as a whole. FILE_UNUSABLE.
  static absl::Status create(const std::string& path, protocol::ByteView content);
  ~FileMemory() override;
  FileMemory(const FileMemory&) = delete;
  FileMemory& operator=(const FileMemory&) = delete;

  size_t size() const override { return bytes_.size(); }
  void read(size_t offset, protocol::MutableByteView out) const override;
  // Throws firmware::PowerLost where the disk does not take it.
  void write(size_t offset, protocol::ByteView data) override;

 private:
  FileMemory(int descriptor, protocol::Bytes bytes)
      : descriptor_(descriptor), bytes_(std::move(bytes)) {}
  int descriptor_;
  protocol::Bytes bytes_;
};

}  // namespace cafe::host
