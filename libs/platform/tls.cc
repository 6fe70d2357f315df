#include "libs/platform/tls.h"

#include <grpc/grpc_security_constants.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace cafe::platform {
namespace {

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Free<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

// PEM text that is wiped when it goes, since one of them is a private key. (gRPC's own copy lives
// on.)
struct Pem {
  std::string text;

  Pem() = default;
  Pem(Pem&&) = default;
  Pem& operator=(Pem&&) = default;
  ~Pem() { OPENSSL_cleanse(text.data(), text.size()); }
};

struct Identity {
  Pem chain;
  Pem key;
};

absl::StatusOr<Pem> read_file(const char* flag, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!(file && content << file.rdbuf())) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": cannot read '", path, "' (missing, empty or not permitted)"));
  }
  Pem pem;
  pem.text = std::move(content).str();
  return pem;
}

BioPtr open_text(const Pem& pem) {
  return BioPtr(BIO_new_mem_buf(pem.text.data(), static_cast<int>(pem.text.size())));
}

absl::StatusOr<X509Ptr> first_certificate(const char* flag, const std::string& path,
                                          const Pem& pem) {
  X509Ptr certificate(PEM_read_bio_X509(open_text(pem).get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": '", path, "' holds no certificate in PEM form"));
  }
  return certificate;
}

// gRPC reports a bad key or certificate only when a handshake fails, and not why: so they are
// checked here.
absl::StatusOr<Identity> load_identity(const TlsOptions& tls) {
  Identity identity;
  for (auto [flag, path, pem] : {std::tuple{"--tls-cert", &tls.cert, &identity.chain},
                                 std::tuple{"--tls-key", &tls.key, &identity.key}}) {
    auto content = read_file(flag, *path);
    if (!content.ok()) {
      return content.status();
    }
    *pem = *std::move(content);
  }
  const auto certificate = first_certificate("--tls-cert", tls.cert, identity.chain);
  if (!certificate.ok()) {
    return certificate.status();
  }
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  const KeyPtr key(
      PEM_read_bio_PrivateKey(open_text(identity.key).get(), nullptr, no_passphrase, nullptr));
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("--tls-key: '", tls.key, "' holds no unencrypted private key in PEM form"));
  }
  if (X509_check_private_key(certificate->get(), key.get()) != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--tls-key: '", tls.key, "' is not the key of the certificate in '", tls.cert, "'"));
  }
  return identity;
}

absl::StatusOr<Pem> load_ca(const TlsOptions& tls) {
  auto pem = read_file("--tls-ca", tls.ca);
  if (!pem.ok()) {
    return pem.status();
  }
  const auto certificate = first_certificate("--tls-ca", tls.ca, *pem);
  if (!certificate.ok()) {
    return certificate.status();
  }
  return pem;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> server_credentials(const TlsOptions& tls) {
  if (tls.insecure) {
    return grpc::InsecureServerCredentials();
  }
  const auto identity = load_identity(tls);
  if (!identity.ok()) {
    return identity.status();
  }
  const auto ca = load_ca(tls);
  if (!ca.ok()) {
    return ca.status();
  }
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = ca->text;
  options.pem_key_cert_pairs.push_back({identity->key.text, identity->chain.text});
  auto credentials = grpc::SslServerCredentials(options);
  OPENSSL_cleanse(options.pem_key_cert_pairs[0].private_key.data(),
                  options.pem_key_cert_pairs[0].private_key.size());
  return credentials;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> channel_credentials(
    const TlsOptions& tls) {
  if (tls.insecure) {
    return grpc::InsecureChannelCredentials();
  }
  grpc::SslCredentialsOptions options;
  const auto ca = load_ca(tls);
  if (!ca.ok()) {
    return ca.status();
  }
  options.pem_root_certs = ca->text;
  if (!tls.cert.empty() || !tls.key.empty()) {
    const auto identity = load_identity(tls);
    if (!identity.ok()) {
      return identity.status();
    }
    options.pem_cert_chain = identity->chain.text;
    options.pem_private_key = identity->key.text;
  }
  auto credentials = grpc::SslCredentials(options);
  OPENSSL_cleanse(options.pem_private_key.data(), options.pem_private_key.size());
  return credentials;
}

PeerIdentity peer_identity(const grpc::ServerContextBase& context) {
  const auto authentication = context.auth_context();
  if (authentication == nullptr || !authentication->IsPeerAuthenticated()) {
    return {};
  }
  // Only names of the type DNS: an e-mail or a URI in the certificate must not pass for a service.
  std::vector<std::string> dns_names;
  for (const grpc::string_ref& name :
       authentication->FindPropertyValues(GRPC_PEER_DNS_PROPERTY_NAME)) {
    dns_names.emplace_back(name.data(), name.size());
  }
  return identity_of(std::move(dns_names));
}

}  // namespace cafe::platform
