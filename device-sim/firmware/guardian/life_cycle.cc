// The guardian's birth: keys, load keys, certificate.
#include <algorithm>

#include "device-sim/firmware/guardian/cursor.h"
#include "device-sim/firmware/guardian/guardian.h"

namespace cafe::guardian {

using firmware::Command;
using firmware::RecordState;
using firmware::StatusWord;
using protocol::ByteView;

void Guardian::start_identity() {
  Wiped<KeysRecord::Payload> record;
  const RecordState state = KeysRecord(memory_, kKeysOffset, kKeysTag).recover(record.payload);
  if (state == RecordState::kBlank) return;
  Cursor in(record.payload);
  const uint8_t version = in.get_u8();
  const uint8_t phase = in.get_u8();
  in.get(identity_.serial.bytes);
  const bool keys = in.get_scalar(identity_.keys.o_coin) && in.get_scalar(identity_.keys.o_cheque);
  in.get(identity_.A_O);
  in.get(identity_.A_Q);
  in.get(identity_.certificate);
  const bool usable = state == RecordState::kValid && version == kLayoutVersion && keys &&
                      (phase == static_cast<uint8_t>(Phase::kPersonalized) ||
                       phase == static_cast<uint8_t>(Phase::kLocked));
  phase_ = usable ? static_cast<Phase>(phase) : Phase::kDead;
}

void Guardian::store_identity(Phase phase) {
  Wiped<KeysRecord::Payload> record;
  Cursor out(record.payload);
  out.put_u8(kLayoutVersion);
  out.put_u8(static_cast<uint8_t>(phase));
  out.put(identity_.serial);
  out.put(identity_.keys.o_coin.bytes());
  out.put(identity_.keys.o_cheque.bytes());
  out.put(identity_.A_O);
  out.put(identity_.A_Q);
  out.put(identity_.certificate);
  KeysRecord(memory_, kKeysOffset, kKeysTag).store(record.payload);
  phase_ = phase;
}

StatusWord Guardian::personalize(const Command& command, Output& out) {
  if (phase_ == Phase::kBlank) {
    std::copy(command.data.begin(), command.data.end(), identity_.serial.bytes.begin());
    identity_.keys = {rng_.scalar(), rng_.scalar()};
    const auto A_O = protocol::multiply(identity_.keys.o_coin, protocol::g1());
    const auto A_Q = protocol::multiply(identity_.keys.o_cheque, protocol::g1());
    if (!A_O || !A_Q) return StatusWord::kInternal;
    identity_.A_O = A_O->bytes();
    identity_.A_Q = A_Q->bytes();
    store_identity(Phase::kPersonalized);
  } else if (!std::equal(command.data.begin(), command.data.end(),
                         identity_.serial.bytes.begin())) {
    return StatusWord::kConditionsNotSatisfied;  // this chip has its name already
  }
  out.add(identity_.A_O);
  out.add(identity_.A_Q);
  return StatusWord::kOk;
}

StatusWord Guardian::install_load_key(const Command& command) {
  if (phase_ == Phase::kBlank) return StatusWord::kConditionsNotSatisfied;
  LoadKey wanted;
  wanted.issuer_id_size = command.data[0];
  const ByteView texts = command.data.subspan(1);
  if (wanted.issuer_id_size > kMaxIssuerIdSize || texts.size() < wanted.issuer_id_size ||
      texts.size() - wanted.issuer_id_size > kMaxLoadKeySize) {
    return StatusWord::kWrongData;
  }
  const ByteView der = texts.subspan(wanted.issuer_id_size);
  wanted.der_size = static_cast<uint16_t>(der.size());
  std::copy_n(texts.begin(), wanted.issuer_id_size, wanted.issuer_id_bytes.begin());
  std::copy(der.begin(), der.end(), wanted.der_bytes.begin());
  if (!protocol::check_issuer_id(wanted.issuer_id()).ok() || !protocol::check_load_key(der).ok()) {
    return StatusWord::kWrongData;
  }

  LoadKey key;
  for (size_t issuer = 0; issuer < kLoadKeys; ++issuer) {
    if (!records_.load(issuer, key)) return StatusWord::kMemoryFailure;
    if (key.issuer_id_size == 0) {
      // [guard] Whoever puts a key in can load counters: after LOCK nobody does.
      if (phase_ != Phase::kPersonalized) return StatusWord::kConditionsNotSatisfied;
      records_.store(issuer, wanted);
      return StatusWord::kOk;
    }
    if (key.issuer_id() == wanted.issuer_id()) {
      const bool same = key.der_size == wanted.der_size && key.der_bytes == wanted.der_bytes;
      return same ? StatusWord::kOk : StatusWord::kConditionsNotSatisfied;
    }
  }
  return StatusWord::kMemoryFull;
}

StatusWord Guardian::lock(const Command& command) {
  if (phase_ == Phase::kBlank) return StatusWord::kConditionsNotSatisfied;
  if (phase_ == Phase::kLocked) {
    const bool same =
        std::equal(command.data.begin(), command.data.end(), identity_.certificate.begin());
    return same ? StatusWord::kOk : StatusWord::kConditionsNotSatisfied;
  }
  // The frame of this guardian's own certificate, whoever signed it: a chip locked with another's
  // would be lost.
  std::array<uint8_t, kCertificateSize> expected;
  Cursor frame(expected);
  const auto field = [&](ByteView bytes) {
    frame.put_u32(static_cast<uint32_t>(bytes.size()));
    frame.put(bytes);
  };
  field(protocol::view_of("cafe/v1/signed"));
  frame.put_u32(kCertifiedSize);
  field(protocol::view_of("cafe/v1/guardian"));
  field(identity_.serial);
  field(identity_.A_O);
  field(identity_.A_Q);
  frame.put_u32(64);
  if (!std::equal(expected.begin(), expected.end() - 64, command.data.begin())) {
    return StatusWord::kWrongData;
  }
  std::copy(command.data.begin(), command.data.end(), identity_.certificate.begin());
  store_identity(Phase::kLocked);
  return StatusWord::kOk;
}

StatusWord Guardian::get_certificate(const Command& command, Output& out) const {
  const size_t offset = command.p1p2();
  if (offset >= kCertificateSize) return StatusWord::kWrongOffset;
  const size_t length = std::min(kCertificateSize - offset, command.expected);
  out.add(ByteView(identity_.certificate).subspan(offset, length));
  return StatusWord::kOk;
}

}  // namespace cafe::guardian
