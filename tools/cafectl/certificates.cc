#include "tools/cafectl/certificates.h"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "libs/protocol/status.h"

namespace cafe::cafectl {

namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using KeyHandle = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using CertificateHandle = std::unique_ptr<X509, Deleter<X509_free>>;
using BioHandle = std::unique_ptr<BIO, Deleter<BIO_free>>;

absl::Status openssl_error(const char* what) {
  return protocol::make_error(absl::StatusCode::kInternal, "OPENSSL",
                              std::string("OpenSSL could not ") + what + ".");
}

absl::StatusOr<std::string> to_pem(const auto& write) {
  const BioHandle bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || write(bio.get()) != 1) return openssl_error("write PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

absl::StatusOr<PemPair> to_pem_pair(X509* certificate, EVP_PKEY* key) {
  PemPair out;
  CAFE_ASSIGN_OR_RETURN(out.certificate,
                        to_pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }));
  CAFE_ASSIGN_OR_RETURN(out.key, to_pem([&](BIO* bio) {
                          return PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0,
                                                               nullptr, nullptr);
                        }));
  return out;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

struct Subject {
  std::string common_name;
  std::vector<std::pair<int, std::string>> extensions;
};

absl::StatusOr<CertificateHandle> build(const Subject& subject, EVP_PKEY* key, X509* issuer,
                                        EVP_PKEY* issuer_key, uint64_t now_s, uint32_t days) {
  CertificateHandle certificate(X509_new());
  const std::unique_ptr<BIGNUM, Deleter<BN_free>> serial(BN_new());
  if (certificate == nullptr || serial == nullptr ||
      BN_rand(serial.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) != 1 ||
      BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate.get())) == nullptr) {
    return openssl_error("draw a serial number");
  }
  X509* x509 = certificate.get();
  X509* signer = issuer == nullptr ? x509 : issuer;
  // An hour back, for clocks that differ.
  const bool filled =
      X509_set_version(x509, X509_VERSION_3) == 1 && X509_set_pubkey(x509, key) == 1 &&
      ASN1_TIME_set(X509_getm_notBefore(x509), static_cast<time_t>(now_s) - 3600) != nullptr &&
      ASN1_TIME_adj(X509_getm_notAfter(x509), static_cast<time_t>(now_s), static_cast<int>(days),
                    0) != nullptr &&
      X509_NAME_add_entry_by_txt(
          X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
          reinterpret_cast<const unsigned char*>(subject.common_name.c_str()), -1, -1, 0) == 1 &&
      X509_set_issuer_name(x509, X509_get_subject_name(signer)) == 1;
  if (!filled) return openssl_error("fill in a certificate");
  for (const auto& [nid, value] : subject.extensions) {
    if (!add_extension(x509, signer, nid, value))
      return openssl_error("add an extension to a certificate");
  }
  if (X509_sign(x509, issuer_key, EVP_sha256()) == 0) return openssl_error("sign a certificate");
  return certificate;
}

bool is_ip(const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address) == 1;
}

}  // namespace

absl::StatusOr<PemPair> make_authority(const std::string& common_name, uint64_t now_s,
                                       uint32_t days) {
  const KeyHandle key(EVP_EC_gen("P-256"));
  if (key == nullptr) return openssl_error("make a key");
  const Subject subject{common_name,
                        {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                         {NID_key_usage, "critical,keyCertSign,cRLSign"},
                         {NID_subject_key_identifier, "hash"}}};
  CAFE_ASSIGN_OR_RETURN(const CertificateHandle certificate,
                        build(subject, key.get(), nullptr, key.get(), now_s, days));
  return to_pem_pair(certificate.get(), key.get());
}

absl::StatusOr<PemPair> make_certificate(const PemPair& authority, const std::string& service,
                                         const std::vector<std::string>& hosts, uint64_t now_s,
                                         uint32_t days) {
  const BioHandle certificate_bio(BIO_new_mem_buf(authority.certificate.data(),
                                                  static_cast<int>(authority.certificate.size())));
  const BioHandle key_bio(
      BIO_new_mem_buf(authority.key.data(), static_cast<int>(authority.key.size())));
  const CertificateHandle issuer(
      PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr));
  const KeyHandle issuer_key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  const KeyHandle key(EVP_EC_gen("P-256"));
  if (issuer == nullptr || issuer_key == nullptr || key == nullptr)
    return openssl_error("read the authority's certificate and key");
  std::string names = "DNS:" + service + ".cafe.internal";
  for (const std::string& host : hosts) names += (is_ip(host) ? ",IP:" : ",DNS:") + host;
  const Subject subject{service + ".cafe.internal",
                        {{NID_basic_constraints, "critical,CA:FALSE"},
                         {NID_key_usage, "critical,digitalSignature"},
                         {NID_ext_key_usage, "serverAuth,clientAuth"},
                         {NID_subject_alt_name, names},
                         {NID_subject_key_identifier, "hash"},
                         {NID_authority_key_identifier, "keyid"}}};
  CAFE_ASSIGN_OR_RETURN(const CertificateHandle certificate,
                        build(subject, key.get(), issuer.get(), issuer_key.get(), now_s, days));
  return to_pem_pair(certificate.get(), key.get());
}

}  // namespace cafe::cafectl
