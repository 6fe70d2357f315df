// Every decoder of the documents around a payment is strict: whatever it accepts, it writes back
// byte for byte, and what is damaged it refuses.
#include <functional>

#include "gtest/gtest.h"
#include "libs/protocol/deposit.h"
#include "libs/protocol/testing/leaves.h"
#include "libs/protocol/testing/market.h"

namespace cafe::protocol {
namespace {

using testing::Guardian;
using testing::kWorldNow_s;
using testing::Leaf;
using testing::leaves_of;
using testing::Market;
using testing::replace_field;
using testing::WithdrawnCoin;
using testing::WorldWallet;

struct Document {
  std::string name;
  Bytes good;
  std::function<absl::StatusOr<Bytes>(ByteView)> decode_and_encode;
};

template <typename T>
Document document(std::string name, const T& value) {
  return {std::move(name), value.encode(), [](ByteView bytes) -> absl::StatusOr<Bytes> {
            CAFE_ASSIGN_OR_RETURN(const T decoded, T::decode(bytes));
            return decoded.encode();
          }};
}

// A spend with every field filled, the shown tick included; its values need not be true here.
Payment with_ticks(Market& market) {
  WorldWallet wallet = market.make_wallet();
  WithdrawnCoin cheque = market.take(wallet, market.cheque);
  Payment payment = market.pay(wallet, {{&cheque, 0, 1234}});
  Spend& spend = payment.spends[0];
  spend.tick_value = 3;
  spend.tick_count = 20;
  spend.tick_root = to_bytes(market.rng.array<32>());
  spend.tick = TickReveal{7, market.rng.scalar(), MerklePath(5, market.rng.array<32>())};
  return payment;
}

std::vector<Document> all_documents() {
  Market market("decoders");
  WorldWallet wallet = market.make_wallet();
  WithdrawnCoin plain = market.take(wallet, market.coin);
  WithdrawnCoin split = market.take(wallet, market.split_coin);
  const Payment payment =
      market.pay(wallet, {{&plain, 0, 500}, {&split, 1, 200}, {&split, 3, 100}});
  WithdrawnCoin cloned = market.take(wallet, market.coin);
  const Payment first = market.pay(wallet, {{&cloned, 0, 500}});
  const Payment second = market.pay(wallet, {{&cloned, 0, 500}}, Guardian::kForgetful);
  const CaseFile file = market.open_case(wallet, first, 0, second, 0);

  Terms quoted = market.make_terms(17);
  quoted.quote_id = to_bytes(market.rng.array<32>());
  const Bytes32 any = market.rng.array<32>();
  const Receipt receipt{std::string(Market::kIssuer),
                        market.terminal.payee_id,
                        market.rng.array<16>(),
                        any,
                        7,
                        kWorldNow_s * 1000,
                        {{VerdictCode::kSpentBefore,
                          "",
                          200,
                          "EUR",
                          {{VerdictCode::kAccepted, 200, 0}, {VerdictCode::kSpentBefore, 0, 41}}},
                         {VerdictCode::kRefused, "COIN_INVALID", 0, "", {}}}};
  return {
      document("terms", market.make_terms(200)),
      document("terms with a quote", quoted),
      document("payment", payment),
      document("payment with ticks", with_ticks(market)),
      document("deposit order",
               DepositOrder{std::string(Market::kIssuer), market.terminal.payee_id,
                            market.terminal.terminal_id, market.rng.array<16>(), any}),
      document("receipt", receipt),
      document("authorization",
               Authorization{std::string(Market::kIssuer), market.terminal.payee_id, any, any, true,
                             "", kWorldNow_s * 1000}),
      document("refused authorization",
               Authorization{std::string(Market::kIssuer), market.terminal.payee_id, any, any,
                             false, "SLOT_USED", 0}),
      document("load", Load{wallet.account.registration.serial, std::string(Market::kIssuer), "EUR",
                            5000, 1}),
      document("case payment", file.first),
      document("case", file),
      document("signed case", market.sign_case(file)),
  };
}

class DecoderTest : public ::testing::Test {
 protected:
  static const std::vector<Document>& documents() {
    static const std::vector<Document> all = all_documents();
    return all;
  }
};

TEST_F(DecoderTest, GoodDocumentsComeBackByteForByte) {
  for (const Document& doc : documents()) {
    const auto again = doc.decode_and_encode(doc.good);
    ASSERT_TRUE(again.ok()) << doc.name << ": " << again.status();
    EXPECT_EQ(*again, doc.good) << doc.name;
  }
}

TEST_F(DecoderTest, EveryTruncationIsRefused) {
  for (const Document& doc : documents()) {
    for (size_t length = 0; length < doc.good.size(); ++length) {
      ASSERT_FALSE(doc.decode_and_encode(ByteView(doc.good).first(length)).ok())
          << doc.name << " cut to " << length;
    }
  }
}

TEST_F(DecoderTest, TrailingBytesAreRefused) {
  for (const Document& doc : documents()) {
    Bytes field_more = doc.good;
    append(field_more, encode_u32(0));
    // After a payment's spends its identified payer may stand, which an empty field is not.
    const bool payment = doc.name.starts_with("payment");
    EXPECT_EQ(reason_of(doc.decode_and_encode(field_more).status()),
              payment ? "TRUNCATED" : "TRAILING_BYTES")
        << doc.name;
    Bytes byte_more = doc.good;
    byte_more.push_back(0);
    EXPECT_FALSE(doc.decode_and_encode(byte_more).ok()) << doc.name;
  }
}

TEST_F(DecoderTest, EveryLabelCounts) {
  for (const Document& doc : documents()) {
    for (const Leaf& leaf : leaves_of(doc.good)) {
      if (!leaf.where.ends_with("/0") || leaf.in_signed) continue;
      Bytes other = doc.good;
      other[leaf.offset + leaf.length - 1] ^= 1;
      EXPECT_EQ(reason_of(doc.decode_and_encode(other).status()), "WRONG_LABEL")
          << doc.name << " " << leaf.where;
    }
  }
}

bool is_text(ByteView field) {
  return !field.empty() &&
         std::all_of(field.begin(), field.end(), [](uint8_t c) { return c >= 0x20 && c < 0x7F; });
}

TEST_F(DecoderTest, FieldsOfFixedWidthHaveNoOther) {
  for (const Document& doc : documents()) {
    for (const Leaf& leaf : leaves_of(doc.good)) {
      const ByteView field = ByteView(doc.good).subspan(leaf.offset, leaf.length);
      Bytes longer = to_bytes(field);
      longer.push_back('0');
      std::vector<Bytes> widths{longer};
      if (!field.empty()) widths.push_back(to_bytes(field.first(field.size() - 1)));
      for (const Bytes& content : widths) {
        const Bytes altered = replace_field(doc.good, leaf.offset, content);
        const auto again = doc.decode_and_encode(altered);
        if (is_text(field) || leaf.in_signed) {
          // Text may have any length, and a signed frame is its signer's; neither is rewritten.
          if (again.ok()) {
            EXPECT_EQ(*again, altered) << doc.name << " " << leaf.where;
          }
        } else {
          EXPECT_FALSE(again.ok()) << doc.name << " " << leaf.where << " of " << content.size();
        }
      }
    }
  }
}

TEST_F(DecoderTest, WhateverIsAcceptedAfterABitFlipIsWrittenBackAsItWas) {
  for (const Document& doc : documents()) {
    for (size_t at = 0; at<doc.good.size(); at += doc.good.size()> 4000 ? 7 : 1) {
      Bytes altered = doc.good;
      altered[at] ^= static_cast<uint8_t>(1 << at % 8);
      const auto again = doc.decode_and_encode(altered);
      if (again.ok()) {
        ASSERT_EQ(*again, altered) << doc.name << " at " << at;
      }
    }
  }
}

// --- wrong values of single fields -------------------------------------------------------------

// Offset of the field whose path ends so; the `nth` of them.
Leaf leaf_at(const Document& doc, std::string_view where, int nth = 0) {
  for (const Leaf& leaf : leaves_of(doc.good)) {
    if (leaf.where.ends_with(where) && nth-- == 0) return leaf;
  }
  ADD_FAILURE() << doc.name << " has no field " << where;
  return {};
}

const Document& find(const std::vector<Document>& all, std::string_view name) {
  return *std::find_if(all.begin(), all.end(), [&](const Document& d) { return d.name == name; });
}

struct BadValue {
  std::string_view what;
  Bytes content;
  std::string_view reason;
};

TEST_F(DecoderTest, BadPointsAreRefusedWhereverAPointStands) {
  const Bytes good = to_bytes(g1().bytes());
  Bytes off_curve = good;
  off_curve[64] ^= 1;
  Bytes hybrid = good;
  hybrid[0] = good[64] % 2 == 0 ? 6 : 7;
  Bytes compressed(good.begin(), good.begin() + 33);
  compressed[0] = good[64] % 2 == 0 ? 2 : 3;
  Bytes too_large(65, 0xFF);
  too_large[0] = 4;
  const std::vector<BadValue> bad{
      {"off the curve", off_curve, "POINT_OFF_CURVE"},
      {"hybrid", hybrid, "POINT_NOT_UNCOMPRESSED"},
      {"compressed", compressed, "BAD_LENGTH"},
      {"identity", Bytes{0}, "BAD_LENGTH"},
      {"identity, padded", Bytes(65, 0), "POINT_NOT_UNCOMPRESSED"},
      {"coordinates above p", too_large, "POINT_OFF_CURVE"},
  };
  const Document& payment = find(documents(), "payment");
  // A, Z, a', b' of a coin and B of a spend.
  for (const std::string_view where :
       {"coin-file/2", "coin-file/4", "coin-file/5", "coin-file/6", "spend-file/8"}) {
    for (const BadValue& value : bad) {
      const Bytes altered =
          replace_field(payment.good, leaf_at(payment, where).offset, value.content);
      EXPECT_EQ(reason_of(payment.decode_and_encode(altered).status()), value.reason)
          << where << " " << value.what;
    }
  }
}

TEST_F(DecoderTest, ScalarsOfQAndAboveAreRefusedWhereverAScalarStands) {
  Bytes q = from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").value();
  const struct {
    std::string_view document;
    std::string_view where;
  } kPlaces[] = {{"payment", "coin-file/7"},
                 {"payment", "spend-file/10"},
                 {"payment", "spend-file/11"},
                 {"payment with ticks", "tick-reveal/2"},
                 {"case", "case/9"}};
  for (const auto& place : kPlaces) {
    const Document& doc = find(documents(), place.document);
    const size_t offset = leaf_at(doc, place.where).offset;
    for (const Bytes& value : {q, Bytes(32, 0xFF)}) {
      EXPECT_EQ(reason_of(doc.decode_and_encode(replace_field(doc.good, offset, value)).status()),
                "SCALAR_TOO_LARGE")
          << place.where;
    }
    Bytes largest = q;
    --largest.back();
    EXPECT_TRUE(doc.decode_and_encode(replace_field(doc.good, offset, largest)).ok())
        << place.where;
  }
}

TEST_F(DecoderTest, ListsAreBounded) {
  const Document& payment = find(documents(), "payment with ticks");
  const size_t spend_path = leaf_at(payment, "spend-file/9").offset;
  const size_t tick_path = leaf_at(payment, "tick-reveal/3").offset;
  for (const size_t offset : {spend_path, tick_path}) {
    EXPECT_TRUE(
        payment.decode_and_encode(replace_field(payment.good, offset, Bytes(32 * 32))).ok());
    EXPECT_EQ(
        reason_of(payment.decode_and_encode(replace_field(payment.good, offset, Bytes(33 * 32)))
                      .status()),
        "TOO_MANY_ITEMS");
    EXPECT_EQ(
        reason_of(
            payment.decode_and_encode(replace_field(payment.good, offset, Bytes(33))).status()),
        "BAD_LENGTH");
  }
  // Counts beyond what may be, and beyond what is there: no memory is taken for them.
  for (const uint32_t count : {129u, 0xFFFFFFFFu}) {
    const size_t offset = leaf_at(payment, "payment/2").offset;
    EXPECT_EQ(
        reason_of(payment.decode_and_encode(replace_field(payment.good, offset, encode_u32(count)))
                      .status()),
        "TOO_MANY_ITEMS");
  }
  const Document& receipt = find(documents(), "receipt");
  for (const uint32_t count : {0u, 1001u, 0xFFFFFFFFu}) {
    const size_t offset = leaf_at(receipt, "receipt/7").offset;
    EXPECT_EQ(
        reason_of(receipt.decode_and_encode(replace_field(receipt.good, offset, encode_u32(count)))
                      .status()),
        "TOO_MANY_ITEMS");
  }
}

TEST_F(DecoderTest, WrongValuesOfOtherFieldsAreRefused) {
  const struct {
    std::string_view document;
    std::string_view where;
    Bytes content;
    std::string_view reason;
  } kCases[] = {
      {"terms", "terms/4", to_bytes(view_of("eur")), "BAD_CURRENCY"},
      {"terms", "terms/4", to_bytes(view_of("EURO")), "BAD_CURRENCY"},
      {"terms", "terms/1", {}, "BAD_ISSUER_ID"},
      {"terms", "terms/1", {0xFF, 0xFE}, "BAD_UTF8"},
      {"terms", "terms/8", Bytes(31), "BAD_LENGTH"},
      {"payment", "spend-file/6", Bytes(31), "BAD_LENGTH"},
      {"payment", "spend-file/7", Bytes(33), "BAD_LENGTH"},
      {"receipt", "verdict/1", {0}, "BAD_VERDICT"},
      {"receipt", "verdict/1", {6}, "BAD_VERDICT"},
      // Better than the worst of its slots.
      {"receipt", "verdict/1", {1}, "BAD_VERDICT"},
      {"receipt", "verdict/2", to_bytes(view_of("WHY")), "BAD_VERDICT"},
      {"authorization", "authorization/5", {2}, "BAD_VERDICT"},
      {"authorization", "authorization/5", {0}, "BAD_VERDICT"},
      {"refused authorization", "authorization/5", {1}, "BAD_VERDICT"},
      {"load", "load/3", to_bytes(view_of("EU")), "BAD_CURRENCY"},
      {"case", "case/1", {}, "BAD_ISSUER_ID"},
  };
  for (const auto& c : kCases) {
    const Document& doc = find(documents(), c.document);
    const Bytes altered = replace_field(doc.good, leaf_at(doc, c.where).offset, c.content);
    EXPECT_EQ(reason_of(doc.decode_and_encode(altered).status()), c.reason)
        << c.document << " " << c.where;
  }
}

}  // namespace
}  // namespace cafe::protocol
