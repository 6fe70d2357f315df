#include <gtest/gtest.h>

#include "device-sim/link/endpoint.h"
#include "device-sim/link/lossy_medium.h"

namespace cafe::link {
namespace {

using protocol::Bytes;
using protocol::reason_of;

Bytes message(size_t length, uint8_t first) {
  Bytes out(length);
  for (size_t i = 0; i < length; ++i) out[i] = static_cast<uint8_t>(first + i * 7);
  return out;
}

LinkFrame data_frame(uint32_t sequence, size_t length) {
  return {FrameType::kData, kLastFragment, 0xABCD, sequence, message(length, 3)};
}

TEST(FrameCodec, ReadsWhatItWrites) {
  FrameDecoder decoder;
  for (size_t length : {size_t{0}, size_t{1}, kMaxPayload}) {
    const auto frames = decoder.feed(data_frame(9, length).encode());
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0], data_frame(9, length));
  }
}

TEST(FrameCodec, FindsFramesInAStreamHoweverItIsCut) {
  Bytes stream = {0xCA, 0x00, 0xFE};
  for (uint32_t i = 0; i < 5; ++i) {
    const Bytes frame = data_frame(i, 40).encode();
    stream.insert(stream.end(), frame.begin(), frame.end());
    stream.push_back(0xCA);
  }
  for (size_t piece : {size_t{1}, size_t{7}, size_t{64}, stream.size()}) {
    FrameDecoder decoder;
    std::vector<LinkFrame> seen;
    for (size_t at = 0; at < stream.size(); at += piece) {
      const size_t end = std::min(at + piece, stream.size());
      for (auto& frame : decoder.feed(protocol::ByteView(stream).subspan(at, end - at))) {
        seen.push_back(std::move(frame));
      }
    }
    ASSERT_EQ(seen.size(), 5u) << piece;
    for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(seen[i].sequence, i);
  }
}

TEST(FrameCodec, RefusesEveryFrameWithOneByteAltered) {
  const Bytes good = data_frame(1, 30).encode();
  for (size_t at = 0; at < good.size(); ++at) {
    for (uint8_t flip : {0x01, 0x80, 0xFF}) {
      Bytes bad = good;
      bad[at] ^= flip;
      FrameDecoder decoder;
      EXPECT_TRUE(decoder.feed(bad).empty()) << at;
      // And it finds the next whole one. One byte of doubt is left at most.
      std::vector<LinkFrame> next = decoder.feed(data_frame(2, 5).encode());
      if (next.empty()) next = decoder.feed(data_frame(2, 5).encode());
      ASSERT_FALSE(next.empty()) << at;
      EXPECT_EQ(next.back().sequence, 2u);
    }
  }
}

TEST(FrameCodec, NeverCrashesOnGarbage) {
  protocol::SeededRng rng("garbage");
  FrameDecoder decoder;
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes(rng.below(200));
    rng.fill(bytes);
    if (i % 2 == 0 && bytes.size() > 4) {
      bytes[0] = 0xCA;
      bytes[1] = 0xFE;
      bytes[2] = static_cast<uint8_t>(1 + rng.below(4));
    }
    EXPECT_TRUE(decoder.feed(bytes).empty());
  }
}

// Two endpoints on one line, with a clock.
struct Line {
  explicit Line(std::string_view seed, const Faults& faults = {}, const LinkOptions& options = {})
      : medium(seed, faults),
        caller(Endpoint::caller(medium.a(), 0x1234, options)),
        listener(Endpoint::listener(medium.b(), options)) {}

  // Runs for at most `limit_ms`, or until `done`.
  template <typename Done>
  bool run(uint64_t limit_ms, Done done) {
    for (const uint64_t end = now_ms + limit_ms; now_ms < end; now_ms += 5) {
      caller.tick(now_ms);
      listener.tick(now_ms);
      if (done()) return true;
    }
    return false;
  }

  LossyMedium medium;
  Endpoint caller, listener;
  uint64_t now_ms = 1000;
};

TEST(Link, DeliversOverAPerfectLineWithoutRetransmission) {
  Line line("perfect");
  ASSERT_TRUE(line.caller.send(message(5000, 1)).ok());
  ASSERT_TRUE(line.run(1000, [&] { return line.listener.has_message(); }));
  EXPECT_EQ(*line.listener.receive(), message(5000, 1));
  EXPECT_EQ(line.caller.retransmissions(), 0u);
}

TEST(Link, DeliversEachMessageOnceAndInOrderOverABadLine) {
  for (int seed = 0; seed < 30; ++seed) {
    const Faults faults{.drop = 300, .duplicate = 300, .corrupt = 300, .reorder = 300};
    Line line("bad" + std::to_string(seed), faults, {.max_retries = 60});
    std::vector<Bytes> there, back;
    for (uint8_t i = 0; i < 4; ++i) {
      ASSERT_TRUE(line.caller.send(message(i * 1300, i)).ok());
      ASSERT_TRUE(line.listener.send(message(i * 900 + 1, 100 + i)).ok());
    }
    ASSERT_TRUE(line.run(600'000, [&] {
      while (auto m = line.listener.receive()) there.push_back(*m);
      while (auto m = line.caller.receive()) back.push_back(*m);
      return there.size() >= 4 && back.size() >= 4 && line.caller.all_delivered() &&
             line.listener.all_delivered();
    })) << seed;
    ASSERT_EQ(there.size(), 4u);
    ASSERT_EQ(back.size(), 4u);
    for (uint8_t i = 0; i < 4; ++i) {
      EXPECT_EQ(there[i], message(i * 1300, i));
      EXPECT_EQ(back[i], message(i * 900 + 1, 100 + i));
    }
    EXPECT_GT(line.caller.retransmissions(), 0u);
  }
}

TEST(Link, ReportsACutOnBothSides) {
  Line line("cut", {}, {.retransmit_ms = 50, .max_retries = 5, .idle_ms = 2000});
  ASSERT_TRUE(line.caller.send(message(100'000, 1)).ok());
  line.medium.cut_after(20);
  ASSERT_TRUE(line.run(60'000, [&] { return !line.caller.up() && !line.listener.up(); }));
  EXPECT_EQ(line.caller.state(), LinkState::kCut);
  EXPECT_EQ(line.listener.state(), LinkState::kCut);
  EXPECT_FALSE(line.listener.has_message());
  EXPECT_EQ(reason_of(line.caller.send({1})), "LINK_DOWN");
}

TEST(Link, ReportsACutWhereNobodyAnswersTheCall) {
  Line line("nobody", {.drop = 1000}, {.max_retries = 3});
  EXPECT_TRUE(line.run(10'000, [&] { return line.caller.state() == LinkState::kCut; }));
  EXPECT_EQ(line.listener.state(), LinkState::kOpening);
}

TEST(Link, HangsUpInOrder) {
  Line line("bye");
  ASSERT_TRUE(line.caller.send({1}).ok());
  ASSERT_TRUE(line.run(1000, [&] { return line.caller.all_delivered(); }));
  line.caller.hang_up();
  EXPECT_TRUE(line.run(1000, [&] { return line.listener.state() == LinkState::kClosed; }));
  EXPECT_EQ(*line.listener.receive(), Bytes{1});
}

TEST(Link, IgnoresFramesOfAnotherSession) {
  Line line("foreign");
  ASSERT_TRUE(line.caller.send({1}).ok());
  ASSERT_TRUE(line.run(1000, [&] { return line.caller.all_delivered(); }));
  line.medium.a().transmit(
      LinkFrame{FrameType::kData, kLastFragment, 0x9999, 2, {6, 6, 6}}.encode());
  line.medium.a().transmit(LinkFrame{FrameType::kHello, 0, 0x9999, 0, {}}.encode());
  line.medium.a().transmit(LinkFrame{FrameType::kBye, 0, 0x9999, 0, {}}.encode());
  line.run(500, [] { return false; });
  EXPECT_EQ(line.listener.state(), LinkState::kOpen);
  EXPECT_EQ(*line.listener.receive(), Bytes{1});
  EXPECT_FALSE(line.listener.has_message());
}

TEST(Link, BoundsItsQueuesAndMessages) {
  Line line("bounds", {}, {.max_message = 3000, .max_queued = 2});
  EXPECT_EQ(reason_of(line.caller.send(message(3001, 1))), "MESSAGE_TOO_LONG");
  ASSERT_TRUE(line.caller.send({1}).ok());
  ASSERT_TRUE(line.caller.send({2}).ok());
  EXPECT_EQ(reason_of(line.caller.send({3})), "LINK_BUSY");
  ASSERT_TRUE(line.run(1000, [&] { return line.caller.all_delivered(); }));
  // The listener's inbox is full now: what comes waits at the caller until there is room.
  ASSERT_TRUE(line.caller.send({3}).ok());
  EXPECT_FALSE(line.run(300, [&] { return line.caller.all_delivered(); }));
  EXPECT_EQ(*line.listener.receive(), Bytes{1});
  EXPECT_TRUE(line.run(300, [&] { return line.caller.all_delivered(); }));
  EXPECT_EQ(*line.listener.receive(), Bytes{2});
  EXPECT_EQ(*line.listener.receive(), Bytes{3});
}

TEST(Link, CutsAMessageThatNeverEnds) {
  Line line("endless", {}, {.max_message = 3000});
  line.run(100, [&] { return line.listener.state() == LinkState::kOpen; });
  for (uint32_t i = 1; i < 10; ++i) {
    line.medium.a().transmit(
        LinkFrame{FrameType::kData, 0, 0x1234, i, message(kMaxPayload, 1)}.encode());
    line.run(10, [] { return false; });
  }
  EXPECT_EQ(line.listener.state(), LinkState::kCut);
}

TEST(Link, NeverCrashesOnAnyValidFrame) {
  protocol::SeededRng rng("frames");
  for (int round = 0; round < 50; ++round) {
    Line line("fuzz" + std::to_string(round));
    line.caller.send(message(5000, 1)).IgnoreError();
    for (int i = 0; i < 200; ++i) {
      const LinkFrame frame{static_cast<FrameType>(1 + rng.below(4)),
                            static_cast<uint8_t>(rng.below(4)),
                            rng.below(2) == 0 ? 0x1234u : static_cast<uint32_t>(rng.below(4)),
                            static_cast<uint32_t>(rng.below(6)), message(rng.below(50), 1)};
      (rng.below(2) == 0 ? line.medium.a() : line.medium.b()).transmit(frame.encode());
      line.run(10, [] { return false; });
    }
  }
}

TEST(LossyMedium, RepeatsItselfForOneSeed) {
  const Faults faults{.drop = 200, .duplicate = 200, .corrupt = 200, .reorder = 200};
  std::vector<Bytes> runs[2];
  for (auto& run : runs) {
    LossyMedium medium("same", faults);
    for (uint8_t i = 0; i < 100; ++i) medium.a().transmit(message(10, i));
    while (auto bytes = medium.b().poll()) run.push_back(*bytes);
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_NE(runs[0].size(), 100u);
}

}  // namespace
}  // namespace cafe::link
