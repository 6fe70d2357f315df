#include "libs/storage/key_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "libs/protocol/rng.h"

namespace cafe::storage {
namespace {

using protocol::reason_of;

class KeyFiles : public ::testing::Test {
 protected:
  KeyFiles() {
    char name[] = "/tmp/cafe-key-files-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~KeyFiles() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path file(const std::string& name) const { return folder_ / name; }
  void write_raw(const std::string& name, const std::string& content) {
    ASSERT_TRUE(write_secret_file(file(name), content).ok());
  }
  static mode_t mode_of(const std::filesystem::path& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_mode & 0777;
  }

  protocol::SigningKey new_key() { return *protocol::SigningKey::create(rng_.scalar()); }
  OnlineKey new_online_key(const protocol::SigningKey& master, const protocol::SigningKey& key) {
    const protocol::KeyCertificate certificate{
        "issuer-a.example", std::string(protocol::kPurposeWithdrawal), key.public_key(), 1, 2};
    return {key, protocol::SignedDocument::sign(certificate.encode(), master), certificate};
  }

  std::filesystem::path folder_;
  protocol::SeededRng rng_{"key files"};
};

TEST_F(KeyFiles, TrustComesBackAsItWasSaved) {
  protocol::TrustAnchors anchors;
  anchors.master_keys.emplace("issuer-a.example", new_key().public_key());
  anchors.master_keys.emplace("issuer-b.example", new_key().public_key());
  anchors.manufacturer_keys = {new_key().public_key(), new_key().public_key()};
  ASSERT_TRUE(save_trust(file("trust.json"), anchors).ok());
  EXPECT_EQ(mode_of(file("trust.json")), 0644);
  const auto loaded = load_trust(file("trust.json"));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->master_keys, anchors.master_keys);
  EXPECT_EQ(loaded->manufacturer_keys, anchors.manufacturer_keys);
}

TEST_F(KeyFiles, OnlineKeyComesBackWithItsCertificate) {
  const protocol::SigningKey master = new_key();
  const OnlineKey key = new_online_key(master, new_key());
  protocol::TrustAnchors anchors;
  anchors.master_keys.emplace("issuer-a.example", master.public_key());
  ASSERT_TRUE(save_online_key(file("key.json"), key).ok());
  EXPECT_EQ(mode_of(file("key.json")), 0600);
  const auto loaded = load_online_key(file("key.json"), protocol::kPurposeWithdrawal, anchors);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->key.secret(), key.key.secret());
  EXPECT_EQ(loaded->certificate, key.certificate);
  EXPECT_EQ(loaded->opened.key, key.key.public_key());

  EXPECT_EQ(
      reason_of(load_online_key(file("key.json"), protocol::kPurposeDeposit, anchors).status()),
      "WRONG_PURPOSE");
  anchors.master_keys.at("issuer-a.example") = new_key().public_key();
  EXPECT_EQ(
      reason_of(load_online_key(file("key.json"), protocol::kPurposeWithdrawal, anchors).status()),
      "BAD_SIGNATURE");
}

TEST_F(KeyFiles, CertificateOfAnotherKeyIsRefused) {
  const protocol::SigningKey master = new_key();
  OnlineKey key = new_online_key(master, new_key());
  key.key = new_key();
  protocol::TrustAnchors anchors;
  anchors.master_keys.emplace("issuer-a.example", master.public_key());
  ASSERT_TRUE(save_online_key(file("key.json"), key).ok());
  EXPECT_EQ(
      reason_of(load_online_key(file("key.json"), protocol::kPurposeWithdrawal, anchors).status()),
      "KEY_MISMATCH");
}

TEST_F(KeyFiles, SigningKeyIsBoundToItsRole) {
  const protocol::SigningKey key = new_key();
  ASSERT_TRUE(save_signing_key(file("master.json"), "master", key).ok());
  const auto loaded = load_signing_key(file("master.json"), "master");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->secret(), key.secret());
  EXPECT_EQ(reason_of(load_signing_key(file("master.json"), "manufacturer").status()),
            "WRONG_ROLE");
}

TEST_F(KeyFiles, DenominationSecretsComeBack) {
  DenominationSecrets secrets{"issuer-a.example", rng_.seed(), {}};
  for (int i = 0; i < 3; ++i) {
    const protocol::Scalar x = rng_.scalar();
    secrets.keys.emplace_back(*protocol::multiply(x, protocol::g()), x);
  }
  ASSERT_TRUE(save_denomination_secrets(file("keys.json"), secrets).ok());
  EXPECT_EQ(mode_of(file("keys.json")), 0600);
  const auto loaded = load_denomination_secrets(file("keys.json"));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->issuer_id, secrets.issuer_id);
  EXPECT_TRUE(protocol::equal_ct(loaded->seed.view(), secrets.seed.view()));
  ASSERT_EQ(loaded->keys.size(), 3U);
  const protocol::Scalar* found = loaded->find(secrets.keys[1].first);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(*found, secrets.keys[1].second);
  EXPECT_EQ(loaded->find(protocol::g1()), nullptr);
}

TEST_F(KeyFiles, KeyThatDoesNotFitItsPointIsRefused) {
  DenominationSecrets secrets{"issuer-a.example", rng_.seed(), {}};
  secrets.keys.emplace_back(*protocol::multiply(rng_.scalar(), protocol::g()), rng_.scalar());
  ASSERT_TRUE(save_denomination_secrets(file("keys.json"), secrets).ok());
  EXPECT_EQ(reason_of(load_denomination_secrets(file("keys.json")).status()), "KEY_MISMATCH");
}

TEST_F(KeyFiles, FileThatOthersCanReadIsRefused) {
  ASSERT_TRUE(save_signing_key(file("master.json"), "master", new_key()).ok());
  for (const mode_t mode : {0640, 0604, 0660, 0602}) {
    ASSERT_EQ(::chmod(file("master.json").c_str(), mode), 0);
    EXPECT_EQ(reason_of(load_signing_key(file("master.json"), "master").status()),
              "KEY_FILE_EXPOSED")
        << std::oct << mode;
  }
  ASSERT_EQ(::chmod(file("master.json").c_str(), 0400), 0);
  EXPECT_TRUE(load_signing_key(file("master.json"), "master").ok());
}

TEST_F(KeyFiles, WrongContentIsRefusedWithoutQuotingIt) {
  const std::string secret(64, '1');
  const std::string cases[] = {
      "",
      "[]",
      "{\"role\": \"master\"}",
      "{\"role\": \"master\", \"secret\": 5}",
      "{\"role\": \"master\", \"secret\": \"" + secret + "xy\"}",
      "{\"role\": \"master\", \"secret\": \"" + secret + "11\"}",
      "{\"role\": \"master\", \"secret\": \"" + secret + "\"",
      "{\"role\": \"master\", \"secret\": \"" + secret + "\", \"more\": 1}",
      "{\"role\": \"master\", \"secret\": \"" + std::string(64, 'f') + "\"}",
  };
  for (const std::string& content : cases) {
    write_raw("bad.json", content);
    const absl::Status status = load_signing_key(file("bad.json"), "master").status();
    EXPECT_EQ(reason_of(status), "BAD_KEY_FILE") << content;
    EXPECT_EQ(status.message().find("1111"), std::string::npos) << status;
    EXPECT_NE(status.message().find("bad.json"), std::string::npos) << status;
  }
  write_raw("bad.json", "{\"role\": \"master\", \"secret\": \"" + std::string(64, '0') + "\"}");
  EXPECT_EQ(reason_of(load_signing_key(file("bad.json"), "master").status()), "UNUSABLE_KEY");
}

TEST_F(KeyFiles, MissingFileSaysWhichOne) {
  const absl::Status status = load_trust(file("nowhere.json")).status();
  EXPECT_EQ(reason_of(status), "FILE_NOT_FOUND");
  EXPECT_NE(status.message().find("nowhere.json"), std::string::npos);
}

TEST_F(KeyFiles, WritingReplacesTheWholeFileAndLeavesNothingBeside) {
  ASSERT_TRUE(write_file(file("a"), "a long first content").ok());
  ASSERT_TRUE(write_secret_file(file("a"), "short").ok());
  EXPECT_EQ(*read_secret_file(file("a")), "short");
  EXPECT_EQ(mode_of(file("a")), 0600);
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_)) ++files;
  EXPECT_EQ(files, 1);
  EXPECT_FALSE(write_file(file("no/such/folder"), "x").ok());
}

}  // namespace
}  // namespace cafe::storage
