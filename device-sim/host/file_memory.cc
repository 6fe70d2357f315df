#include "device-sim/host/file_memory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace cafe::host {

using protocol::ByteView;

namespace {

absl::Status unusable(const std::string& path, const std::string& why) {
  std::string message = "Cannot use ";
  message += path;
  message += ": ";
  message += why;
  return protocol::refused("FILE_UNUSABLE", message);
}

bool write_all(int descriptor, ByteView data, size_t offset) {
  while (!data.empty()) {
    const ssize_t n = pwrite(descriptor, data.data(), data.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data = data.subspan(static_cast<size_t>(n));
    offset += static_cast<size_t>(n);
  }
  return fdatasync(descriptor) == 0;
}

bool read_all(int descriptor, protocol::MutableByteView out) {
  size_t offset = 0;
  while (offset < out.size()) {
    const ssize_t n =
        pread(descriptor, out.data() + offset, out.size() - offset, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    offset += static_cast<size_t>(n);
  }
  return true;
}

// The name of a file is on the disk when its folder is.
void sync_folder(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

}  // namespace

absl::Status FileMemory::create(const std::string& path, ByteView content) {
  const std::string fresh = path + ".new";
  const int descriptor = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) return unusable(path, std::strerror(errno));
  const bool written = write_all(descriptor, content, 0);
  const int error = errno;
  close(descriptor);
  if (!written) return unusable(path, std::strerror(error));
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return unusable(path, std::strerror(errno));
  sync_folder(path);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FileMemory>> FileMemory::open(const std::string& path, size_t size) {
  if (access(path.c_str(), F_OK) != 0) {
    CAFE_RETURN_IF_ERROR(create(path, protocol::Bytes(size)));
  }
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return unusable(path, std::strerror(errno));
  std::unique_ptr<FileMemory> memory(new FileMemory(descriptor, protocol::Bytes(size)));
  struct stat status {};
  if (fstat(descriptor, &status) != 0 || status.st_size != static_cast<off_t>(size)) {
    return unusable(path, "it is no memory of this device.");
  }
  if (!read_all(descriptor, memory->bytes_)) return unusable(path, std::strerror(errno));
  return memory;
}

FileMemory::~FileMemory() { close(descriptor_); }

void FileMemory::read(size_t offset, protocol::MutableByteView out) const {
  std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(offset), out.size(), out.begin());
}

void FileMemory::write(size_t offset, ByteView data) {
  std::copy(data.begin(), data.end(), bytes_.begin() + static_cast<ptrdiff_t>(offset));
  if (!write_all(descriptor_, data, offset)) throw firmware::PowerLost{};
}

}  // namespace cafe::host
