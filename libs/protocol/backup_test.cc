#include "libs/protocol/backup.h"

#include <gtest/gtest.h>

#include <functional>

#include "libs/protocol/hash.h"
#include "libs/protocol/testing/world.h"

namespace cafe::protocol {
namespace {

using cafe::testing::World;
using cafe::testing::WorldWallet;

bool contains(ByteView bytes, ByteView part) {
  return std::search(bytes.begin(), bytes.end(), part.begin(), part.end()) != bytes.end();
}

class BackupTest : public ::testing::Test {
 protected:
  SignedDocument sealed(uint64_t number = 1) {
    return seal_backup(key, World::kIssuer, wallet.account.account, number, wallet.coin_seed,
                       wallet.identity.account_key, world.rng);
  }
  static std::string opening(const BackupKey& with, const Backup& backup) {
    return reason_of(open_backup(with, backup).status());
  }

  World world{"backups"};
  const WorldWallet wallet = world.make_wallet();
  const BackupKey key = BackupKey::draw(world.rng);
};

TEST_F(BackupTest, TheWordsBringTheSeedBack) {
  const SignedDocument document = sealed();
  EXPECT_TRUE(document.check(wallet.account.registration.K).ok());
  const auto backup = Backup::decode(document.frame);
  ASSERT_TRUE(backup.ok()) << backup.status();
  const auto read = BackupKey::from_words(key.words());
  ASSERT_TRUE(read.ok()) << read.status();
  const auto seed = open_backup(*read, *backup);
  ASSERT_TRUE(seed.ok()) << seed.status();
  EXPECT_TRUE(equal_ct(seed->view(), wallet.coin_seed.view()));
  EXPECT_EQ(read->holder_key().public_key(), backup->holder)
      << "and ask for it, with nothing but them";
}

TEST_F(BackupTest, NineWordsOfFiveLetters) {
  const std::string words = key.words();
  ASSERT_EQ(words.size(), 9 * 5 + 8u);
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view letters = i % 6 == 5       ? "-"
                                     : i % 6 % 2 == 0 ? "bdfghjklmnprstvz"
                                                      : "aiou";
    EXPECT_NE(letters.find(words[i]), std::string_view::npos) << i << " in " << words;
  }
}

// As published: 127.0.0.1 is lusab-babad, 63.84.220.193 gutih-tugad, 140.98.193.141
// mudof-sakat, 64.255.6.200 haguz-biram.
TEST_F(BackupTest, TheWordsAreProquints) {
  class Fixed : public Rng {
   public:
    void fill(MutableByteView out) override {
      const uint8_t bytes[] = {127, 0, 0, 1, 63, 84, 220, 193, 140, 98, 193, 141, 64, 255, 6, 200};
      ASSERT_EQ(out.size(), sizeof bytes);
      std::copy(std::begin(bytes), std::end(bytes), out.begin());
    }
  } rng;
  const std::string words = BackupKey::draw(rng).words();
  EXPECT_EQ(words.substr(0, 48), "lusab-babad-gutih-tugad-mudof-sakat-haguz-biram-");
}

TEST_F(BackupTest, CaseAndSeparatorsDoNotMatter) {
  std::string words = key.words();
  std::replace(words.begin(), words.end(), '-', ' ');
  for (char& c : words) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const auto read = BackupKey::from_words("  " + words + "-");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->words(), key.words());
}

// A misread letter is seen before anything is asked of anybody. The check has 16 bits, so a few
// of the letters that could stand in place of one pass it; they open nothing all the same.
TEST_F(BackupTest, OneAlteredLetterIsNoticed) {
  const Backup backup = *Backup::decode(sealed().frame);
  const std::string words = key.words();
  int altered = 0;
  int passed = 0;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == '-') continue;
    for (char letter = 'a'; letter <= 'z'; ++letter) {
      if (letter == words[i]) continue;
      std::string wrong = words;
      wrong[i] = letter;
      const auto read = BackupKey::from_words(wrong);
      ++altered;
      if (!read.ok()) {
        EXPECT_EQ(reason_of(read.status()), "BAD_WORDS");
        continue;
      }
      ++passed;
      EXPECT_EQ(opening(*read, backup), "BAD_BACKUP") << wrong;
    }
  }
  EXPECT_EQ(altered, 45 * 25);
  EXPECT_LE(passed, 1);
}

TEST_F(BackupTest, OtherWordsOpenNothing) {
  const Backup backup = *Backup::decode(sealed().frame);
  EXPECT_EQ(opening(BackupKey::draw(world.rng), backup), "BAD_BACKUP");
  // Nor do they where they claim to be the backup's own.
  const BackupKey other = BackupKey::draw(world.rng);
  Backup renamed = backup;
  renamed.holder = other.holder_key().public_key();
  EXPECT_EQ(opening(other, renamed), "BAD_BACKUP");
}

TEST_F(BackupTest, NothingOfItCanBeAltered) {
  const Backup good = *Backup::decode(sealed().frame);
  ASSERT_EQ(opening(key, good), "");
  const std::vector<std::function<void(Backup&)>> changes = {
      [](Backup& b) { b.issuer_id = "issuer-b.example"; },
      [](Backup& b) { b.account.bytes[0] ^= 1; },
      [](Backup& b) { b.number += 1; },
      [](Backup& b) { b.holder = *add(b.holder, g()); },
      [](Backup& b) { b.sealed.pop_back(); },
      [](Backup& b) { b.sealed.clear(); },
  };
  for (size_t n = 0; n < changes.size(); ++n) {
    Backup bad = good;
    changes[n](bad);
    EXPECT_EQ(opening(key, bad), "BAD_BACKUP") << "change " << n;
  }
  for (size_t i = 0; i < good.sealed.size(); ++i) {
    Backup bad = good;
    bad.sealed[i] ^= 1;
    EXPECT_EQ(opening(key, bad), "BAD_BACKUP") << "byte " << i;
  }
}

TEST_F(BackupTest, NoTwoBackupsLookAlike) {
  const Backup first = *Backup::decode(sealed().frame);
  const Backup second = *Backup::decode(sealed().frame);
  EXPECT_NE(first.sealed, second.sealed) << "the IV is drawn";
}

// [guard] of section 8: guesses at a passphrase can be checked against what the issuer has, and a
// hit traces every coin.
TEST_F(BackupTest, guard_the_key_is_drawn_and_never_a_passphrase) {
  static_assert(!std::is_default_constructible_v<BackupKey>);
  static_assert(!std::is_constructible_v<BackupKey, std::string>);
  static_assert(!std::is_constructible_v<BackupKey, Bytes16>);
  static_assert(!std::is_constructible_v<BackupKey, SecretArray<16>>);
  class Counting : public Rng {
   public:
    void fill(MutableByteView out) override {
      drawn += out.size();
      std::fill(out.begin(), out.end(), uint8_t{7});
    }
    size_t drawn = 0;
  } rng;
  BackupKey::draw(rng);
  EXPECT_EQ(rng.drawn * 8, 128u);
  // What people choose is not read as words, even if it has the form of some.
  for (const std::string_view phrase :
       {"", "correct horse battery staple", "1234", "my dog is called rex", "lusab",
        "lusab-lusab-lusab-lusab-lusab-lusab-lusab-lusab-lusab",
        "babab-babab-babab-babab-babab-babab-babab-babab-babab",
        "lusab-babad-gutih-tugad-mudof-sakat-haguz-biram"}) {
    EXPECT_EQ(reason_of(BackupKey::from_words(phrase).status()), "BAD_WORDS") << phrase;
  }
  std::string longer = key.words() + "-babab";
  EXPECT_EQ(reason_of(BackupKey::from_words(longer).status()), "BAD_WORDS");
  EXPECT_EQ(reason_of(BackupKey::from_words(key.words().substr(6)).status()), "BAD_WORDS");
}

// [guard] of section 8: the identity seed is on the card or nowhere. What the issuer gets is the
// same whatever it is, apart from the signature of the key that derives from it.
TEST_F(BackupTest, guard_the_identity_seed_is_never_in_it) {
  World one("same backups"), other("same backups");
  const WorldWallet first = one.make_wallet();
  const WorldWallet second = other.make_wallet();
  const BackupKey words = BackupKey::draw(one.rng);
  const BackupKey same_words = BackupKey::draw(other.rng);
  const SigningKey foreign = cafe::testing::make_key(world.rng);
  const SignedDocument a = seal_backup(words, World::kIssuer, first.account.account, 1,
                                       first.coin_seed, first.identity.account_key, one.rng);
  const SignedDocument b = seal_backup(same_words, World::kIssuer, second.account.account, 1,
                                       second.coin_seed, foreign, other.rng);
  EXPECT_EQ(a.frame, b.frame);
  // Opened, there are 32 bytes: the coin seed.
  const Seed opened = *open_backup(words, *Backup::decode(a.frame));
  EXPECT_TRUE(equal_ct(opened.view(), first.coin_seed.view()));
  EXPECT_FALSE(equal_ct(opened.view(), first.identity_seed.view()));
  EXPECT_FALSE(contains(a.encode(), first.identity_seed.view()));
  EXPECT_FALSE(contains(a.encode(), first.coin_seed.view()));
}

TEST_F(BackupTest, EncryptionAndHolderAreKeysOfTheirOwn) {
  EXPECT_FALSE(equal_ct(key.encryption_key().view(), key.holder_key().secret().bytes()));
  const BackupKey other = BackupKey::draw(world.rng);
  EXPECT_FALSE(equal_ct(key.encryption_key().view(), other.encryption_key().view()));
  EXPECT_NE(key.holder_key().public_key(), other.holder_key().public_key());
  // As the header says, so that other implementations open our backups.
  const Bytes raw = [this] {
    Bytes out;  // the words' bits
    const std::string words = key.words();
    for (size_t w = 0; w < 8; ++w) {
      uint32_t bits = 0;
      for (size_t i = 0; i < 5; ++i) {
        const std::string_view letters = i % 2 == 0 ? "bdfghjklmnprstvz" : "aiou";
        bits = bits * static_cast<uint32_t>(letters.size()) +
               static_cast<uint32_t>(letters.find(words[6 * w + i]));
      }
      out.push_back(static_cast<uint8_t>(bits >> 8));
      out.push_back(static_cast<uint8_t>(bits));
    }
    return out;
  }();
  EXPECT_TRUE(equal_ct(key.encryption_key().view(), mac(raw, Frame("cafe/v1/backup-encryption"))));
  EXPECT_EQ(key.holder_key().secret(), prf_scalar(raw, Frame("cafe/v1/backup-holder")));
}

}  // namespace
}  // namespace cafe::protocol
