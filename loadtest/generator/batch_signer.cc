#include "loadtest/generator/batch_signer.h"

#include "libs/protocol/hash.h"

namespace cafe::loadtest {

using protocol::Bytes32;
using protocol::Bytes64;
using protocol::Point;
using protocol::Scalar;
using protocol::Signature;

namespace {

// 32 bytes as an integer mod q.
Scalar reduce32(protocol::ByteView bytes) {
  Bytes64 wide{};
  std::copy(bytes.begin(), bytes.end(), wide.begin() + 32);
  return Scalar::reduce(wide);
}

// 1/k of each, with one inversion: the product of all is inverted, and each factor taken off again.
std::vector<Scalar> inverses(std::span<const Scalar> ks) {
  std::vector<Scalar> before;  // the product of all before each
  before.reserve(ks.size());
  Scalar product = Scalar::from_u64(1);
  for (const Scalar& k : ks) {
    before.push_back(product);
    product = product * k;
  }
  std::vector<Scalar> out(ks.size());
  Scalar rest = product.inverse();
  for (size_t i = ks.size(); i-- > 0;) {
    out[i] = rest * before[i];
    rest = rest * ks[i];
  }
  return out;
}

}  // namespace

absl::StatusOr<std::vector<Signature>> sign_each(const protocol::SigningKey& key,
                                                 std::span<const protocol::Bytes> messages) {
  std::vector<Scalar> hashes, nonces;
  hashes.reserve(messages.size());
  nonces.reserve(messages.size());
  for (const protocol::Bytes& message : messages) {
    const Bytes32 digest = protocol::sha256(message);
    hashes.push_back(reduce32(digest));
    nonces.push_back(protocol::prf_scalar(key.secret().bytes(),
                                          protocol::Frame("cafe/loadtest/nonce").add(digest)));
  }
  CAFE_ASSIGN_OR_RETURN(const std::vector<Point> points,
                        protocol::multiples(nonces, protocol::g()));
  const std::vector<Scalar> inverse = inverses(nonces);
  std::vector<Signature> out(messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    const Scalar r = reduce32(protocol::ByteView(points[i].bytes()).subspan(1, 32));
    const Scalar s = inverse[i] * (hashes[i] + r * key.secret());
    if (r.is_zero() || s.is_zero()) {
      return protocol::invalid("UNUSABLE_KEY", "A signature came out zero; sign something else.");
    }
    std::copy(r.bytes().begin(), r.bytes().end(), out[i].begin());
    std::copy(s.bytes().begin(), s.bytes().end(), out[i].begin() + 32);
  }
  return out;
}

}  // namespace cafe::loadtest
