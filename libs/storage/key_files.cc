#include "libs/storage/key_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "libs/protocol/denomination.h"

namespace cafe::storage {
namespace {

using protocol::Bytes;
using protocol::Point;
using protocol::Scalar;

constexpr size_t kMaxFileBytes = 16 << 20;

/// Wipes memory before it is given back, so that no copy of a secret that the parser made stays.
template <typename T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <typename U>
  WipingAllocator(const WipingAllocator<U>&) {}  // NOLINT: as std::allocator's
  T* allocate(size_t n) { return std::allocator<T>().allocate(n); }
  void deallocate(T* at, size_t n) {
    protocol::wipe({reinterpret_cast<uint8_t*>(at), n * sizeof(T)});
    std::allocator<T>().deallocate(at, n);
  }
  bool operator==(const WipingAllocator&) const = default;
};

using SecretText = std::basic_string<char, std::char_traits<char>, WipingAllocator<char>>;
using Json = nlohmann::basic_json<std::map, std::vector, SecretText>;

/// Wipes a string when it goes.
struct Wiped {
  std::string text;
  ~Wiped() { protocol::wipe({reinterpret_cast<uint8_t*>(text.data()), text.capacity()}); }
};

absl::Status file_error(const std::filesystem::path& path, std::string_view doing, int error) {
  const absl::StatusCode code = error == ENOENT   ? absl::StatusCode::kNotFound
                                : error == EACCES ? absl::StatusCode::kPermissionDenied
                                                  : absl::StatusCode::kUnavailable;
  return protocol::make_error(
      code, error == ENOENT ? "FILE_NOT_FOUND" : "FILE_UNUSABLE",
      "Cannot " + std::string(doing) + " " + path.string() + ": " + std::strerror(error) + ".");
}

absl::Status bad_file(const std::filesystem::path& path, std::string_view what) {
  return protocol::invalid("BAD_KEY_FILE", path.string() + ": " + std::string(what) + ".");
}

/// The same error with the file's name in front; the reason stays.
absl::Status in_file(const std::filesystem::path& path, const absl::Status& status) {
  return protocol::make_error(status.code(), protocol::reason_of(status),
                              path.string() + ": " + std::string(status.message()));
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

absl::Status write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t wrote = ::write(fd, content.data(), content.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return absl::ErrnoToStatus(errno, "write");
    content.remove_prefix(static_cast<size_t>(wrote));
  }
  return absl::OkStatus();
}

/// Beside the target, under a name that nobody else writes to; then renamed over it.
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

/// Reads the members of one JSON object, each exactly once; what is left over is an error, since a
/// misspelt member would otherwise be ignored.
class Members {
 public:
  static absl::StatusOr<Members> parse(const std::filesystem::path& path, bool secret) {
    CAFE_ASSIGN_OR_RETURN(std::string content, read_whole(path, secret));
    const Wiped wiped{std::move(content)};
    // Without exceptions: their texts quote what was read.
    Json json = Json::parse(wiped.text.begin(), wiped.text.end(), nullptr, false);
    if (!json.is_object()) return bad_file(path, "it is not a JSON object");
    return Members(path, std::move(json));
  }
  static absl::StatusOr<Members> of(const std::filesystem::path& path, const Json& json) {
    if (!json.is_object()) return bad_file(path, "an item of a list is not a JSON object");
    return Members(path, json);
  }

  absl::StatusOr<const Json*> member(const std::string& name) {
    const auto found = json_.find(SecretText(name.begin(), name.end()));
    if (found == json_.end()) return bad_file(path_, "\"" + name + "\" is missing");
    ++used_;
    return &*found;
  }
  absl::StatusOr<std::string> text(const std::string& name) {
    CAFE_ASSIGN_OR_RETURN(const Json* value, member(name));
    if (!value->is_string()) return bad_file(path_, "\"" + name + "\" is not a string");
    const auto& text = value->get_ref<const SecretText&>();
    return std::string(text.begin(), text.end());
  }
  absl::StatusOr<Bytes> hex(const std::string& name) {
    CAFE_ASSIGN_OR_RETURN(std::string digits, text(name));
    const Wiped wiped{std::move(digits)};
    absl::StatusOr<Bytes> bytes = protocol::from_hex(wiped.text);
    if (!bytes.ok()) return bad_file(path_, "\"" + name + "\" is not hexadecimal");
    return bytes;
  }
  absl::StatusOr<Point> point(const std::string& name) {
    CAFE_ASSIGN_OR_RETURN(const Bytes bytes, hex(name));
    absl::StatusOr<Point> point = Point::decode(bytes);
    if (!point.ok()) return bad_file(path_, "\"" + name + "\" is not a point");
    return point;
  }
  absl::StatusOr<Scalar> scalar(const std::string& name) {
    CAFE_ASSIGN_OR_RETURN(Bytes bytes, hex(name));
    absl::StatusOr<Scalar> scalar = Scalar::decode(bytes);
    protocol::wipe(bytes);
    if (!scalar.ok()) return bad_file(path_, "\"" + name + "\" is not a scalar");
    return scalar;
  }
  absl::StatusOr<protocol::SigningKey> signing_key(const std::string& name) {
    CAFE_ASSIGN_OR_RETURN(const Scalar secret, scalar(name));
    absl::StatusOr<protocol::SigningKey> key = protocol::SigningKey::create(secret);
    if (!key.ok()) return in_file(path_, key.status());
    return key;
  }
  absl::Status finish() const {
    if (used_ != json_.size()) return bad_file(path_, "it has members that are not known");
    return absl::OkStatus();
  }

 private:
  Members(std::filesystem::path path, Json json) : path_(std::move(path)), json_(std::move(json)) {}
  std::filesystem::path path_;
  Json json_;
  size_t used_ = 0;
};

SecretText hex_text(protocol::ByteView bytes) {
  const Wiped hex{protocol::to_hex(bytes)};
  return SecretText(hex.text.begin(), hex.text.end());
}

SecretText plain(std::string_view text) { return SecretText(text.begin(), text.end()); }

absl::Status save_json(const std::filesystem::path& path, const Json& json, mode_t mode) {
  const SecretText text = json.dump(2) + "\n";
  return replace_file(path, std::string_view(text.data(), text.size()), mode);
}

}  // namespace

absl::StatusOr<protocol::TrustAnchors> load_trust(const std::filesystem::path& path) {
  CAFE_ASSIGN_OR_RETURN(Members file, Members::parse(path, false));
  CAFE_ASSIGN_OR_RETURN(const Json* issuers, file.member("issuers"));
  CAFE_ASSIGN_OR_RETURN(const Json* manufacturers, file.member("manufacturers"));
  CAFE_RETURN_IF_ERROR(file.finish());
  protocol::TrustAnchors anchors;
  CAFE_ASSIGN_OR_RETURN(Members by_id, Members::of(path, *issuers));
  for (const auto& item : issuers->items()) {
    const std::string id(item.key().begin(), item.key().end());
    if (absl::Status status = protocol::check_issuer_id(id); !status.ok()) {
      return in_file(path, status);
    }
    CAFE_ASSIGN_OR_RETURN(const Point key, by_id.point(id));
    anchors.master_keys.emplace(id, key);
  }
  if (!manufacturers->is_array()) return bad_file(path, "\"manufacturers\" is not a list");
  for (const Json& item : *manufacturers) {
    CAFE_ASSIGN_OR_RETURN(Members one, Members::of(path, Json::object({{plain("key"), item}})));
    CAFE_ASSIGN_OR_RETURN(const Point key, one.point("key"));
    anchors.manufacturer_keys.push_back(key);
  }
  return anchors;
}

absl::Status save_trust(const std::filesystem::path& path, const protocol::TrustAnchors& anchors) {
  Json json =
      Json::object({{plain("issuers"), Json::object()}, {plain("manufacturers"), Json::array()}});
  for (const auto& [id, key] : anchors.master_keys) {
    json[plain("issuers")][plain(id)] = hex_text(key.bytes());
  }
  for (const Point& key : anchors.manufacturer_keys) {
    json[plain("manufacturers")].push_back(hex_text(key.bytes()));
  }
  return save_json(path, json, 0644);
}

absl::StatusOr<OnlineKey> load_online_key(const std::filesystem::path& path,
                                          std::string_view purpose,
                                          const protocol::TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(Members file, Members::parse(path, true));
  CAFE_ASSIGN_OR_RETURN(const std::string issuer_id, file.text("issuer_id"));
  CAFE_ASSIGN_OR_RETURN(const std::string named_purpose, file.text("purpose"));
  CAFE_ASSIGN_OR_RETURN(const protocol::SigningKey key, file.signing_key("secret"));
  CAFE_ASSIGN_OR_RETURN(const Bytes certificate, file.hex("certificate"));
  CAFE_RETURN_IF_ERROR(file.finish());
  if (named_purpose != purpose) {
    return protocol::invalid("WRONG_PURPOSE", path.string() + " is a key for \"" + named_purpose +
                                                  "\"; name the file of the \"" +
                                                  std::string(purpose) + "\" key.");
  }
  absl::StatusOr<protocol::SignedDocument> document = protocol::SignedDocument::decode(certificate);
  if (!document.ok()) return in_file(path, document.status());
  absl::StatusOr<protocol::KeyCertificate> opened =
      protocol::open_key_certificate(*document, anchors, purpose, std::nullopt);
  if (!opened.ok()) return in_file(path, opened.status());
  if (opened->key != key.public_key() || opened->issuer_id != issuer_id) {
    return protocol::invalid("KEY_MISMATCH",
                             path.string() + ": the certificate is for another key or issuer.");
  }
  return OnlineKey{key, *std::move(document), *std::move(opened)};
}

absl::Status save_online_key(const std::filesystem::path& path, const OnlineKey& key) {
  return save_json(path,
                   Json::object({{plain("issuer_id"), plain(key.opened.issuer_id)},
                                 {plain("purpose"), plain(key.opened.purpose)},
                                 {plain("secret"), hex_text(key.key.secret().bytes())},
                                 {plain("certificate"), hex_text(key.certificate.encode())}}),
                   0600);
}

absl::StatusOr<protocol::SigningKey> load_signing_key(const std::filesystem::path& path,
                                                      std::string_view role) {
  CAFE_ASSIGN_OR_RETURN(Members file, Members::parse(path, true));
  CAFE_ASSIGN_OR_RETURN(const std::string named_role, file.text("role"));
  CAFE_ASSIGN_OR_RETURN(const protocol::SigningKey key, file.signing_key("secret"));
  CAFE_RETURN_IF_ERROR(file.finish());
  if (named_role != role) {
    return protocol::invalid("WRONG_ROLE", path.string() + " is a \"" + named_role +
                                               "\" key; name the file of the \"" +
                                               std::string(role) + "\" key.");
  }
  return key;
}

absl::Status save_signing_key(const std::filesystem::path& path, std::string_view role,
                              const protocol::SigningKey& key) {
  return save_json(path,
                   Json::object({{plain("role"), plain(role)},
                                 {plain("secret"), hex_text(key.secret().bytes())}}),
                   0600);
}

const Scalar* DenominationSecrets::find(const Point& H) const {
  for (const auto& [point, x] : keys) {
    if (point == H) return &x;
  }
  return nullptr;
}

absl::StatusOr<DenominationSecrets> load_denomination_secrets(const std::filesystem::path& path) {
  CAFE_ASSIGN_OR_RETURN(Members file, Members::parse(path, true));
  DenominationSecrets secrets;
  CAFE_ASSIGN_OR_RETURN(secrets.issuer_id, file.text("issuer_id"));
  CAFE_ASSIGN_OR_RETURN(Bytes seed, file.hex("seed"));
  CAFE_ASSIGN_OR_RETURN(const Json* keys, file.member("keys"));
  CAFE_RETURN_IF_ERROR(file.finish());
  if (seed.size() != 32) return bad_file(path, "\"seed\" is not 32 bytes");
  std::copy(seed.begin(), seed.end(), secrets.seed.mutable_view().begin());
  protocol::wipe(seed);
  if (!keys->is_array()) return bad_file(path, "\"keys\" is not a list");
  std::set<Point> seen;
  for (const Json& item : *keys) {
    CAFE_ASSIGN_OR_RETURN(Members one, Members::of(path, item));
    CAFE_ASSIGN_OR_RETURN(const Point H, one.point("H"));
    CAFE_ASSIGN_OR_RETURN(const Scalar x, one.scalar("x"));
    CAFE_RETURN_IF_ERROR(one.finish());
    if (protocol::multiply(x, protocol::g()) != H) {
      return protocol::invalid(
          "KEY_MISMATCH",
          path.string() + ": the key of " + protocol::to_hex(H.bytes()) + " does not fit it.");
    }
    if (!seen.insert(H).second) {
      return bad_file(path, "a key stands in it twice: " + protocol::to_hex(H.bytes()));
    }
    secrets.keys.emplace_back(H, x);
  }
  return secrets;
}

absl::Status save_denomination_secrets(const std::filesystem::path& path,
                                       const DenominationSecrets& secrets) {
  Json keys = Json::array();
  for (const auto& [H, x] : secrets.keys) {
    keys.push_back(
        Json::object({{plain("H"), hex_text(H.bytes())}, {plain("x"), hex_text(x.bytes())}}));
  }
  return save_json(path,
                   Json::object({{plain("issuer_id"), plain(secrets.issuer_id)},
                                 {plain("seed"), hex_text(secrets.seed.view())},
                                 {plain("keys"), std::move(keys)}}),
                   0600);
}

absl::StatusOr<std::string> read_file(const std::filesystem::path& path) {
  return read_whole(path, false);
}

absl::StatusOr<std::string> read_secret_file(const std::filesystem::path& path) {
  return read_whole(path, true);
}

absl::Status write_file(const std::filesystem::path& path, std::string_view content) {
  return replace_file(path, content, 0644);
}

absl::Status write_secret_file(const std::filesystem::path& path, std::string_view content) {
  return replace_file(path, content, 0600);
}

}  // namespace cafe::storage
