#include "tests/integration/malform.h"

#include <cafe/v1/doublespend.pb.h>

#include <algorithm>

#include "libs/protocol/payment.h"
#include "libs/protocol/slot_rows.h"
#include "libs/protocol/spend_rows.h"
#include "libs/protocol/testing/leaves.h"

namespace cafe::testing {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using protocol::SeededRng;

std::string random_bytes(SeededRng& rng, size_t size) {
  protocol::Bytes bytes(size);
  rng.fill(bytes);
  return protocol::to_string(bytes);
}

// A place in `text`, its end included.
size_t place(SeededRng& rng, const std::string& text) { return rng.below(text.size() + 1); }

// Lengths that matter here: of digests, keys, scalars and points, and their neighbours.
size_t random_length(SeededRng& rng) {
  constexpr size_t kLengths[] = {0, 1, 16, 31, 32, 33, 64, 65, 97, 300};
  return rng.below(4) == 0 ? rng.below(2000) : kLengths[rng.below(std::size(kLengths))];
}

// Bytes changed without regard for what they mean.
std::string mutate_bytes(std::string bytes, SeededRng& rng) {
  if (bytes.empty()) return random_bytes(rng, 1 + rng.below(8));
  const size_t from = rng.below(bytes.size());
  const size_t length = 1 + rng.below(std::min<size_t>(bytes.size() - from, 64));
  switch (rng.below(6)) {
    case 0:
      for (uint64_t flips = 1 + rng.below(8); flips > 0; --flips)
        bytes[rng.below(bytes.size())] ^= static_cast<char>(1 << rng.below(8));
      return bytes;
    case 1:
      return bytes.replace(from, length, random_bytes(rng, length));
    case 2:
      return bytes.erase(from, length);
    case 3:
      return bytes.insert(place(rng, bytes), bytes.substr(from, length));
    case 4:
      return bytes.replace(from, length, length, rng.below(2) == 0 ? '\0' : '\xff');
    default: {  // two stretches change places
      const size_t other = rng.below(bytes.size() - length + 1);
      const std::string moved = bytes.substr(from, length);
      bytes.replace(from, length, bytes.substr(other, length));
      return bytes.replace(other, moved.size(), moved);
    }
  }
}

// A document of ours with one field of a frame, however deep, replaced and all lengths put right,
// so that it gets past the first look. Anything else changes like any bytes.
std::string mutate_document(const std::string& document, SeededRng& rng) {
  const protocol::ByteView bytes = protocol::view_of(document);
  if (!leaves_internal::is_frame(bytes) || rng.below(4) == 0) return mutate_bytes(document, rng);
  const std::vector<Leaf> leaves = leaves_of(bytes);
  const Leaf& leaf = leaves[rng.below(leaves.size())];
  std::string content = document.substr(leaf.offset, leaf.length);
  if (rng.below(3) == 0) {
    const Leaf& other = leaves[rng.below(leaves.size())];  // the field gets another one's content
    content = document.substr(other.offset, other.length);
  } else if (rng.below(3) == 0) {
    content = random_bytes(rng, rng.below(2) == 0 ? content.size() : random_length(rng));
  } else {
    content = mutate_bytes(content, rng);
  }
  return protocol::to_string(replace_field(bytes, leaf.offset, protocol::view_of(content)));
}

// Every field that holds a number or bytes, those of messages within included.
struct Place {
  Message* message;
  const FieldDescriptor* field;
  int index;  // of a repeated field, else -1
};

void collect(Message& message, std::vector<Place>& out) {
  const auto* reflection = message.GetReflection();
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (field->is_repeated()) {
      for (int j = 0; j < reflection->FieldSize(message, field); ++j) {
        if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
          collect(*reflection->MutableRepeatedMessage(&message, field, j), out);
        else
          out.push_back({&message, field, j});
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (reflection->HasField(message, field))
        collect(*reflection->MutableMessage(&message, field), out);
    } else {
      out.push_back({&message, field, -1});
    }
  }
}

uint64_t random_number(SeededRng& rng) {
  constexpr uint64_t kNumbers[] = {0,       1,          63,         64,         127,
                                   128,     INT32_MAX,  UINT32_MAX, 1000,       128'000,
                                   600'001, 1ull << 32, INT64_MAX,  UINT64_MAX, 1'800'000'000};
  return rng.below(3) == 0 ? rng.below(UINT64_MAX) : kNumbers[rng.below(std::size(kNumbers))];
}

std::string text_at(const Place& at) {
  const auto* reflection = at.message->GetReflection();
  return at.index < 0 ? reflection->GetString(*at.message, at.field)
                      : reflection->GetRepeatedString(*at.message, at.field, at.index);
}

void set_text(const Place& at, std::string text) {
  if (at.field->type() == FieldDescriptor::TYPE_STRING)  // must stay UTF-8 to be well-formed
    std::for_each(text.begin(), text.end(), [](char& c) { c &= '\x7f'; });
  const auto* reflection = at.message->GetReflection();
  if (at.index < 0)
    reflection->SetString(at.message, at.field, std::move(text));
  else
    reflection->SetRepeatedString(at.message, at.field, at.index, std::move(text));
}

void set_number(const Place& at, uint64_t number) {
  const auto* reflection = at.message->GetReflection();
  if (at.field->cpp_type() == FieldDescriptor::CPPTYPE_UINT32)
    reflection->SetUInt32(at.message, at.field, static_cast<uint32_t>(number));
  else
    reflection->SetUInt64(at.message, at.field, number);
}

bool is_text(const Place& at) { return at.field->cpp_type() == FieldDescriptor::CPPTYPE_STRING; }

// A right message with one field altered: bytes as `alter` says.
std::string alter_message(const ValidRequest& valid, SeededRng& rng,
                          std::string (*alter)(const std::string&, SeededRng&)) {
  const std::unique_ptr<Message> message(valid.message->New());
  message->CopyFrom(*valid.message);
  std::vector<Place> places;
  collect(*message, places);
  if (places.empty()) return mutate_bytes(valid.bytes(), rng);
  const Place& at = places[rng.below(places.size())];
  if (is_text(at))
    set_text(at, alter(text_at(at), rng));
  else
    set_number(at, random_number(rng));
  return message->SerializeAsString();
}

std::string truncate(const std::string& bytes, SeededRng& rng) {
  return bytes.substr(0, bytes.empty() ? 0 : rng.below(bytes.size()));
}

// Fills every field with something, sometimes with a piece of what belongs there.
void fill(Message& message, const std::vector<std::string>& pieces, SeededRng& rng) {
  const auto* reflection = message.GetReflection();
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (!field->is_repeated()) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && rng.below(2) == 0)
        fill(*reflection->MutableMessage(&message, field), pieces, rng);
      continue;
    }
    for (uint64_t n = rng.below(10) == 0 ? rng.below(200) : rng.below(4); n > 0; --n) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
        fill(*reflection->AddMessage(&message, field), pieces, rng);
      else
        reflection->AddString(&message, field, "");
    }
  }
  std::vector<Place> places;
  collect(message, places);
  for (const Place& at : places) {
    if (at.message != &message) continue;  // filled already
    if (!is_text(at)) {
      set_number(at, random_number(rng));
    } else if (!pieces.empty() && rng.below(3) == 0) {
      const std::string& piece = pieces[rng.below(pieces.size())];
      set_text(at, piece.substr(0, place(rng, piece)));
    } else {
      set_text(at, random_bytes(rng, random_length(rng)));
    }
  }
}

std::string random_fields(const ValidRequest& valid, SeededRng& rng) {
  const std::unique_ptr<Message> original(valid.message->New());
  original->CopyFrom(*valid.message);
  std::vector<Place> places;
  collect(*original, places);
  std::vector<std::string> pieces;
  for (const Place& at : places) {
    if (is_text(at)) pieces.push_back(text_at(at));
  }
  const std::unique_ptr<Message> message(valid.message->New());
  fill(*message, pieces, rng);
  return message->SerializeAsString();
}

// A random one of a payment's slots, or one more, breaks a rule that holds whatever the others say.
void break_a_slot(v1::ReserveRequest& request, SeededRng& rng) {
  if (request.payments().empty()) return;  // a request without items is malformed as it is
  const auto payments = static_cast<uint64_t>(request.payments_size());
  std::string& packed =
      *request.mutable_payments(static_cast<int>(rng.below(payments)))->mutable_slots();
  constexpr size_t kSize = protocol::kSlotRowSize;
  const auto opened = protocol::SlotRows::open(packed);
  if (!opened.ok() || opened->size() == 0) return;
  const size_t at = rng.below(opened->size());
  protocol::PackedSlot row = (*opened)[at];
  switch (rng.below(5)) {
    case 0:  // half a row
      packed.resize(packed.size() - 1 - rng.below(kSize - 1));
      return;
    case 1:  // twice
      protocol::append_slot_row(packed, row);
      return;
    case 2:
      row.slot = 64 + static_cast<uint32_t>(rng.below(1'000'000));
      break;
    case 3:
      row.d.fill(0xff);  // above q
      break;
    default:
      row.deposit_until = rng.below(2) == 0 ? 0 : UINT64_MAX - rng.below(1000);
  }
  std::string broken;
  protocol::append_slot_row(broken, row);
  if (rng.below(2) == 0) {
    packed += broken;
  } else {
    packed.replace(at * kSize, kSize, broken);
  }
}

// The same for the rows of Record.
void break_a_row(std::string& packed, SeededRng& rng) {
  constexpr size_t kSize = protocol::kSpendRowSize;
  const auto opened = protocol::SpendRows::open(packed);
  if (!opened.ok() || opened->size() == 0) return;  // malformed as it is
  const size_t at = rng.below(opened->size());
  protocol::PackedSpend row = (*opened)[at];
  switch (rng.below(6)) {
    case 0:  // half a row
      packed.resize(packed.size() - 1 - rng.below(kSize - 1));
      return;
    case 1:
      row.slot = 64 + static_cast<uint32_t>(rng.below(1'000'000));
      break;
    case 2: {
      constexpr protocol::Bytes32 protocol::PackedSpend::*kScalars[] = {
          &protocol::PackedSpend::d, &protocol::PackedSpend::r1, &protocol::PackedSpend::r2};
      (row.*kScalars[rng.below(std::size(kScalars))]).fill(0xff);  // above q
      break;
    }
    case 3:
      row.position = 128'000 + static_cast<uint32_t>(rng.below(1'000'000));
      break;
    case 4:
      row.ticks = protocol::kMaxTicks + 1 + static_cast<uint32_t>(rng.below(1'000'000));
      break;
    default:
      row.deposit_until = rng.below(2) == 0 ? 0 : UINT64_MAX - rng.below(1000);
  }
  std::string broken;
  protocol::append_spend_row(broken, row);
  if (rng.below(2) == 0) {
    packed += broken;
  } else {
    packed.replace(at * kSize, kSize, broken);
  }
}

// The same for the coins of a claim.
void break_a_coin(v1::MarkClaimedRequest& request, SeededRng& rng) {
  if (request.coins().empty()) return;  // malformed as it is
  const auto coins = static_cast<uint64_t>(request.coins_size());
  const auto at = static_cast<int>(rng.below(coins));
  v1::MarkClaimedRequest::Coin& coin = *request.mutable_coins(at);
  switch (rng.below(6)) {
    case 0:
      request.set_claim(rng.below(2) == 0 ? 0 : UINT64_MAX - rng.below(1000));
      return;
    case 1:
      coin.set_coin_id(coin.coin_id() + 'x');
      if (coin.coin_id().size() == 32) coin.clear_coin_id();  // it was one byte too short before
      return;
    case 2:
      coin.clear_slots();
      return;
    case 3:
      *request.add_coins() = v1::MarkClaimedRequest::Coin(coin);  // twice
      return;
    case 4:
      coin.set_claim_until(coin.deposit_until() - 1);  // before, or far beyond
      return;
    default:
      coin.set_deposit_until(rng.below(2) == 0 ? 0 : UINT64_MAX - rng.below(1000));
  }
}

std::string break_trusted(const ValidRequest& valid, const std::string& bytes, SeededRng& rng) {
  if (valid.method == "/cafe.v1.DoubleSpend/Record") {
    v1::RecordRequest request;
    if (!request.ParseFromString(bytes)) return bytes;  // malformed as it is
    break_a_row(*request.mutable_rows(), rng);
    return request.SerializeAsString();
  }
  if (valid.method == "/cafe.v1.DoubleSpend/MarkClaimed") {
    v1::MarkClaimedRequest request;
    if (!request.ParseFromString(bytes)) return bytes;
    break_a_coin(request, rng);
    return request.SerializeAsString();
  }
  v1::ReserveRequest request;
  if (!request.ParseFromString(bytes)) return bytes;
  break_a_slot(request, rng);
  return request.SerializeAsString();
}

}  // namespace

const char* name_of(Malformation kind) {
  switch (kind) {
    case Malformation::kRandom:
      return "random";
    case Malformation::kTruncated:
      return "truncated";
    case Malformation::kMutated:
      return "mutated";
    case Malformation::kRandomFields:
      return "random fields";
  }
  return "";
}

std::string malform(const ValidRequest& valid, Malformation kind, SeededRng& rng) {
  std::string bytes;
  switch (kind) {
    case Malformation::kRandom:
      bytes = random_bytes(rng, random_length(rng));
      break;
    case Malformation::kTruncated:
      bytes =
          rng.below(2) == 0 ? truncate(valid.bytes(), rng) : alter_message(valid, rng, truncate);
      break;
    case Malformation::kMutated:
      bytes = rng.below(3) == 0 ? mutate_bytes(valid.bytes(), rng)
                                : alter_message(valid, rng, mutate_document);
      break;
    case Malformation::kRandomFields:
      bytes = random_fields(valid, rng);
      break;
  }
  return valid.trusts_caller ? break_trusted(valid, bytes, rng) : bytes;
}

}  // namespace cafe::testing
