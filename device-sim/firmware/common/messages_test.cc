#include "device-sim/firmware/common/messages.h"

#include <gtest/gtest.h>

#include "libs/protocol/testing/world.h"

namespace cafe::firmware {
namespace {

using protocol::Acceptance;
using protocol::Bytes;
using protocol::Refusal;
using protocol::SignedDocument;
using testing::kWorldNow_s;
using testing::World;

class MessagesTest : public ::testing::Test {
 protected:
  World world_{"messages"};
  const protocol::TerminalCertificate& terminal_ = world_.terminal;
  const ListNotice notice_{terminal_.acquirer_id,
                           terminal_.payee_id,
                           terminal_.terminal_id,
                           kWorldNow_s * 1000,
                           {{"issuer-a.example", 3, world_.rng.array<32>()},
                            {"issuer-b.example", 9, world_.rng.array<32>()}}};
  const Acceptance acceptance_{terminal_.acquirer_id,  terminal_.payee_id,
                               terminal_.terminal_id,  world_.rng.array<32>(),
                               world_.rng.array<32>(), kWorldNow_s * 1000};
  const Refusal refusal_{terminal_.acquirer_id,  terminal_.payee_id,     terminal_.terminal_id,
                         world_.rng.array<32>(), world_.rng.array<32>(), "SLOT_TAKEN",
                         kWorldNow_s * 1000};
  const Tariff tariff_{world_.rng.array<32>(), 10, 500, "10 s"};
  const TickDemand demand_{tariff_.terms_digest, 7};
  const Tick tick_{tariff_.terms_digest,
                   {7, world_.rng.scalar(), {world_.rng.array<32>(), world_.rng.array<32>()}}};
  const HangUp hang_up_{tariff_.terms_digest};
  const CallEnd call_end_{
      terminal_.acquirer_id, terminal_.payee_id, terminal_.terminal_id, tariff_.terms_digest, 8,
      kWorldNow_s * 1000};
  CallOffer call_offer() {
    return {world_.terminal_credential, sign(notice_.encode()), sign(Bytes{1}),
            sign(tariff_.encode())};
  }
  SignedDocument sign(Bytes frame) {
    return SignedDocument::sign(std::move(frame), world_.terminal_key);
  }
};

TEST_F(MessagesTest, AreReadAsTheyAreWritten) {
  EXPECT_EQ(*ListNotice::decode(notice_.encode()), notice_);
  EXPECT_EQ(*Acceptance::decode(acceptance_.encode()), acceptance_);
  EXPECT_EQ(*Refusal::decode(refusal_.encode()), refusal_);
  Refusal withdrawn = refusal_;
  withdrawn.payment_digest.reset();
  EXPECT_EQ(*Refusal::decode(withdrawn.encode()), withdrawn);
  const PaymentAnswer answer{true, sign(acceptance_.encode())};
  EXPECT_EQ(*PaymentAnswer::decode(answer.encode()), answer);
  const NoticeMessage message{world_.terminal_credential, sign(notice_.encode())};
  EXPECT_EQ(NoticeMessage::decode(message.encode())->encode(), message.encode());
  const Offer offer{world_.terminal_credential, message.notice, sign(Bytes{1})};
  EXPECT_EQ(Offer::decode(offer.encode())->encode(), offer.encode());
  EXPECT_EQ(label_of(offer.encode()), "cafe/v1/offer");
  EXPECT_EQ(label_of(Bytes{0, 0, 0, 9, 1}), "");
}

TEST_F(MessagesTest, OfACallAreReadAsTheyAreWritten) {
  EXPECT_EQ(*Tariff::decode(tariff_.encode()), tariff_);
  EXPECT_EQ(*TickDemand::decode(demand_.encode()), demand_);
  EXPECT_EQ(*Tick::decode(tick_.encode()), tick_);
  EXPECT_EQ(*HangUp::decode(hang_up_.encode()), hang_up_);
  EXPECT_EQ(*CallEnd::decode(call_end_.encode()), call_end_);
  EXPECT_EQ(CallOffer::decode(call_offer().encode())->encode(), call_offer().encode());
  EXPECT_EQ(message_label(call_offer().encode()), "cafe/v1/call-offer");
  EXPECT_EQ(message_label(sign(call_end_.encode()).encode()), "cafe/v1/call-end");
  EXPECT_EQ(message_label(Bytes{0, 0, 0, 9, 1}), "");
}

// Ticks of a tariff are worth something, and all of them together are still an amount.
TEST_F(MessagesTest, TariffsAreNeitherFreeNorEndless) {
  const auto reason = [&](uint64_t tick_value, uint32_t tick_count) {
    const Tariff tariff{tariff_.terms_digest, tick_value, tick_count, "10 s"};
    return protocol::reason_of(Tariff::decode(tariff.encode()).status());
  };
  EXPECT_EQ(reason(0, 5), "BAD_TARIFF");
  EXPECT_EQ(reason(5, 0), "BAD_TARIFF");
  EXPECT_EQ(reason(1, protocol::kMaxTicks), "");
  EXPECT_EQ(reason(1, protocol::kMaxTicks + 1), "BAD_TARIFF");
  EXPECT_EQ(reason(INT64_MAX, 1), "");
  EXPECT_EQ(reason(INT64_MAX, 2), "BAD_TARIFF");
}

// Each decoder, on every truncation, on trailing bytes, on another's label and on noise.
template <typename Message>
void expect_strict(const Bytes& good, protocol::SeededRng& rng) {
  ASSERT_TRUE(Message::decode(good).ok());
  for (size_t length = 0; length < good.size(); ++length) {
    ASSERT_FALSE(Message::decode(protocol::ByteView(good).first(length)).ok()) << length;
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(protocol::reason_of(Message::decode(longer).status()), "TRAILING_BYTES");
  Bytes relabelled = good;
  relabelled[4] ^= 1;
  EXPECT_EQ(protocol::reason_of(Message::decode(relabelled).status()), "WRONG_LABEL");
  for (int i = 0; i < 2000; ++i) {
    Bytes noisy = good;
    noisy[rng.below(noisy.size())] = static_cast<uint8_t>(rng.below(256));
    if (const auto read = Message::decode(noisy); read.ok()) {
      ASSERT_EQ(read->encode(), noisy);  // one encoding for each message
    }
  }
}

TEST_F(MessagesTest, AreReadStrictly) {
  expect_strict<ListNotice>(notice_.encode(), world_.rng);
  expect_strict<Acceptance>(acceptance_.encode(), world_.rng);
  expect_strict<Refusal>(refusal_.encode(), world_.rng);
  expect_strict<PaymentAnswer>(PaymentAnswer{false, sign(refusal_.encode())}.encode(), world_.rng);
  const NoticeMessage message{world_.terminal_credential, sign(notice_.encode())};
  expect_strict<NoticeMessage>(message.encode(), world_.rng);
  expect_strict<Tariff>(tariff_.encode(), world_.rng);
  expect_strict<TickDemand>(demand_.encode(), world_.rng);
  expect_strict<Tick>(tick_.encode(), world_.rng);
  expect_strict<HangUp>(hang_up_.encode(), world_.rng);
  expect_strict<CallEnd>(call_end_.encode(), world_.rng);
  expect_strict<CallOffer>(call_offer().encode(), world_.rng);
  expect_strict<Offer>(Offer{world_.terminal_credential, message.notice, message.notice}.encode(),
                       world_.rng);
}

TEST_F(MessagesTest, BoundTheirLists) {
  ListNotice many = notice_;
  many.lists.assign(kMaxShownLists + 1, notice_.lists[0]);
  EXPECT_EQ(protocol::reason_of(ListNotice::decode(many.encode()).status()), "TOO_MANY_ITEMS");
}

}  // namespace
}  // namespace cafe::firmware
