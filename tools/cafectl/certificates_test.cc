// The certificates with which services know each other hold under a verifier's rules.
#include "tools/cafectl/certificates.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

namespace cafe::cafectl {
namespace {

constexpr uint64_t kNow_s = 1'765'000'000;
constexpr uint64_t kDay_s = 86400;

struct FreeX509 {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Certificate = std::unique_ptr<X509, FreeX509>;

Certificate read(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  Certificate certificate(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
  BIO_free(bio);
  return certificate;
}

// X509_V_OK, or why `leaf` does not hold under `authority` at that time and for that purpose.
int verify(const Certificate& leaf, const Certificate& authority, uint64_t now_s,
           int purpose = X509_PURPOSE_SSL_SERVER) {
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, authority.get());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, leaf.get(), nullptr);
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(now_s));
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
  X509_STORE_CTX_set_purpose(context, purpose);
  const int result = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return result;
}

bool key_fits(const PemPair& pair) {
  BIO* bio = BIO_new_mem_buf(pair.key.data(), static_cast<int>(pair.key.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  const bool fits =
      key != nullptr && X509_check_private_key(read(pair.certificate).get(), key) == 1;
  EVP_PKEY_free(key);
  return fits;
}

class CertificatesTest : public ::testing::Test {
 protected:
  const PemPair authority_ = make_authority("CAFE services", kNow_s, 3650).value();
  const PemPair deposit_ =
      make_certificate(authority_, "deposit", {"localhost", "127.0.0.1", "::1"}, kNow_s, 30)
          .value();
};

TEST_F(CertificatesTest, HoldsAtBothEndsOfAConnection) {
  const Certificate leaf = read(deposit_.certificate), authority = read(authority_.certificate);
  EXPECT_EQ(verify(leaf, authority, kNow_s), X509_V_OK);
  EXPECT_EQ(verify(leaf, authority, kNow_s, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
  EXPECT_TRUE(key_fits(deposit_));
  EXPECT_TRUE(key_fits(authority_));
}

TEST_F(CertificatesTest, NamesTheServiceAndItsHostsOnly) {
  const Certificate leaf = read(deposit_.certificate);
  const auto names = [&](const char* name) {
    return X509_check_host(leaf.get(), name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) == 1;
  };
  EXPECT_TRUE(names("deposit.cafe.internal"));
  EXPECT_TRUE(names("localhost"));
  EXPECT_EQ(X509_check_ip_asc(leaf.get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(leaf.get(), "::1", 0), 1);
  EXPECT_FALSE(names("withdrawal.cafe.internal"));
  EXPECT_FALSE(names("cafe.internal"));
  EXPECT_EQ(X509_check_ip_asc(leaf.get(), "127.0.0.2", 0), 0);
}

TEST_F(CertificatesTest, HoldsForItsDaysOnly) {
  const Certificate leaf = read(deposit_.certificate), authority = read(authority_.certificate);
  EXPECT_EQ(verify(leaf, authority, kNow_s - 1800), X509_V_OK) << "clocks may differ";
  EXPECT_EQ(verify(leaf, authority, kNow_s - 2 * 3600), X509_V_ERR_CERT_NOT_YET_VALID);
  EXPECT_EQ(verify(leaf, authority, kNow_s + 30 * kDay_s - 1), X509_V_OK);
  EXPECT_EQ(verify(leaf, authority, kNow_s + 30 * kDay_s + 1), X509_V_ERR_CERT_HAS_EXPIRED);
}

TEST_F(CertificatesTest, HoldsUnderItsOwnAuthorityOnly) {
  const auto other = make_authority("CAFE services", kNow_s, 3650);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_NE(verify(read(deposit_.certificate), read(other->certificate), kNow_s), X509_V_OK);
}

TEST_F(CertificatesTest, AServiceCertifiesNobody) {
  const auto forged = make_certificate(deposit_, "operator", {}, kNow_s, 30);
  ASSERT_TRUE(forged.ok()) << forged.status();
  // Neither as the authority itself, nor in between.
  EXPECT_NE(verify(read(forged->certificate), read(deposit_.certificate), kNow_s), X509_V_OK);
  EXPECT_EQ(X509_check_ca(read(deposit_.certificate).get()), 0);
  EXPECT_NE(X509_check_ca(read(authority_.certificate).get()), 0);
}

TEST_F(CertificatesTest, SerialNumbersDiffer) {
  const auto again = make_certificate(authority_, "deposit", {}, kNow_s, 30);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_NE(ASN1_INTEGER_cmp(X509_get_serialNumber(read(deposit_.certificate).get()),
                             X509_get_serialNumber(read(again->certificate).get())),
            0);
}

TEST_F(CertificatesTest, WhatIsNoAuthorityIsRefused) {
  EXPECT_FALSE(make_certificate({"no certificate", "no key"}, "deposit", {}, kNow_s, 30).ok());
  EXPECT_FALSE(
      make_certificate({authority_.certificate, "no key"}, "deposit", {}, kNow_s, 30).ok());
  EXPECT_FALSE(
      make_certificate(authority_, "deposit", {"not a host, but, a list"}, kNow_s, 30).ok());
}

}  // namespace
}  // namespace cafe::cafectl
