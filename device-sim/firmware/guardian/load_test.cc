// Load keys and loads: what the manufacturer installed, and the issuer's next one, and no other.
#include <gtest/gtest.h>

#include "device-sim/firmware/testing/loaded_chip.h"
#include "libs/protocol/hash.h"

namespace cafe::guardian {
namespace {

using protocol::Bytes;
using protocol::ByteView;
using protocol::Load;
using protocol::Serial;
using testing::Chip;
using testing::InstalledLoadKey;
using testing::IssuerCounters;
using testing::kIssuerA;
using testing::kIssuerB;
using testing::kLoaded;
using testing::load_key_of;

const Serial kSerial{{1, 2, 3}};

class GuardianLoads : public ::testing::Test {
 protected:
  Load load(uint64_t amount, uint64_t sequence, const char* currency = "EUR") const {
    return {loaded_.serial, kIssuerA, currency, amount, sequence};
  }
  uint16_t word(const Load& load) { return loaded_.load(load).word; }

  testing::LoadedChip loaded_{"load"};
  Chip& chip_ = loaded_.chip;
};

TEST_F(GuardianLoads, ALoadGoesToItsCounter) {
  EXPECT_EQ(word(load(250, 2)), 0x9000);
  EXPECT_EQ(word(load(700, 3, "USD")), 0x9000);
  const std::vector<IssuerCounters> expected = {
      {kIssuerA,
       protocol::sha256(load_key_of(kIssuerA).public_der),
       3,
       {{"EUR", kLoaded + 250}, {"USD", 700}}},
      {kIssuerB, protocol::sha256(load_key_of(kIssuerB).public_der), 0, {}}};
  EXPECT_EQ(chip_.counters(), expected);
  chip_.restart();
  EXPECT_EQ(chip_.counters(), expected);
}

// [guard] Taken twice it would be money from nothing.
TEST_F(GuardianLoads, AReplayedLoadIsRefused) {
  EXPECT_EQ(word(load(kLoaded, 1)), 0x6985);
  ASSERT_EQ(word(load(100, 2)), 0x9000);
  chip_.restart();
  EXPECT_EQ(word(load(kLoaded, 1)), 0x6985);
  EXPECT_EQ(word(load(100, 2)), 0x6985);
  EXPECT_EQ(loaded_.euros(), kLoaded + 100);
}

// [guard] Also where another currency came between.
TEST_F(GuardianLoads, ALoadOutOfItsTurnIsRefused) {
  for (const uint64_t sequence : {uint64_t{0}, uint64_t{3}, UINT64_MAX}) {
    EXPECT_EQ(word(load(100, sequence)), 0x6985) << sequence;
  }
  EXPECT_EQ(word(load(700, 1, "USD")), 0x6985);
  EXPECT_EQ(word(load(700, 2, "USD")), 0x9000);
  EXPECT_EQ(word(load(100, 2)), 0x6985);
  EXPECT_EQ(loaded_.euros(), kLoaded);
}

TEST_F(GuardianLoads, ALoadOfAnotherGuardianIsRefused) {
  Load other = load(100, 2);
  other.serial.bytes[15] ^= 1;
  EXPECT_EQ(word(other), 0x6985);
  EXPECT_EQ(loaded_.euros(), kLoaded);
}

// [guard] A load key loads its own issuer's counters, whatever it signs.
TEST_F(GuardianLoads, AnotherIssuersKeyLoadsNothingHere) {
  EXPECT_EQ(chip_.load(load(100, 2), load_key_of(kIssuerB).private_der).word, 0x6982);
  Load own = load(100, 1);
  own.issuer_id = kIssuerB;
  EXPECT_EQ(chip_.load(own, load_key_of(kIssuerA).private_der).word, 0x6982);
  EXPECT_EQ(loaded_.euros(), kLoaded);
  EXPECT_EQ(chip_.amount(kIssuerB, "EUR"), 0u);
  // Its own counter and its own sequence.
  EXPECT_EQ(word(own), 0x9000);
  EXPECT_EQ(chip_.amount(kIssuerB, "EUR"), 100u);
  EXPECT_EQ(loaded_.euros(), kLoaded);
  EXPECT_EQ(word(load(100, 2)), 0x9000);
}

TEST_F(GuardianLoads, AnIssuerWithoutAKeyLoadsNothing) {
  Load stranger = load(100, 1);
  stranger.issuer_id = "issuer-c.example";
  EXPECT_EQ(chip_.load(stranger, load_key_of(kIssuerA).private_der).word, 0x6A88);
  EXPECT_EQ(chip_.counters().size(), 2u);
}

TEST_F(GuardianLoads, AmountsAreAboveZeroAndDoNotOverflow) {
  EXPECT_EQ(word(load(0, 2)), 0x6A80);
  EXPECT_EQ(word(load(UINT64_MAX, 2)), 0x9850);
  EXPECT_EQ(word(load((uint64_t{1} << 63) - kLoaded, 2)), 0x9850);
  EXPECT_EQ(loaded_.euros(), kLoaded);
  EXPECT_EQ(word(load((uint64_t{1} << 63) - 1 - kLoaded, 2)), 0x9000);
}

TEST_F(GuardianLoads, AnAlteredLoadIsRefused) {
  const Bytes frame = load(100, 2).encode();
  const Bytes signature = *protocol::sign_load(load(100, 2), load_key_of(kIssuerA).private_der);
  for (size_t at = 0; at < frame.size() + signature.size(); ++at) {
    Bytes altered_frame = frame, altered_signature = signature;
    (at < frame.size() ? altered_frame[at] : altered_signature[at - frame.size()]) ^= 1;
    EXPECT_NE(chip_.load(altered_frame, altered_signature).word, 0x9000) << at;
  }
  EXPECT_EQ(chip_.load(frame, ByteView(signature).first(383)).word, 0x6A80);
  EXPECT_EQ(chip_.load(ByteView(), signature).word, 0x6700);
  EXPECT_EQ(loaded_.euros(), kLoaded);
  EXPECT_EQ(chip_.load(frame, signature).word, 0x9000) << "the premise";
}

TEST_F(GuardianLoads, CountersAreAFixedNumber) {
  const char* const currencies[] = {"AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG"};
  static_assert(std::size(currencies) + 1 == kCurrencies);
  uint64_t sequence = 1;
  for (const char* currency : currencies) {
    EXPECT_EQ(word(load(sequence, sequence + 1, currency)), 0x9000);
    ++sequence;
  }
  EXPECT_EQ(word(load(1, sequence + 1, "HHH")), 0x6A84);
  EXPECT_EQ(chip_.counters()[0].last_sequence, sequence) << "and its number is not used up";
  EXPECT_EQ(word(load(1, sequence + 1)), 0x9000);
  EXPECT_EQ(loaded_.euros(), kLoaded + 1);
}

TEST_F(GuardianLoads, ADamagedPurseIsOutOfUseAndNoOther) {
  Bytes image = chip_.memory().snapshot();
  image[purse_offset(0) + 9] ^= 1;
  image[purse_offset(0) + PurseRecord::kCopySize + 9] ^= 1;
  chip_.memory().restore(image);
  chip_.restart();
  EXPECT_EQ(word(load(100, 2)), 0x6581);
  EXPECT_EQ(word(load(100, 1)), 0x6581) << "and starts no new sequence";
  Load other = load(100, 1);
  other.issuer_id = kIssuerB;
  EXPECT_EQ(word(other), 0x9000);
}

// --- Load keys -----------------------------------------------------------------------------------

InstalledLoadKey key_of(std::string issuer_id) {
  return {std::move(issuer_id), load_key_of(kIssuerA).public_der};
}

// [guard] Whoever could put a key in later could load what he likes.
TEST(GuardianLoadKeys, AreInstalledBeforeLockingOnly) {
  Chip chip("keys");
  EXPECT_EQ(chip.install_load_key(key_of(kIssuerA)).word, 0x6985) << "blank";
  chip.manufacture(*protocol::SigningKey::create(protocol::Scalar::from_u64(77)), kSerial,
                   {key_of(kIssuerA)});
  EXPECT_EQ(chip.install_load_key(key_of(kIssuerB)).word, 0x6985);
  EXPECT_EQ(chip.install_load_key({kIssuerA, load_key_of(kIssuerB).public_der}).word, 0x6985);
  EXPECT_EQ(chip.install_load_key(key_of(kIssuerA)).word, 0x9000) << "what is there already";
  ASSERT_EQ(chip.counters().size(), 1u);
  EXPECT_EQ(chip.counters()[0].key_digest, protocol::sha256(load_key_of(kIssuerA).public_der));
}

TEST(GuardianLoadKeys, AreOneForEachIssuerAndOfAFixedNumber) {
  Chip chip("keys");
  ASSERT_EQ(chip.personalize(kSerial).word, 0x9000);
  for (size_t i = 0; i < kLoadKeys; ++i) {
    const InstalledLoadKey key = key_of("issuer-" + std::to_string(i));
    EXPECT_EQ(chip.install_load_key(key).word, 0x9000);
    EXPECT_EQ(chip.install_load_key(key).word, 0x9000);
  }
  EXPECT_EQ(chip.install_load_key({"issuer-3", load_key_of(kIssuerB).public_der}).word, 0x6985);
  EXPECT_EQ(chip.install_load_key(key_of("issuer-8")).word, 0x6A84);
}

TEST(GuardianLoadKeys, AreRsaKeysOf3072Bits) {
  Chip chip("keys");
  ASSERT_EQ(chip.personalize(kSerial).word, 0x9000);
  Bytes longer = load_key_of(kIssuerA).public_der;
  longer.push_back(0);
  for (const Bytes& der : {testing::make_rsa(2048).public_der, testing::make_p256().public_der,
                           Bytes(load_key_of(kIssuerA).public_der.size()), Bytes{}}) {
    EXPECT_EQ(chip.install_load_key({kIssuerA, der}).word, 0x6A80);
  }
  EXPECT_NE(chip.install_load_key({kIssuerA, longer}).word, 0x9000);
  for (const std::string& issuer_id :
       {std::string(), std::string("has space"), std::string(129, 'x'), std::string("\x80")}) {
    EXPECT_NE(chip.install_load_key(key_of(issuer_id)).word, 0x9000) << issuer_id;
  }
  EXPECT_EQ(chip.install_load_key(key_of(std::string(128, 'x'))).word, 0x9000);
  // A length that points behind the data.
  EXPECT_EQ(chip.send(Ins::kInstallLoadKey, 0, Bytes{200, 'a', 'b'}, 0).word, 0x6A80);
}

}  // namespace
}  // namespace cafe::guardian
