#include "device-sim/firmware/common/apdu.h"

#include <gtest/gtest.h>

#include "libs/protocol/rng.h"

namespace cafe::firmware {
namespace {

using protocol::Bytes;

Bytes filled(Bytes head, size_t length, Bytes tail = {}) {
  head.insert(head.end(), length, 0xDD);
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

struct Case {
  const char* name;
  Bytes bytes;
  bool valid;
  size_t data;
  size_t expected;
};

TEST(Apdu, ParsesEveryCaseOfIso7816) {
  const Case cases[] = {
      {"too short", {0x80, 0x20, 0}, false, 0, 0},
      {"1", {0x80, 0x20, 1, 2}, true, 0, 0},
      {"2S", {0x80, 0x20, 1, 2, 16}, true, 0, 16},
      {"2S all", {0x80, 0x20, 1, 2, 0}, true, 0, 256},
      {"3S", filled({0x80, 0x20, 1, 2, 5}, 5), true, 5, 0},
      {"4S", filled({0x80, 0x20, 1, 2, 5}, 5, {7}), true, 5, 7},
      {"4S all", filled({0x80, 0x20, 1, 2, 255}, 255, {0}), true, 255, 256},
      {"3S short", filled({0x80, 0x20, 1, 2, 5}, 4), false, 0, 0},
      {"3S long", filled({0x80, 0x20, 1, 2, 5}, 7), false, 0, 0},
      {"2E", {0x80, 0x20, 1, 2, 0, 1, 4}, true, 0, 260},
      {"2E all", {0x80, 0x20, 1, 2, 0, 0, 0}, true, 0, 65536},
      {"3E", filled({0x80, 0x20, 1, 2, 0, 1, 4}, 260), true, 260, 0},
      {"4E", filled({0x80, 0x20, 1, 2, 0, 1, 4}, 260, {0x10, 0}), true, 260, 4096},
      {"4E all", filled({0x80, 0x20, 1, 2, 0, 1, 4}, 260, {0, 0}), true, 260, 65536},
      {"E without data", filled({0x80, 0x20, 1, 2, 0, 0, 0}, 1), false, 0, 0},
      {"E cut", filled({0x80, 0x20, 1, 2, 0, 1, 4}, 259), false, 0, 0},
      {"E with half a length", filled({0x80, 0x20, 1, 2, 0, 1, 4}, 260, {1}), false, 0, 0},
      {"E of two bytes", {0x80, 0x20, 1, 2, 0, 1}, false, 0, 0},
  };
  for (const Case& c : cases) {
    Command command;
    ASSERT_EQ(parse_command(c.bytes, command), c.valid) << c.name;
    if (!c.valid) continue;
    EXPECT_EQ(command.data.size(), c.data) << c.name;
    EXPECT_EQ(command.expected, c.expected) << c.name;
    EXPECT_EQ(command.p1p2(), 0x0102) << c.name;
  }
}

TEST(Apdu, FormatsWhatItParses) {
  const Bytes data(300, 0xAB);
  for (size_t length : {0, 1, 255, 256, 300}) {
    for (size_t expected : {0, 1, 256, 257, 65536}) {
      const Command command{0x80, 0x30, 3, 4, protocol::ByteView(data).first(length), expected};
      std::array<uint8_t, 400> out;
      const size_t size = format_command(command, out);
      Command back;
      ASSERT_TRUE(parse_command(protocol::ByteView(out).first(size), back))
          << length << " " << expected;
      EXPECT_EQ(back.data.size(), length);
      EXPECT_EQ(back.expected, expected);
      std::array<uint8_t, 4> tiny;
      if (size > tiny.size()) {
        EXPECT_EQ(format_command(command, tiny), 0u);
      }
    }
  }
}

TEST(Apdu, ReadsNothingOutsideRandomBytes) {
  protocol::SeededRng rng("apdu");
  for (int i = 0; i < 100'000; ++i) {
    Bytes bytes(rng.below(20));
    rng.fill(bytes);
    Command command;
    if (parse_command(bytes, command)) {
      EXPECT_LE(command.data.size() + 4, bytes.size());
    }
  }
}

}  // namespace
}  // namespace cafe::firmware
