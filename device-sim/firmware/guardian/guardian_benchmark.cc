// What the guardian pays for each answer, through its APDUs: a coin or a cheque, a call's opening,
// a tick (at most 100 µs), a load.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "device-sim/firmware/testing/chip.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/testing/load_keys.h"

namespace cafe {
namespace {

using guardian::Ins;
using protocol::Bytes;
using protocol::ByteView;
using protocol::Kind;
using testing::Response;

constexpr char kIssuer[] = "issuer-a.example";
constexpr uint64_t kPlenty = uint64_t{1} << 62;

// handle ‖ rest in the form of a command.
Bytes command_of(Ins ins, ByteView handle, ByteView rest, size_t expected) {
  Bytes data = protocol::to_bytes(handle);
  protocol::append(data, rest);
  std::array<uint8_t, firmware::kMaxCommand> out;
  const size_t length = firmware::format_command(
      {guardian::kCla, static_cast<uint8_t>(ins), 0, 0, data, expected}, out);
  return {out.begin(), out.begin() + static_cast<ptrdiff_t>(length)};
}

// A guardian in use, with more money than any benchmark spends.
struct Locked {
  Locked() {
    chip.manufacture(*protocol::SigningKey::create(protocol::Scalar::from_u64(7)), serial,
                     {{kIssuer, testing::load_key_of(kIssuer).public_der}});
    chip.use_pin();
    if (load(kPlenty, 1).word != 0x9000) std::abort();
  }
  Response load(uint64_t amount, uint64_t sequence) {
    return chip.load({serial, kIssuer, "EUR", amount, sequence},
                     testing::load_key_of(kIssuer).private_der);
  }
  Bytes make_slot(Kind kind) { return handle_of(chip.make_slot(kind)); }
  void must(ByteView command, size_t response_size) {
    if (chip.transmit(command, response) != response_size + 2 || response[response_size] != 0x90) {
      std::abort();
    }
  }
  protocol::TickRequest call(uint32_t count) {
    return {kIssuer, "EUR", 1, count, rng.array<32>(), rng.array<32>(), rng.array<32>()};
  }
  const protocol::Serial serial{{1}};
  testing::Chip chip{"benchmark"};
  protocol::SeededRng rng{"benchmark"};
  std::array<uint8_t, firmware::kMaxResponse> response;
};

// The first answers of many slots, made and freed with the clock stopped. `request` makes a slot's
// command.
template <typename Request>
void first_answers(benchmark::State& state, Kind kind, size_t response_size, Request request) {
  Locked locked;
  std::vector<Bytes> handles;
  std::vector<Bytes> commands;
  size_t next = 0;
  for (auto _ : state) {
    if (next == commands.size()) {
      state.PauseTiming();
      for (const Bytes& handle : handles) locked.chip.free_slot(handle);
      handles.clear();
      commands.clear();
      for (size_t i = 0; i < guardian::kSlots; ++i) {
        handles.push_back(locked.make_slot(kind));
        commands.push_back(request(locked, handles.back()));
      }
      next = 0;
      state.ResumeTiming();
    }
    locked.must(commands[next++], response_size);
  }
}

Bytes coin_command(Locked& locked, ByteView handle) {
  return command_of(Ins::kAnswerCoin, handle, locked.rng.scalar().bytes(), 32);
}

Bytes cheque_command(Locked& locked, ByteView handle) {
  const protocol::ChequeRequest request{kIssuer, "EUR", 1234, locked.rng.array<32>(),
                                        locked.rng.array<32>()};
  return command_of(Ins::kAnswerCheque, handle, request.encode(), 64);
}

void guardian_answer_coin(benchmark::State& state) {
  first_answers(state, Kind::kCoin, 32, coin_command);
}
BENCHMARK(guardian_answer_coin)->Unit(benchmark::kMicrosecond);

// The slot and its counter change together, through the journal.
void guardian_answer_cheque(benchmark::State& state) {
  first_answers(state, Kind::kCheque, 64, cheque_command);
}
BENCHMARK(guardian_answer_cheque)->Unit(benchmark::kMicrosecond);

void guardian_answer_coin_again(benchmark::State& state) {
  Locked locked;
  const Bytes command = coin_command(locked, locked.make_slot(Kind::kCoin));
  for (auto _ : state) locked.must(command, 32);
}
BENCHMARK(guardian_answer_coin_again)->Unit(benchmark::kMicrosecond);

void guardian_make_and_free_slot(benchmark::State& state) {
  Locked locked;
  for (auto _ : state) locked.chip.free_slot(locked.make_slot(Kind::kCoin));
}
BENCHMARK(guardian_make_and_free_slot)->Unit(benchmark::kMicrosecond);

// One list of points, which the wallet asks for before it opens a call.
void guardian_give_tick_points(benchmark::State& state) {
  Locked locked;
  const Bytes handle = locked.make_slot(Kind::kCheque);
  locked.chip.draw_ticks(handle, 1000);
  const Bytes command = command_of(Ins::kTickPoints, handle, protocol::encode_u32(30), 1024);
  for (auto _ : state) locked.must(command, guardian::kTickPointsPerList * protocol::Point::kSize);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(guardian::kTickPointsPerList));
}
BENCHMARK(guardian_give_tick_points)->Unit(benchmark::kMicrosecond);

// range(0) ticks.
void guardian_open_call(benchmark::State& state) {
  Locked locked;
  const auto count = static_cast<uint32_t>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    const Bytes handle = locked.make_slot(Kind::kCheque);
    locked.chip.draw_ticks(handle, count);
    const Bytes command = command_of(Ins::kAnswerTicks, handle, locked.call(count).encode(), 96);
    state.ResumeTiming();
    locked.must(command, 96);
    state.PauseTiming();
    locked.chip.free_slot(handle);
    state.ResumeTiming();
  }
}
BENCHMARK(guardian_open_call)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

// The next tick of a call of 1,000: index and counter change together.
void guardian_release_tick(benchmark::State& state) {
  Locked locked;
  constexpr uint32_t kTicks = 1000;
  Bytes handle;
  std::vector<Bytes> commands;
  size_t next = 0;
  for (auto _ : state) {
    if (next == commands.size()) {
      state.PauseTiming();
      if (!handle.empty()) locked.chip.free_slot(handle);
      handle = locked.make_slot(Kind::kCheque);
      locked.chip.draw_ticks(handle, kTicks);
      if (locked.chip.answer_ticks(handle, locked.call(kTicks)).word != 0x9000) std::abort();
      commands.clear();
      for (uint32_t i = 0; i < kTicks; ++i) {
        commands.push_back(command_of(Ins::kReleaseTick, handle, protocol::encode_u32(i), 32));
      }
      next = 0;
      state.ResumeTiming();
    }
    locked.must(commands[next++], 32);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(guardian_release_tick)->Unit(benchmark::kMicrosecond);

// RSA-3072's check, and one record.
void guardian_load(benchmark::State& state) {
  Locked locked;
  std::vector<Bytes> commands;
  uint64_t sequence = 2;
  size_t next = 0;
  for (auto _ : state) {
    if (next == commands.size()) {
      state.PauseTiming();
      commands.clear();
      for (int i = 0; i < 64; ++i) {
        const protocol::Load load{locked.serial, kIssuer, "EUR", 1, sequence++};
        commands.push_back(
            command_of(Ins::kLoad, load.encode(),
                       *protocol::sign_load(load, testing::load_key_of(kIssuer).private_der), 0));
      }
      next = 0;
      state.ResumeTiming();
    }
    locked.must(commands[next++], 0);
  }
}
BENCHMARK(guardian_load)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace cafe
