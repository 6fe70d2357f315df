// A whole world of devices that can be interrupted at any point: wallet, guardian and terminal with
// real firmware, the line between the two, and the issuer.
//
//   SweepWorld world("payment");
//   auto before = world.save();
//   world.run(errand);                                  // world.counts(): where it can be
//   world.put_back(*before);
//   world.run(errand, {{Site::kWallet, 3}});            // interrupted at the wallet's fourth write
//
// Nothing is left to chance: what draws at random starts anew with each put_back.
#pragma once

#include <functional>

#include "device-sim/firmware/pos/contact.h"
#include "device-sim/firmware/testing/bank.h"
#include "device-sim/firmware/testing/watch.h"
#include "device-sim/firmware/wallet/contact.h"

namespace cafe::testing {

enum class Site : uint8_t {
  kWallet,         // a write of the wallet's memory; the power of the whole device fails
  kGuardian,       // a write of the guardian's; the same
  kGuardianAlone,  // a write of the guardian's; the chip alone is reset
  kTill,           // a write of the terminal's
  kFrame,          // a transmission between wallet and terminal, which is lost
  kLine,           // a transmission; from it on the line is dead until they meet again
  kRequest,        // a question to the issuer, which never hears it
  kAnswer,         // its answer, which is lost
};
inline constexpr size_t kSites = 8;

// Where a run is interrupted: at the n-th event of its site, from 0.
struct Point {
  Site site;
  uint64_t nth;
  firmware::PowerCut cut = firmware::PowerCut::kBefore;  // of writes
};
std::string name_of(const Point& point);

// How many events of each site there were.
using Counts = std::array<uint64_t, kSites>;
// All points of so many events: each write three times.
std::vector<Point> points_of(const Counts& counts);

class SweepWorld {
 public:
  static constexpr uint64_t kFunds = 100'000;  // of the account at the beginning

  // Goes on where an interruption left it: OK once it is done, UNAVAILABLE where a message was
  // lost and it is to be run again, any other error is a defect.
  using Errand = std::function<absl::Status(SweepWorld&)>;

  // The guardian is manufactured, the wallet blank and off; the terminal knows the list.
  // `memory_size` is that of wallet and terminal, each.
  explicit SweepWorld(std::string_view seed, size_t memory_size = size_t{192} * 1024);
  SweepWorld(const SweepWorld&) = delete;
  SweepWorld& operator=(const SweepWorld&) = delete;

  wallet::Wallet& wallet() { return *device_.wallet; }
  pos::Terminal& terminal() { return *till_.terminal; }
  Device& device() { return device_; }
  Till& till() { return till_; }
  Bank& bank() { return *bank_; }
  Watch& watch() { return *watch_; }
  World& world() { return world_; }

  // Runs an errand to its end with these interruptions, one after the other: the points of a later
  // one are counted from when the one before it happened.
  absl::Status run(const Errand& errand, std::vector<Point> interruptions = {});
  // How often something was interrupted in the last run, and what happened since the last time.
  size_t interrupted() const { return next_; }
  const Counts& counts() const { return counts_; }

  // Everything that keeps its content without power, and the issuer. `put_back` starts what was on.
  struct Image;
  std::shared_ptr<const Image> save();
  void put_back(const Image& image);
  // Of what memories and issuer held when the first interruption of the last run happened.
  const protocol::Bytes32& first_state() const { return first_state_; }
  // Writes to the journals of wallet and terminal until fewer than `bytes` are left, so that what
  // is written soon moves all records to the other half.
  void fill_journals(size_t bytes);

  // A question to the issuer: what `ask` returns, or UNAVAILABLE where it or its answer is lost.
  template <typename Ask>
  auto ask(Ask ask) -> decltype(ask()) {
    if (strikes(Site::kRequest)) return lost();
    auto answer = ask();
    if (strikes(Site::kAnswer)) return lost();
    return answer;
  }
  static absl::Status lost() { return absl::UnavailableError("lost"); }

  struct Meeting {
    wallet::ContactResult wallet;
    pos::ContactResult terminal;
    absl::Status wallet_error, terminal_error;
  };
  // Holds wallet and terminal together until both are done; `drive` presses their buttons. Payments
  // above the off-line limit are authorized.
  using Drive = std::function<void(pos::Contact& terminal, wallet::Contact& wallet)>;
  Meeting meet(protocol::Bytes opening, const Drive& drive = {});

  // Everything that is the customer's or her payees', in minor units: account, coins, the
  // guardian's counter, what payees were credited, and refused payments, which she can claim.
  uint64_t wealth();
  // Switches everything off and on.
  void restart_all();

  // What a host remembers of an errand, gone with each put_back.
  std::optional<protocol::Bytes32> terms;
  uint64_t now_s = kWorldNow_s;
  // What may be lost, or lack in the wallet's books alone, where its guardian alone was reset: a
  // tick that it was asked for, did not give, and was not asked for again before the call ended.
  // Set by the test.
  uint64_t conceded = 0;
  bool guardian_was_reset = false;  // alone, since put_back

 private:
  class Line;
  void arm();
  void happened();
  bool strikes(Site site);
  uint64_t writes(Site site);
  firmware::MemoryImage& memory(Site site);
  void note_power();
  protocol::Bytes32 state_digest();
  absl::Status power_on();

  World world_;
  Till till_;
  Device device_;
  std::optional<Bank> bank_;
  std::optional<Watch> watch_;
  std::vector<Point> interruptions_;
  size_t next_ = 0;
  Counts counts_{};
  protocol::Bytes32 first_state_{};
  std::array<uint64_t, kSites> written_before_{};
  bool device_on_ = false, till_on_ = true;
  uint32_t session_ = 0;
};

using Errand = SweepWorld::Errand;

}  // namespace cafe::testing
