// The key of a backup and its words (section 8).
#include <cctype>

#include "libs/protocol/backup.h"
#include "libs/protocol/hash.h"

namespace cafe::protocol {

namespace {

constexpr size_t kCheckSize = 2;
constexpr size_t kWords = (BackupKey::kSize + kCheckSize) / 2;
constexpr size_t kLetters = 5;  // of a word: four bits, two, four, two, four
constexpr std::string_view kConsonants = "bdfghjklmnprstvz";
constexpr std::string_view kVowels = "aiou";

// Key and check, as the words spell them.
using Spelled = SecretArray<BackupKey::kSize + kCheckSize>;

std::string word_of(uint16_t bits) {
  std::string word(kLetters, ' ');
  for (size_t i = kLetters; i-- > 0;) {
    const std::string_view letters = i % 2 == 0 ? kConsonants : kVowels;
    word[i] = letters[bits % letters.size()];
    bits = static_cast<uint16_t>(bits / letters.size());
  }
  return word;
}

std::optional<uint16_t> bits_of(std::string_view word) {
  if (word.size() != kLetters) return std::nullopt;
  uint32_t bits = 0;
  for (size_t i = 0; i < kLetters; ++i) {
    const std::string_view letters = i % 2 == 0 ? kConsonants : kVowels;
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(word[i])));
    const size_t at = letters.find(lower);
    if (at == std::string_view::npos) return std::nullopt;
    bits = bits * static_cast<uint32_t>(letters.size()) + static_cast<uint32_t>(at);
  }
  return static_cast<uint16_t>(bits);
}

std::array<uint8_t, kCheckSize> check_of(ByteView key) {
  Frame frame("cafe/v1/backup-check");
  frame.add(key);
  const Bytes32 hash = digest(frame);
  Bytes spent = frame.take();
  wipe(spent);
  return {hash[0], hash[1]};
}

absl::Status bad_words() {
  return invalid("BAD_WORDS",
                 "These are not the nine words of a backup: copy them letter by letter as the "
                 "wallet showed them.");
}

bool separates(char c) { return c == ' ' || c == '-'; }

}  // namespace

BackupKey BackupKey::draw(Rng& rng) {
  SecretArray<kSize> bytes;
  rng.fill(bytes.mutable_view());
  return BackupKey(std::move(bytes));
}

std::string BackupKey::words() const {
  Spelled spelled;
  const std::array<uint8_t, kCheckSize> check = check_of(bytes_.view());
  const auto rest =
      std::copy(bytes_.view().begin(), bytes_.view().end(), spelled.mutable_view().begin());
  std::copy(check.begin(), check.end(), rest);
  std::string words;
  words.reserve(kWords * (kLetters + 1));
  for (size_t i = 0; i < kWords; ++i) {
    if (i > 0) words.push_back('-');
    const ByteView pair = spelled.view().subspan(2 * i, 2);
    words += word_of(static_cast<uint16_t>(pair[0] << 8 | pair[1]));
  }
  return words;
}

absl::StatusOr<BackupKey> BackupKey::from_words(std::string_view words) {
  Spelled spelled;
  size_t count = 0;
  for (size_t at = 0; at < words.size();) {
    if (separates(words[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < words.size() && !separates(words[end])) ++end;
    const std::optional<uint16_t> bits = bits_of(words.substr(at, end - at));
    if (!bits || count == kWords) return bad_words();
    spelled.mutable_view()[2 * count] = static_cast<uint8_t>(*bits >> 8);
    spelled.mutable_view()[2 * count + 1] = static_cast<uint8_t>(*bits);
    ++count;
    at = end;
  }
  const ByteView key = spelled.view().first(kSize);
  if (count != kWords || !equal_ct(check_of(key), spelled.view().last(kCheckSize))) {
    return bad_words();
  }
  SecretArray<kSize> bytes;
  std::copy(key.begin(), key.end(), bytes.mutable_view().begin());
  return BackupKey(std::move(bytes));
}

Seed BackupKey::encryption_key() const {
  Bytes32 key = mac(bytes_.view(), Frame("cafe/v1/backup-encryption"));
  Seed out(key);
  wipe(key);
  return out;
}

SigningKey BackupKey::holder_key() const {
  // Zero, which is no key, has probability 2^-256.
  return SigningKey::create(prf_scalar(bytes_.view(), Frame("cafe/v1/backup-holder"))).value();
}

}  // namespace cafe::protocol
