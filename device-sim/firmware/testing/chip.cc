#include "device-sim/firmware/testing/chip.h"

#include <cstdlib>

#include "device-sim/firmware/guardian/cursor.h"

namespace cafe::testing {

using guardian::Ins;
using protocol::Bytes;
using protocol::ByteView;

Bytes handle_of(const Response& made) {
  return {made.data.begin(), made.data.begin() + guardian::kHandleSize};
}

protocol::Point point_of(const Response& made) {
  return *protocol::Point::decode(
      ByteView(made.data).subspan(guardian::kHandleSize, protocol::Point::kSize));
}

protocol::Bytes32 commitment_of(const Response& made) {
  return *protocol::to_array<32>(
      ByteView(made.data).subspan(guardian::kHandleSize + protocol::Point::kSize));
}

void Chip::restart() {
  guardian_.reset();
  memory_.restore_power();
  guardian_ = std::make_unique<guardian::Guardian>(memory_, rng_);
  if (pin_entered_) verify(guardian::PinKind::kWithdrawal, kWithdrawalPin);
}

size_t Chip::transmit(ByteView command, protocol::MutableByteView response) {
  size_t length = 0;
  try {
    length = guardian_->process(command, response);
  } catch (const firmware::PowerLost&) {
    if (!resets_alone) throw;
    restart();
    return 0;
  }
  if (tamper) tamper(command, response.first(length));
  return length;
}

Response Chip::send(Ins ins, uint16_t p1p2, ByteView data, size_t expected) {
  std::array<uint8_t, firmware::kMaxCommand> command;
  std::array<uint8_t, firmware::kMaxResponse> response;
  const size_t length = firmware::format_command(
      {guardian::kCla, static_cast<uint8_t>(ins), static_cast<uint8_t>(p1p2 >> 8),
       static_cast<uint8_t>(p1p2), data, expected},
      command);
  const size_t got = transmit(ByteView(command).first(length), response);
  return {static_cast<uint16_t>(response[got - 2] << 8 | response[got - 1]),
          protocol::to_bytes(ByteView(response).first(got - 2))};
}

Response Chip::personalize(const protocol::Serial& serial) {
  return send(Ins::kPersonalize, 0, serial, 130);
}

Response Chip::lock(const protocol::SignedDocument& certificate) {
  return send(Ins::kLock, 0, certificate.encode(), 0);
}

Response Chip::make_slot(protocol::Kind kind, uint64_t value) {
  const uint16_t p1p2 = static_cast<uint16_t>(static_cast<int>(kind) << 8);
  if (kind != protocol::Kind::kCoin) return send(Ins::kMakeSlot, p1p2, {}, 256);
  Bytes worth = protocol::to_bytes(protocol::view_of("EUR"));
  protocol::append(worth, protocol::encode_u64(value));
  return send(Ins::kMakeSlot, p1p2, worth, 256);
}

Response Chip::send_with_handle(Ins ins, ByteView handle, ByteView rest, size_t expected) {
  Bytes data = protocol::to_bytes(handle);
  protocol::append(data, rest);
  return send(ins, 0, data, expected);
}

Response Chip::answer(ByteView handle, const protocol::Scalar& d_plus_e) {
  return send_with_handle(Ins::kAnswerCoin, handle, d_plus_e.bytes(), 32);
}

Response Chip::free_slot(ByteView handle) { return send(Ins::kFreeSlot, 0, handle, 0); }
Response Chip::status(ByteView handle) { return send(Ins::kSlotStatus, 0, handle, 2); }

Response Chip::install_load_key(const InstalledLoadKey& key) {
  Bytes data{static_cast<uint8_t>(key.issuer_id.size())};
  protocol::append(data, protocol::view_of(key.issuer_id));
  protocol::append(data, key.public_der);
  return send(Ins::kInstallLoadKey, 0, data, 0);
}

Response Chip::load(const protocol::Load& load, ByteView private_key_der) {
  return this->load(load.encode(), *protocol::sign_load(load, private_key_der));
}

Response Chip::load(ByteView frame, ByteView signature) {
  Bytes data = protocol::to_bytes(frame);
  protocol::append(data, signature);
  return send(Ins::kLoad, 0, data, 0);
}

std::vector<IssuerCounters> Chip::counters() {
  std::vector<IssuerCounters> all;
  for (uint16_t issuer = 0;; ++issuer) {
    Response response = send(Ins::kListCounters, static_cast<uint16_t>(issuer << 8), {},
                             guardian::kMaxCountersSize);
    if (response.word != 0x9000) return all;
    guardian::Cursor in(response.data);
    IssuerCounters& counters = all.emplace_back();
    Bytes text(in.get_u8());
    in.get(text);
    counters.issuer_id = protocol::to_string(text);
    in.get(counters.key_digest);
    counters.last_sequence = in.get_u64();
    for (uint8_t count = in.get_u8(); count > 0; --count) {
      guardian::Currency currency;
      in.get(currency);
      counters.amounts[std::string(guardian::text_of(currency))] = in.get_u64();
    }
  }
}

uint64_t Chip::amount(std::string_view issuer_id, std::string_view currency) {
  for (const IssuerCounters& issuer : counters()) {
    const auto at = issuer.amounts.find(std::string(currency));
    if (issuer.issuer_id == issuer_id && at != issuer.amounts.end()) return at->second;
  }
  return 0;
}

Response Chip::answer_cheque(ByteView handle, const protocol::ChequeRequest& request) {
  return send_with_handle(Ins::kAnswerCheque, handle, request.encode(), 64);
}

Response Chip::draw_ticks(ByteView handle, uint32_t count) {
  return send_with_handle(Ins::kDrawTicks, handle, protocol::encode_u32(count), 0);
}

std::vector<protocol::Point> Chip::tick_points(ByteView handle) {
  std::vector<protocol::Point> points;
  for (;;) {
    const auto first = protocol::encode_u32(static_cast<uint32_t>(points.size()));
    const Response some = send_with_handle(Ins::kTickPoints, handle, first,
                                           guardian::kTickPointsPerList * protocol::Point::kSize);
    if (some.word != 0x9000) return points;
    for (ByteView rest(some.data); !rest.empty(); rest = rest.subspan(protocol::Point::kSize)) {
      points.push_back(*protocol::Point::decode(rest.first(protocol::Point::kSize)));
    }
  }
}

Response Chip::answer_ticks(ByteView handle, const protocol::TickRequest& request) {
  return send_with_handle(Ins::kAnswerTicks, handle, request.encode(), 96);
}

Response Chip::release_tick(ByteView handle, uint32_t i) {
  return send_with_handle(Ins::kReleaseTick, handle, protocol::encode_u32(i), 32);
}

namespace {

uint16_t p1_of(guardian::PinKind kind) {
  return static_cast<uint16_t>(static_cast<int>(kind) << 8);
}

}  // namespace

Response Chip::draw_puk() { return send(Ins::kDrawPuk, 0, {}, guardian::kPukDigits); }

Response Chip::set_up_pin(std::string_view pin) {
  return send(Ins::kSetUpPin, 0, protocol::view_of(pin), 0);
}

Response Chip::verify(guardian::PinKind kind, std::string_view pin) {
  return send(Ins::kVerifyPin, p1_of(kind), protocol::view_of(pin), 0);
}

Response Chip::forget_pins() { return send(Ins::kForgetPins, 0, {}, 0); }

Response Chip::change_pin(guardian::PinKind kind, std::string_view pin) {
  return send(Ins::kChangePin, p1_of(kind), protocol::view_of(pin), 0);
}

Response Chip::unblock(guardian::PinKind kind, std::string_view puk, std::string_view pin) {
  const std::string digits = std::string(puk) + std::string(pin);
  return send(Ins::kUnblockPin, p1_of(kind), protocol::view_of(digits), 0);
}

uint8_t Chip::tries(std::optional<guardian::PinKind> kind) {
  const Response states = send(Ins::kPinStatus, 0, {}, guardian::kPinStatusSize);
  const size_t which = !kind ? 2 : *kind == guardian::PinKind::kPayment ? 1 : 0;
  return states.data.at(3 * which + 1);
}

Response Chip::send_sum(Ins ins, std::string_view currency, uint64_t amount) {
  Bytes data = protocol::to_bytes(protocol::view_of(currency));
  protocol::append(data, protocol::encode_u64(amount));
  return send(ins, 0, data, 0);
}

Response Chip::unlock(std::string_view currency, uint64_t amount) {
  return send_sum(Ins::kUnlock, currency, amount);
}

Response Chip::set_limit(std::string_view currency, uint64_t amount) {
  return send_sum(Ins::kSetLimit, currency, amount);
}

Response Chip::lock_payments() { return send(Ins::kLockPayments, 0, {}, 0); }

std::map<std::string, std::pair<uint64_t, uint64_t>> Chip::allowances() {
  Response response =
      send(Ins::kListAllowances, 0, {}, guardian::kAllowances * guardian::kAllowanceEntrySize);
  std::map<std::string, std::pair<uint64_t, uint64_t>> all;
  guardian::Cursor in(response.data);
  for (size_t n = response.data.size() / guardian::kAllowanceEntrySize; n > 0; --n) {
    guardian::Currency currency;
    in.get(currency);
    const uint64_t limit = in.get_u64();
    all[std::string(guardian::text_of(currency))] = {limit, in.get_u64()};
  }
  return all;
}

std::string Chip::use_pin() {
  const Response puk = draw_puk();
  if (puk.word != 0x9000 || set_up_pin(kWithdrawalPin).word != 0x9000) std::abort();
  pin_entered_ = true;
  return protocol::to_string(puk.data);
}

protocol::GuardianCertificate Chip::manufacture(const protocol::SigningKey& manufacturer,
                                                const protocol::Serial& serial,
                                                const std::vector<InstalledLoadKey>& load_keys) {
  const Response keys = personalize(serial);
  if (keys.word != 0x9000) std::abort();
  for (const InstalledLoadKey& key : load_keys) {
    if (install_load_key(key).word != 0x9000) std::abort();
  }
  const protocol::GuardianCertificate certificate{
      serial, *protocol::Point::decode(ByteView(keys.data).first(65)),
      *protocol::Point::decode(ByteView(keys.data).subspan(65))};
  if (lock(protocol::SignedDocument::sign(certificate.encode(), manufacturer)).word != 0x9000) {
    std::abort();
  }
  return certificate;
}

}  // namespace cafe::testing
