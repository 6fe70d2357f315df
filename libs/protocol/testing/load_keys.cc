#include "libs/protocol/testing/load_keys.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <map>
#include <mutex>
#include <string>

namespace cafe::testing {

using protocol::Bytes;

namespace {

// An OpenSSL object as DER, by one of its i2d functions.
template <typename T>
Bytes to_der(int (*encode)(const T*, unsigned char**), const T* object) {
  Bytes out(encode(object, nullptr));
  unsigned char* at = out.data();
  encode(object, &at);
  return out;
}

LoadKeyPair to_pair(EVP_PKEY* key) {
  PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key);
  LoadKeyPair pair{to_der<PKCS8_PRIV_KEY_INFO>(i2d_PKCS8_PRIV_KEY_INFO, info),
                   to_der<EVP_PKEY>(i2d_PUBKEY, key)};
  PKCS8_PRIV_KEY_INFO_free(info);
  EVP_PKEY_free(key);
  return pair;
}

}  // namespace

LoadKeyPair make_rsa(size_t bits) { return to_pair(EVP_RSA_gen(bits)); }

LoadKeyPair make_p256() { return to_pair(EVP_EC_gen("P-256")); }

const LoadKeyPair& load_key_of(std::string_view issuer_id) {
  static std::mutex mutex;
  static std::map<std::string, LoadKeyPair, std::less<>> keys;
  const std::scoped_lock lock(mutex);
  const auto at = keys.find(issuer_id);
  return at != keys.end() ? at->second : keys.emplace(issuer_id, make_rsa(3072)).first->second;
}

}  // namespace cafe::testing
