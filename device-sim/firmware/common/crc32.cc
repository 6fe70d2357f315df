#include "device-sim/firmware/common/crc32.h"

namespace cafe::firmware {

namespace {

using Table = std::array<uint32_t, 256>;

// kTables[k][b] is what byte b does to the register, k more bytes of zero later. With them eight
// bytes take eight look-ups that do not wait for each other: a device reads and checks all its
// records at every start.
constexpr std::array<Table, 8> make_tables() {
  std::array<Table, 8> tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
    tables[0][i] = c;
  }
  for (size_t k = 1; k < tables.size(); ++k) {
    for (size_t i = 0; i < 256; ++i) {
      const uint32_t before = tables[k - 1][i];
      tables[k][i] = tables[0][before & 0xFF] ^ (before >> 8);
    }
  }
  return tables;
}

constexpr std::array<Table, 8> kTables = make_tables();

}  // namespace

uint32_t crc32(protocol::ByteView data, uint32_t previous) {
  uint32_t c = ~previous;
  for (; data.size() >= 8; data = data.subspan(8)) {
    c ^= data[0] | uint32_t{data[1]} << 8 | uint32_t{data[2]} << 16 | uint32_t{data[3]} << 24;
    c = kTables[7][c & 0xFF] ^ kTables[6][c >> 8 & 0xFF] ^ kTables[5][c >> 16 & 0xFF] ^
        kTables[4][c >> 24] ^ kTables[3][data[4]] ^ kTables[2][data[5]] ^ kTables[1][data[6]] ^
        kTables[0][data[7]];
  }
  for (const uint8_t byte : data) c = kTables[0][(c ^ byte) & 0xFF] ^ (c >> 8);
  return ~c;
}

}  // namespace cafe::firmware
