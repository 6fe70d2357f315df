#include "libs/storage/json_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace cafe::storage {

using protocol::Bytes;
using protocol::Point;
using protocol::Scalar;

namespace {

constexpr size_t kMaxFileBytes = 16 << 20;

absl::Status file_error(const std::filesystem::path& path, std::string_view doing, int error) {
  const absl::StatusCode code = error == ENOENT   ? absl::StatusCode::kNotFound
                                : error == EACCES ? absl::StatusCode::kPermissionDenied
                                                  : absl::StatusCode::kUnavailable;
  return protocol::make_error(
      code, error == ENOENT ? "FILE_NOT_FOUND" : "FILE_UNUSABLE",
      "Cannot " + std::string(doing) + " " + path.string() + ": " + std::strerror(error) + ".");
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::Status write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t wrote = ::write(fd, content.data(), content.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return absl::ErrnoToStatus(errno, "write");
    content.remove_prefix(static_cast<size_t>(wrote));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status bad_file(const std::filesystem::path& path, std::string_view what) {
  return protocol::invalid("BAD_KEY_FILE", path.string() + ": " + std::string(what) + ".");
}

absl::Status in_file(const std::filesystem::path& path, const absl::Status& status) {
  return protocol::make_error(status.code(), protocol::reason_of(status),
                              path.string() + ": " + std::string(status.message()));
}

absl::StatusOr<std::string> read_whole(const std::filesystem::path& path, bool secret) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return file_error(path, "open", errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return file_error(path, "look at", errno);
  if (!S_ISREG(info.st_mode)) return file_error(path, "read", EISDIR);
  // Asked of the open file, so that nobody can put another in its place in between.
  if (secret && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return protocol::refused("KEY_FILE_EXPOSED",
                             path.string() +
                                 " holds a secret, and others than its owner may use "
                                 "it: run chmod 600 on it, and replace the key if "
                                 "others could have read it.");
  }
  if (static_cast<uint64_t>(info.st_size) > kMaxFileBytes) return file_error(path, "read", EFBIG);
  // One allocation, so that no outgrown buffer keeps a part of a secret.
  std::string content(static_cast<size_t>(info.st_size), '\0');
  size_t have = 0;
  while (have < content.size()) {
    const ssize_t got = ::read(file.get(), content.data() + have, content.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error(path, "read", errno);
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  content.resize(have);
  return content;
}

absl::Status replace_file(const std::filesystem::path& path, std::string_view content,
                          mode_t mode) {
  const std::filesystem::path folder =
      path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::string name = path.string() + ".new-XXXXXX";
  const Descriptor file(::mkostemp(name.data(), O_CLOEXEC));
  if (file.get() < 0) return file_error(path, "create", errno);
  const auto fail = [&](int error) {
    ::unlink(name.c_str());
    return file_error(path, "write", error);
  };
  // mkostemp creates with 0600; a file without secrets becomes readable before it gets its name.
  if (mode != 0600 && ::fchmod(file.get(), mode) != 0) return fail(errno);
  if (!write_all(file.get(), content).ok()) return fail(errno);
  if (::fsync(file.get()) != 0) return fail(errno);
  if (::rename(name.c_str(), path.c_str()) != 0) return fail(errno);
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) {
    return file_error(path, "make durable", errno);
  }
  return absl::OkStatus();
}

absl::StatusOr<Members> Members::parse(const std::filesystem::path& path, bool secret) {
  CAFE_ASSIGN_OR_RETURN(std::string content, read_whole(path, secret));
  const Wiped wiped{std::move(content)};
  // Without exceptions: their texts quote what was read.
  Json json = Json::parse(wiped.text.begin(), wiped.text.end(), nullptr, false);
  if (!json.is_object()) return bad_file(path, "it is not a JSON object");
  return Members(path, std::move(json));
}

absl::StatusOr<Members> Members::of(const std::filesystem::path& path, const Json& json) {
  if (!json.is_object()) return bad_file(path, "an item of a list is not a JSON object");
  return Members(path, json);
}

absl::StatusOr<const Json*> Members::member(const std::string& name) {
  const auto found = json_.find(SecretText(name.begin(), name.end()));
  if (found == json_.end()) return bad_file(path_, "\"" + name + "\" is missing");
  ++used_;
  return &*found;
}

absl::StatusOr<std::string> Members::text(const std::string& name) {
  CAFE_ASSIGN_OR_RETURN(const Json* value, member(name));
  if (!value->is_string()) return bad_file(path_, "\"" + name + "\" is not a string");
  const auto& text = value->get_ref<const SecretText&>();
  return std::string(text.begin(), text.end());
}

absl::StatusOr<Bytes> Members::hex(const std::string& name) {
  CAFE_ASSIGN_OR_RETURN(std::string digits, text(name));
  const Wiped wiped{std::move(digits)};
  absl::StatusOr<Bytes> bytes = protocol::from_hex(wiped.text);
  if (!bytes.ok()) return bad_file(path_, "\"" + name + "\" is not hexadecimal");
  return bytes;
}

absl::StatusOr<Point> Members::point(const std::string& name) {
  CAFE_ASSIGN_OR_RETURN(const Bytes bytes, hex(name));
  absl::StatusOr<Point> point = Point::decode(bytes);
  if (!point.ok()) return bad_file(path_, "\"" + name + "\" is not a point");
  return point;
}

absl::StatusOr<Scalar> Members::scalar(const std::string& name) {
  CAFE_ASSIGN_OR_RETURN(Bytes bytes, hex(name));
  absl::StatusOr<Scalar> scalar = Scalar::decode(bytes);
  protocol::wipe(bytes);
  if (!scalar.ok()) return bad_file(path_, "\"" + name + "\" is not a scalar");
  return scalar;
}

absl::StatusOr<protocol::SigningKey> Members::signing_key(const std::string& name) {
  CAFE_ASSIGN_OR_RETURN(const Scalar secret, scalar(name));
  absl::StatusOr<protocol::SigningKey> key = protocol::SigningKey::create(secret);
  if (!key.ok()) return in_file(path_, key.status());
  return key;
}

absl::Status Members::finish() const {
  if (used_ != json_.size()) return bad_file(path_, "it has members that are not known");
  return absl::OkStatus();
}

bool Members::has(const std::string& name) const {
  return json_.contains(SecretText(name.begin(), name.end()));
}

absl::StatusOr<protocol::SignedDocument> Members::document(const std::string& name) {
  CAFE_ASSIGN_OR_RETURN(const Bytes bytes, hex(name));
  absl::StatusOr<protocol::SignedDocument> document = protocol::SignedDocument::decode(bytes);
  if (!document.ok()) return in_file(path_, document.status());
  return document;
}

SecretText hex_text(protocol::ByteView bytes) {
  const Wiped hex{protocol::to_hex(bytes)};
  return SecretText(hex.text.begin(), hex.text.end());
}

SecretText plain(std::string_view text) { return SecretText(text.begin(), text.end()); }

absl::Status save_json(const std::filesystem::path& path, const Json& json, mode_t mode) {
  const SecretText text = json.dump(2) + "\n";
  return replace_file(path, std::string_view(text.data(), text.size()), mode);
}

}  // namespace cafe::storage
