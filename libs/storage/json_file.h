// JSON files whose content may be secret: read whole and strictly, wiped when done with, replaced
// atomically. For the .cc files of this folder only.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "libs/protocol/ecdsa.h"

namespace cafe::storage {

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

/// BAD_KEY_FILE with the file's name.
absl::Status bad_file(const std::filesystem::path& path, std::string_view what);
/// The same error with the file's name in front; the reason stays.
absl::Status in_file(const std::filesystem::path& path, const absl::Status& status);

/// A whole file; where it is `secret`, only its owner may be able to use it (KEY_FILE_EXPOSED).
absl::StatusOr<std::string> read_whole(const std::filesystem::path& path, bool secret);
/// Beside the target, under a name that nobody else writes to; then renamed over it. Durable on
/// return.
absl::Status replace_file(const std::filesystem::path& path, std::string_view content, mode_t mode);

/// Reads the members of one JSON object, each exactly once; what is left over is an error, since a
/// misspelt member would otherwise be ignored.
class Members {
 public:
  static absl::StatusOr<Members> parse(const std::filesystem::path& path, bool secret);
  static absl::StatusOr<Members> of(const std::filesystem::path& path, const Json& json);

  bool has(const std::string& name) const;
  absl::StatusOr<const Json*> member(const std::string& name);
  absl::StatusOr<std::string> text(const std::string& name);
  absl::StatusOr<protocol::Bytes> hex(const std::string& name);
  absl::StatusOr<protocol::Point> point(const std::string& name);
  absl::StatusOr<protocol::Scalar> scalar(const std::string& name);
  absl::StatusOr<protocol::SigningKey> signing_key(const std::string& name);
  absl::StatusOr<protocol::SignedDocument> document(const std::string& name);
  absl::Status finish() const;

 private:
  Members(std::filesystem::path path, Json json) : path_(std::move(path)), json_(std::move(json)) {}
  std::filesystem::path path_;
  Json json_;
  size_t used_ = 0;
};

SecretText hex_text(protocol::ByteView bytes);
SecretText plain(std::string_view text);
absl::Status save_json(const std::filesystem::path& path, const Json& json, mode_t mode);

}  // namespace cafe::storage
