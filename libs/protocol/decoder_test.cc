// What every decoder of certificates, registrations, lists, orders, coins and claims refuses: cut
// and lengthened documents, points that are none, scalars that are not reduced, and thousands of
// random alterations. The documents are testing/documents.h's; those of payments are in
// payment_decoder_test.cc.
#include <gtest/gtest.h>

#include "libs/protocol/testing/documents.h"
#include "libs/protocol/testing/world.h"

namespace cafe::protocol {
namespace {

using cafe::testing::documents;
using cafe::testing::SampleDocument;
using cafe::testing::World;
using cafe::testing::WorldWallet;

class DocumentDecoder : public ::testing::TestWithParam<size_t> {
 protected:
  const SampleDocument& doc() const { return documents()[GetParam()]; }
  std::string reason(ByteView bytes) const { return reason_of(doc().recode(bytes).status()); }
  // The good document with the only occurrence of `old` replaced by as many other bytes.
  Bytes replaced(ByteView old, ByteView with) const {
    Bytes out = doc().good;
    const auto at = std::search(out.begin(), out.end(), old.begin(), old.end());
    EXPECT_NE(at, out.end());
    EXPECT_EQ(old.size(), with.size());
    std::copy(with.begin(), with.end(), at);
    return out;
  }
};

INSTANTIATE_TEST_SUITE_P(All, DocumentDecoder, ::testing::Range(size_t{0}, documents().size()),
                         [](const auto& info) {
                           std::string name = documents()[info.param].name;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

// Offset and length of each top-level field's content, the label's first.
std::vector<std::pair<size_t, size_t>> fields_of(ByteView frame) {
  std::vector<std::pair<size_t, size_t>> out;
  for (size_t at = 0; at < frame.size();) {
    const size_t length = decode_u32(frame.subspan(at).first<4>());
    out.emplace_back(at + 4, length);
    at += 4 + length;
  }
  return out;
}

// The frame with field `n` replaced, its length set right.
Bytes with_field(ByteView frame, size_t n, ByteView content) {
  const auto [at, length] = fields_of(frame)[n];
  Bytes out = to_bytes(frame.first(at - 4));
  append(out, encode_u32(static_cast<uint32_t>(content.size())));
  append(out, content);
  append(out, frame.subspan(at + length));
  return out;
}

TEST_P(DocumentDecoder, reads_what_it_wrote) {
  EXPECT_EQ(doc().recode(doc().good).value(), doc().good);
}

TEST_P(DocumentDecoder, refuses_every_truncation) {
  for (size_t length = 0; length < doc().good.size(); ++length) {
    EXPECT_EQ(reason(ByteView(doc().good).first(length)), "TRUNCATED") << length;
  }
}

TEST_P(DocumentDecoder, refuses_anything_behind_it) {
  for (const Bytes& tail : {Bytes{0}, Bytes{0xFF}, Bytes(4, 0), doc().good}) {
    Bytes longer = doc().good;
    append(longer, tail);
    EXPECT_EQ(reason(longer), "TRAILING_BYTES");
  }
}

TEST_P(DocumentDecoder, refuses_other_labels) {
  const auto [at, length] = fields_of(doc().good)[0];
  Bytes bad = doc().good;
  bad[at + length - 1] ^= 1;
  EXPECT_EQ(reason(bad), "WRONG_LABEL");
  const auto label_of = [](ByteView frame) {
    const auto [begin, size] = fields_of(frame)[0];
    return to_string(frame.subspan(begin, size));
  };
  for (const SampleDocument& other : documents()) {
    if (label_of(other.good) == label_of(doc().good)) continue;
    EXPECT_EQ(reason(other.good), "WRONG_LABEL") << other.name;
  }
}

TEST_P(DocumentDecoder, refuses_lengths_beyond_its_end) {
  for (const auto& [at, length] : fields_of(doc().good)) {
    for (const uint32_t claimed : {uint32_t{0xFFFFFFFF}, uint32_t{0x80000000},
                                   static_cast<uint32_t>(doc().good.size() - at + 1)}) {
      Bytes bad = doc().good;
      const auto encoded = encode_u32(claimed);
      std::copy(encoded.begin(), encoded.end(), bad.begin() + static_cast<ptrdiff_t>(at) - 4);
      EXPECT_EQ(reason(bad), "TRUNCATED");
    }
  }
}

TEST_P(DocumentDecoder, fields_that_are_longer_or_shorter_are_refused_or_other_values) {
  const Bytes& good = doc().good;
  const auto fields = fields_of(good);
  for (size_t n = 1; n < fields.size(); ++n) {
    const auto [at, length] = fields[n];
    Bytes longer(good.begin() + static_cast<ptrdiff_t>(at),
                 good.begin() + static_cast<ptrdiff_t>(at + length));
    longer.push_back(0);
    std::vector<Bytes> contents = {longer, {}};
    if (length > 0) contents.emplace_back(longer.begin(), longer.end() - 2);
    for (const Bytes& content : contents) {
      const Bytes changed = with_field(good, n, content);
      if (changed == good) continue;  // an empty field emptied
      const auto recoded = doc().recode(changed);
      // A text or an opaque field may have any length; then nothing is lost of it.
      if (recoded.ok()) {
        EXPECT_EQ(*recoded, changed) << "field " << n;
      } else {
        EXPECT_NE(reason_of(recoded.status()), "") << "field " << n;
      }
    }
  }
}

TEST_P(DocumentDecoder, refuses_points_that_are_none) {
  for (const Point& point : doc().points) {
    const Bytes encoding = to_bytes(point.bytes());
    Bytes bad = encoding;
    bad[64] ^= 1;
    EXPECT_EQ(reason(replaced(encoding, bad)), "POINT_OFF_CURVE");
    bad.assign(65, 0xFF);
    bad[0] = 4;
    EXPECT_EQ(reason(replaced(encoding, bad)), "POINT_OFF_CURVE") << "coordinates beyond p";
    bad.assign(65, 0);
    EXPECT_EQ(reason(replaced(encoding, bad)), "POINT_NOT_UNCOMPRESSED") << "the identity";
    for (const uint8_t form : {2, 3, 6, 7}) {
      bad = encoding;
      bad[0] = form;
      EXPECT_EQ(reason(replaced(encoding, bad)), "POINT_NOT_UNCOMPRESSED");
    }
  }
}

TEST_P(DocumentDecoder, refuses_points_in_other_encodings) {
  const Bytes& good = doc().good;
  const auto fields = fields_of(good);
  for (size_t n = 1; n < fields.size(); ++n) {
    const ByteView content = ByteView(good).subspan(fields[n].first, fields[n].second);
    const bool is_point =
        std::any_of(doc().points.begin(), doc().points.end(), [&](const Point& point) {
          return std::equal(content.begin(), content.end(), point.bytes().begin(),
                            point.bytes().end());
        });
    if (!is_point) continue;
    Bytes compressed = to_bytes(content.first(33));
    compressed[0] = static_cast<uint8_t>(2 + (content[64] & 1));
    EXPECT_EQ(reason(with_field(good, n, compressed)), "BAD_LENGTH");
    EXPECT_EQ(reason(with_field(good, n, Bytes{0})), "BAD_LENGTH") << "the identity";
  }
}

TEST_P(DocumentDecoder, refuses_scalars_that_are_not_reduced) {
  const Bytes order =
      from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").value();
  for (const Scalar& scalar : doc().scalars) {
    EXPECT_EQ(reason(replaced(scalar.bytes(), order)), "SCALAR_TOO_LARGE");
    EXPECT_EQ(reason(replaced(scalar.bytes(), Bytes(32, 0xFF))), "SCALAR_TOO_LARGE");
    Bytes largest = order;
    largest[31] -= 1;
    EXPECT_EQ(reason(replaced(scalar.bytes(), largest)), "") << "q - 1 is a scalar";
  }
}

TEST_P(DocumentDecoder, random_alterations_are_refused_or_lose_nothing) {
  SeededRng rng("fuzz " + doc().name);
  const Bytes& good = doc().good;
  for (int round = 0; round < 4000; ++round) {
    Bytes bytes = good;
    for (uint64_t n = 1 + rng.below(4); n > 0; --n) {
      if (bytes.empty()) break;
      const auto at = static_cast<ptrdiff_t>(rng.below(bytes.size()));
      switch (rng.below(5)) {
        case 0:
          bytes[at] = static_cast<uint8_t>(rng.below(256));
          break;
        case 1:
          bytes[at] ^= static_cast<uint8_t>(1 << rng.below(8));
          break;
        case 2:
          bytes.erase(
              bytes.begin() + at,
              bytes.begin() + at + static_cast<ptrdiff_t>(rng.below(bytes.size() - at) + 1));
          break;
        case 3:
          bytes.insert(bytes.begin() + at, rng.below(40), static_cast<uint8_t>(rng.below(256)));
          break;
        default: {
          const auto extreme = encode_u32(static_cast<uint32_t>(rng.below(3) * 0x7FFFFFFF));
          std::copy_n(extreme.begin(), std::min<size_t>(4, bytes.size() - at), bytes.begin() + at);
        }
      }
    }
    const auto recoded = doc().recode(bytes);
    if (recoded.ok()) {
      EXPECT_EQ(*recoded, bytes) << "two encodings of one document";
    } else {
      EXPECT_NE(reason_of(recoded.status()), "");
    }
  }
}

TEST(BoundedLists, longer_ones_are_refused_before_they_are_read) {
  World world("lists");
  DenominationList list = world.list;
  list.limits.assign(257, list.limits[0]);
  EXPECT_EQ(reason_of(DenominationList::decode(list.encode()).status()), "TOO_MANY_ITEMS");
  list = world.list;
  list.compromised.assign(kMaxDenominations + 1, world.coin.id);
  EXPECT_EQ(reason_of(DenominationList::decode(list.encode()).status()), "TOO_MANY_ITEMS");
  list = world.list;
  list.denominations.assign(kMaxDenominations + 1, world.coin.denomination);
  EXPECT_EQ(reason_of(DenominationList::decode(list.encode()).status()), "TOO_MANY_ITEMS");

  Denomination denomination = world.coin.denomination;
  denomination.slot_values.assign(kMaxSlots + 1, 1);
  EXPECT_EQ(reason_of(Denomination::decode(denomination.encode()).status()), "BAD_SLOTS");
  denomination.slot_values.clear();
  EXPECT_EQ(reason_of(Denomination::decode(denomination.encode()).status()), "BAD_SLOTS");
  denomination = world.coin.denomination;
  denomination.kind = static_cast<Kind>(0);
  EXPECT_EQ(reason_of(Denomination::decode(denomination.encode()).status()), "BAD_KIND");
}

TEST(BoundedLists, orders_are_bounded_and_fit_what_was_opened) {
  World world("orders");
  const WorldWallet wallet = world.make_wallet();
  const std::vector<OrderLine> lines = {{world.coin.id, 1}};
  const Order good{world.open(wallet, lines), {{Scalar(), Scalar()}}, {}};
  ASSERT_TRUE(Order::decode(good.encode()).ok());
  struct Row {
    std::string reason;
    std::function<void(Order&)> alter;
  };
  for (const Row& row : std::vector<Row>{
           {"COUNT_MISMATCH", [](Order& o) { o.challenges.clear(); }},
           {"COUNT_MISMATCH", [](Order& o) { o.challenges.resize(2); }},
           {"TOO_MANY_ITEMS", [](Order& o) { o.challenges.resize(7 * 32 + 1); }},
           {"ATTACHMENT_TOO_LONG", [](Order& o) { o.attachment.resize(kMaxAttachment + 1); }},
           {"BAD_ORDER", [](Order& o) { o.opened.order = 0; }},
           {"BAD_ORDER",
            [](Order& o) {
              o.opened.lines.clear();
              o.challenges.clear();
            }},
           {"BAD_ORDER",
            [](Order& o) {
              o.opened.lines[0].coins.clear();
              o.challenges.clear();
            }},
           {"BAD_ORDER", [](Order& o) { o.opened.lines.assign(33, o.opened.lines[0]); }}}) {
    Order bad = good;
    row.alter(bad);
    EXPECT_EQ(reason_of(Order::decode(bad.encode()).status()), row.reason);
  }
  Order longest = good;
  longest.attachment.resize(kMaxAttachment);
  EXPECT_TRUE(Order::decode(longest.encode()).ok());
}

TEST(BoundedLists, completions_are_canonical) {
  const Completion good{"issuer", {}, 1, 1, {}, {{"EUR", 1}, {"USD", 2}}, {{1, Scalar()}}};
  ASSERT_TRUE(Completion::decode(good.encode()).ok());
  struct Row {
    std::string reason;
    std::function<void(Completion&)> alter;
  };
  for (const Row& row : std::vector<Row>{
           {"NOT_CANONICAL", [](Completion& c) { std::swap(c.debits[0], c.debits[1]); }},
           {"NOT_CANONICAL", [](Completion& c) { c.debits[1] = c.debits[0]; }},
           {"BAD_CURRENCY", [](Completion& c) { c.debits[0].currency = "eur"; }},
           {"TOO_MANY_ITEMS", [](Completion& c) { c.debits.resize(33); }},
           {"BAD_CLAUSE", [](Completion& c) { c.responses[0].beta = 2; }},
           {"TOO_MANY_ITEMS", [](Completion& c) { c.responses.resize(7 * 32 + 1); }},
           {"BAD_ORDER", [](Completion& c) { c.order = 0; }}}) {
    Completion bad = good;
    row.alter(bad);
    EXPECT_EQ(reason_of(Completion::decode(bad.encode()).status()), row.reason);
  }
}

}  // namespace
}  // namespace cafe::protocol
