// The load key's file, and trust.json, which tells makers of guardians of it.
#include "libs/storage/load_key_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "libs/protocol/rng.h"
#include "libs/storage/key_files.h"

namespace cafe::storage {
namespace {

using protocol::reason_of;

constexpr const char* kIssuer = "issuer-a.example";

class LoadKeyFile : public ::testing::Test {
 protected:
  LoadKeyFile() {
    char name[] = "/tmp/cafe-load-key-XXXXXX";
    folder_ = ::mkdtemp(name);
    anchors_.master_keys.emplace(kIssuer, master_.public_key());
  }
  ~LoadKeyFile() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path file(const std::string& name) const { return folder_ / name; }
  // Made once: RSA keys take their time.
  const LoadSigningKey& key() const {
    static const LoadSigningKey key = *make_load_key(kIssuer, master_);
    return key;
  }
  std::string reason_of_file(const std::string& name) const {
    return reason_of(open_load_key_file(file(name), anchors_).status());
  }
  LoadSigningKey with_certificate(const protocol::LoadKeyCertificate& certificate,
                                  const protocol::SigningKey& signer) const {
    return {SecretBytes(protocol::to_bytes(key().private_der.view())),
            protocol::SignedDocument::sign(certificate.encode(), signer), certificate};
  }

  protocol::SeededRng rng_{"load key files"};
  const protocol::SigningKey master_ = *protocol::SigningKey::create(rng_.scalar());
  const protocol::SigningKey other_ = *protocol::SigningKey::create(rng_.scalar());
  protocol::TrustAnchors anchors_;
  std::filesystem::path folder_;
};

TEST_F(LoadKeyFile, ComesBackAndSignsWhatItsCertificateVerifies) {
  ASSERT_TRUE(save_load_key_file(file("load.key"), key()).ok());
  struct stat info {};
  ASSERT_EQ(::stat(file("load.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  const auto loaded = open_load_key_file(file("load.key"), anchors_);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->certificate, key().certificate);
  EXPECT_EQ(loaded->opened.issuer_id, kIssuer);
  const protocol::Load load{{}, kIssuer, "EUR", 500, 1};
  const auto signature = protocol::sign_load(load, loaded->private_der.view());
  ASSERT_TRUE(signature.ok()) << signature.status();
  const auto certificate = protocol::open_load_key(key().certificate, anchors_);
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_TRUE(protocol::check_load(load.encode(), *signature, certificate->public_key_der).ok());
}

TEST_F(LoadKeyFile, FileThatOthersCanReadIsRefused) {
  ASSERT_TRUE(save_load_key_file(file("load.key"), key()).ok());
  ASSERT_EQ(::chmod(file("load.key").c_str(), 0640), 0);
  EXPECT_EQ(reason_of_file("load.key"), "KEY_FILE_EXPOSED");
  EXPECT_EQ(reason_of_file("nowhere.key"), "FILE_NOT_FOUND");
}

TEST_F(LoadKeyFile, CertificateMustBeOfThisKeyAndTheIssuersMasterKey) {
  const LoadSigningKey fresh = *make_load_key(kIssuer, master_);
  ASSERT_TRUE(save_load_key_file(file("other-pair"), with_certificate(fresh.opened, master_)).ok());
  EXPECT_EQ(reason_of_file("other-pair"), "KEY_MISMATCH");
  ASSERT_TRUE(
      save_load_key_file(file("other-master"), with_certificate(key().opened, other_)).ok());
  EXPECT_EQ(reason_of_file("other-master"), "BAD_SIGNATURE");
  const protocol::LoadKeyCertificate elsewhere{"issuer-b.example", key().opened.public_key_der};
  ASSERT_TRUE(save_load_key_file(file("other-issuer"), with_certificate(elsewhere, master_)).ok());
  EXPECT_EQ(reason_of_file("other-issuer"), "UNKNOWN_ISSUER");
}

TEST_F(LoadKeyFile, KeyOfAnotherPurposeIsRefused) {
  const protocol::KeyCertificate certificate{kIssuer, std::string(protocol::kPurposeWithdrawal),
                                             other_.public_key(), 1, 2};
  ASSERT_TRUE(
      save_online_key(
          file("withdrawal.key"),
          {other_, protocol::SignedDocument::sign(certificate.encode(), master_), certificate})
          .ok());
  EXPECT_EQ(reason_of_file("withdrawal.key"), "WRONG_PURPOSE");
}

TEST_F(LoadKeyFile, TrustNamesTheLoadKeysOfItsIssuers) {
  ASSERT_TRUE(save_trust(file("trust.json"), anchors_, {{key().certificate}}).ok());
  const auto trust = load_trust_file(file("trust.json"));
  ASSERT_TRUE(trust.ok()) << trust.status();
  ASSERT_EQ(trust->load_keys.size(), 1U);
  EXPECT_EQ(trust->load_keys[0], key().certificate);
  EXPECT_EQ(trust->anchors.master_keys, anchors_.master_keys);
  EXPECT_EQ(load_trust(file("trust.json"))->master_keys, anchors_.master_keys);
}

TEST_F(LoadKeyFile, TrustWithoutLoadKeysStaysReadable) {
  ASSERT_TRUE(write_file(file("trust.json"), R"({"issuers": {}, "manufacturers": []})").ok());
  const auto trust = load_trust_file(file("trust.json"));
  ASSERT_TRUE(trust.ok()) << trust.status();
  EXPECT_TRUE(trust->load_keys.empty());
}

TEST_F(LoadKeyFile, TrustRefusesALoadKeyThatNoMasterKeyOfItSigned) {
  protocol::TrustAnchors others;
  others.master_keys.emplace(kIssuer, other_.public_key());
  ASSERT_TRUE(save_trust(file("wrong.json"), others, {{key().certificate}}).ok());
  EXPECT_EQ(reason_of(load_trust_file(file("wrong.json")).status()), "BAD_SIGNATURE");
  ASSERT_TRUE(save_trust(file("unknown.json"), {}, {{key().certificate}}).ok());
  EXPECT_EQ(reason_of(load_trust_file(file("unknown.json")).status()), "UNKNOWN_ISSUER");
}

}  // namespace
}  // namespace cafe::storage
