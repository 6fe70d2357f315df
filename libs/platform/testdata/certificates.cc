#include "libs/platform/testdata/certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>

namespace cafe::platform::testdata {
namespace {

using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

void require(bool done) {
  if (!done) {
    throw std::runtime_error("OpenSSL failed while making a test certificate");
  }
}

std::string to_pem(const std::function<int(BIO*)>& write) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), BIO_free_all);
  require(write(bio.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

template <class T>
T* from_pem(const std::string& pem, T* (*read)(BIO*, T**, pem_password_cb*, void*)) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free_all);
  return read(bio.get(), nullptr, nullptr, nullptr);
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  require(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

void set_serial(X509* certificate) {
  uint64_t serial = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) == 1);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1);
}

// Without `ca`: a CA that signs itself.
KeyAndCertificate make(const std::string& common_name, const KeyAndCertificate* ca,
                       const std::string& subject_alternative_names) {
  const KeyPtr key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const CertificatePtr certificate(X509_new(), X509_free);
  require(key != nullptr && certificate != nullptr);
  X509_set_version(certificate.get(), X509_VERSION_3);
  set_serial(certificate.get());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  CertificatePtr issuer(nullptr, X509_free);
  KeyPtr issuer_key(nullptr, EVP_PKEY_free);
  if (ca != nullptr) {
    issuer.reset(from_pem<X509>(ca->certificate_pem, PEM_read_bio_X509));
    issuer_key.reset(from_pem<EVP_PKEY>(ca->key_pem, PEM_read_bio_PrivateKey));
  }
  X509* const signer = ca == nullptr ? certificate.get() : issuer.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  add_extension(certificate.get(), signer, NID_basic_constraints,
                ca == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!subject_alternative_names.empty()) {
    add_extension(certificate.get(), signer, NID_subject_alt_name, subject_alternative_names);
  }
  require(X509_sign(certificate.get(), ca == nullptr ? key.get() : issuer_key.get(), EVP_sha256()) >
          0);
  return {to_pem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          }),
          to_pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); })};
}

}  // namespace

KeyAndCertificate make_ca(const std::string& common_name) { return make(common_name, nullptr, ""); }

KeyAndCertificate make_certificate(const KeyAndCertificate& ca, const std::string& common_name,
                                   const std::vector<std::string>& subject_alternative_names) {
  std::string joined;
  for (const std::string& name : subject_alternative_names) {
    joined += (joined.empty() ? "" : ",") + name;
  }
  return make(common_name, &ca, joined);
}

TlsOptions write_tls_files(const std::filesystem::path& folder, const std::string& name,
                           const KeyAndCertificate& own, const KeyAndCertificate& ca) {
  const auto write = [&](const char* suffix, const std::string& content) {
    const std::filesystem::path path = folder / (name + suffix);
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  };
  return {.cert = write(".cert.pem", own.certificate_pem),
          .key = write(".key.pem", own.key_pem),
          .ca = write(".ca.pem", ca.certificate_pem)};
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "cafe-test-XXXXXX").string();
  require(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::write(const std::string& name, const std::string& content) const {
  std::ofstream(path_ / name, std::ios::binary) << content;
  return file(name);
}

}  // namespace cafe::platform::testdata
