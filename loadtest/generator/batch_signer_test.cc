#include "loadtest/generator/batch_signer.h"

#include <gtest/gtest.h>

#include <set>

#include "libs/protocol/rng.h"

namespace cafe::loadtest {
namespace {

TEST(BatchSigner, SignsEachMessageAndEachWithANonceOfItsOwn) {
  protocol::SeededRng rng("batch signer");
  const auto key = protocol::SigningKey::create(rng.scalar()).value();
  std::vector<protocol::Bytes> messages;
  for (uint8_t i = 0; i < 20; ++i) messages.push_back(protocol::Bytes(i, i));
  const auto signatures = sign_each(key, messages);
  ASSERT_TRUE(signatures.ok()) << signatures.status();
  ASSERT_EQ(signatures->size(), messages.size());
  std::set<std::string> first_halves;
  for (size_t i = 0; i < messages.size(); ++i) {
    const protocol::Signature& signature = (*signatures)[i];
    EXPECT_TRUE(protocol::verify(key.public_key(), messages[i], signature)) << i;
    EXPECT_FALSE(
        protocol::verify(key.public_key(), messages[(i + 1) % messages.size()], signature));
    // Two signatures with one nonce would give the key away; r shows the nonce.
    EXPECT_TRUE(
        first_halves.insert(protocol::to_hex(protocol::ByteView(signature).first(32))).second);
  }
  EXPECT_TRUE(sign_each(key, {})->empty());
}

}  // namespace
}  // namespace cafe::loadtest
