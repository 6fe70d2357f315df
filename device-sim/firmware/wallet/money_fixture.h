// A wallet with coins, blank cheques and money on its guardian's counter, for tests.
#pragma once

#include <gtest/gtest.h>

#include "device-sim/firmware/testing/device.h"

namespace cafe::testing {

inline constexpr uint64_t kLoadedCents = 6000;

class MoneyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    device_.set_up(issuer_, *till_.terminal);
    device_.withdraw(issuer_, {{world_.cheque.id, 3}, {world_.coin.id, 2}});
    device_.load(issuer_, kLoadedCents);
  }

  wallet::Wallet& wallet() { return *device_.wallet; }
  protocol::Bytes offer(uint64_t amount) {
    return *till_.terminal->make_offer("EUR", amount, kWorldNow_ms);
  }
  absl::StatusOr<protocol::Bytes> pay(const protocol::Bytes& bill) {
    auto outgoing = wallet().on_offer(bill, kWorldNow_ms);
    if (!outgoing.ok()) return outgoing.status();
    return std::move(outgoing->payment);
  }
  // Why the terminal's checks refuse a payment of the wallet's; "" where they do not.
  std::string till_refuses(const protocol::Bytes& payment) {
    const auto result = till_.terminal->on_payment(payment, kWorldNow_ms);
    if (!result.ok()) return protocol::reason_of(result.status());
    EXPECT_TRUE(wallet().on_payment_answer(result->message).ok());
    return result->reason;
  }
  wallet::Balance balance() {
    const auto all = wallet().balances(kWorldNow_s);
    return all.empty() ? wallet::Balance{} : all.at(0);
  }
  size_t guardian_slots() {
    wallet::GuardianClient client(device_.chip);
    return client.list_slots()->size();
  }
  protocol::Bytes sign_list(const protocol::DenominationList& list) {
    return protocol::SignedDocument::sign(list.encode(), world_.master_key).encode();
  }
  // What a verifier finds of an encoded payment, as if it was authorized.
  absl::StatusOr<protocol::PreparedPayment> check(protocol::ByteView bytes,
                                                  const protocol::DenominationTable& table) {
    CAFE_ASSIGN_OR_RETURN(const auto payment, protocol::Payment::decode(bytes));
    return protocol::check_payment(payment, {.denominations = &table,
                                             .acquirer_id = std::string(World::kIssuer),
                                             .terminal_key = world_.terminal_key.public_key(),
                                             .payee_id = world_.terminal.payee_id,
                                             .terminal_id = world_.terminal.terminal_id,
                                             .authorized = true,
                                             .anchors = &world_.anchors});
  }
  // All commands to the guardian from now on, as bytes behind the header: handle ‖ request.
  struct Command {
    guardian::Ins ins;
    protocol::Bytes data;
    // What was durable in the wallet when it was sent, and in the guardian when it was answered.
    protocol::Bytes wallet_memory, chip_memory;
  };
  void listen(std::vector<Command>& log, bool with_memory = false) {
    device_.chip.tamper = [&log, with_memory, this](protocol::ByteView bytes,
                                                    protocol::MutableByteView) {
      firmware::Command command{};
      ASSERT_TRUE(firmware::parse_command(bytes, command));
      log.push_back(
          {static_cast<guardian::Ins>(command.ins), protocol::to_bytes(command.data), {}, {}});
      if (!with_memory) return;
      log.back().wallet_memory = device_.memory.snapshot();
      log.back().chip_memory = device_.chip.memory().snapshot();
    };
  }
  // The power failed at that moment, and is back.
  void go_back_to(const Command& command) {
    device_.memory.restore(command.wallet_memory);
    device_.chip.memory().restore(command.chip_memory);
    ASSERT_TRUE(device_.restart().ok());
  }
  static size_t count(const std::vector<Command>& log, guardian::Ins ins) {
    return std::count_if(log.begin(), log.end(), [&](const auto& c) { return c.ins == ins; });
  }
  // The guardian's own secrets: a chip's draws follow from its seed, so a test can be the guardian.
  // Slots in the order of their making: the one of the registration first.
  struct GuardianSecrets {
    protocol::GuardianKeys keys;
    std::vector<protocol::GuardianSlot> slots;
  };
  GuardianSecrets guardian_secrets(const std::vector<protocol::Kind>& kinds) {
    protocol::SeededRng rng("device");
    GuardianSecrets out{{rng.scalar(), rng.scalar()}, {}};
    // The PUK, the wallet key and two salts come before the first slot.
    for (size_t digit = 0; digit < guardian::kPukDigits;) {
      if (rng.array<1>()[0] < 250) ++digit;
    }
    rng.array<guardian::kWalletKeySize>();
    rng.array<16>();
    rng.array<16>();
    for (protocol::Kind kind : kinds) {
      out.slots.push_back({kind, rng.scalar(), {}});
      if (kind == protocol::Kind::kCheque) rng.fill(out.slots.back().rho);
    }
    return out;
  }

  World world_{"money"};
  TestIssuer issuer_{world_};
  Till till_{world_, "till"};
  Device device_{world_, "device"};
};

}  // namespace cafe::testing
