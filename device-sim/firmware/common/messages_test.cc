#include "device-sim/firmware/common/messages.h"

#include <gtest/gtest.h>

#include "libs/protocol/testing/world.h"

namespace cafe::firmware {
namespace {

using protocol::Bytes;
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
