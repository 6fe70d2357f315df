#include "device-sim/firmware/testing/sweep_world.h"

#include <gtest/gtest.h>

#include <deque>

#include "device-sim/firmware/common/record_store.h"
#include "libs/protocol/hash.h"

namespace cafe::testing {

using firmware::MemoryImage;
using firmware::PowerCut;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::SeededRng;

namespace {

constexpr int kMostAttempts = 40;

// Whoever is told so tries again: a message was lost, the guardian did not answer, or it was reset
// and has forgotten the PIN.
bool is_to_be_repeated(const absl::Status& status) {
  return absl::IsUnavailable(status) || protocol::reason_of(status) == "PIN_NEEDED";
}

size_t index_of(Site site) { return static_cast<size_t>(site); }

bool is_write(Site site) {
  return site == Site::kWallet || site == Site::kGuardian || site == Site::kGuardianAlone ||
         site == Site::kTill;
}

constexpr Site kAllSites[kSites] = {Site::kWallet,  Site::kGuardian, Site::kGuardianAlone,
                                    Site::kTill,    Site::kFrame,    Site::kLine,
                                    Site::kRequest, Site::kAnswer};

}  // namespace

std::string name_of(const Point& point) {
  static constexpr const char* kNames[kSites] = {
      "write %llu of the wallet",         "write %llu of the guardian",
      "write %llu of the guardian alone", "write %llu of the till",
      "transmission %llu lost",           "line dead from transmission %llu",
      "question %llu to the issuer lost", "answer %llu of the issuer lost"};
  static constexpr const char* kCuts[] = {", cut before it", ", cut in the middle",
                                          ", cut after it"};
  char text[80];
  std::snprintf(text, sizeof text, kNames[index_of(point.site)],
                static_cast<unsigned long long>(point.nth));
  return is_write(point.site) ? std::string(text) + kCuts[static_cast<size_t>(point.cut)] : text;
}

std::vector<Point> points_of(const Counts& counts) {
  std::vector<Point> points;
  for (const Site site : kAllSites) {
    for (uint64_t n = 0; n < counts[index_of(site)]; ++n) {
      points.push_back({site, n, PowerCut::kBefore});
      if (!is_write(site)) continue;
      points.push_back({site, n, PowerCut::kMiddle});
      points.push_back({site, n, PowerCut::kAfter});
    }
  }
  return points;
}

// A line between the two devices that loses what the sweep says, and nothing else.
class SweepWorld::Line {
 public:
  explicit Line(SweepWorld& world) : world_(world) {}
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  class Side : public link::Medium {
   public:
    Side(Line& line, Side& other) : line_(line), other_(other) {}
    void transmit(ByteView bytes) override {
      if (line_.carries()) other_.arrived_.push_back(protocol::to_bytes(bytes));
    }
    std::optional<Bytes> poll() override {
      if (arrived_.empty()) return std::nullopt;
      Bytes bytes = std::move(arrived_.front());
      arrived_.pop_front();
      return bytes;
    }

   private:
    Line& line_;
    Side& other_;
    std::deque<Bytes> arrived_;
  };
  Side& a() { return a_; }
  Side& b() { return b_; }

 private:
  bool carries() {
    if (dead_) return false;
    dead_ = world_.strikes(Site::kLine);
    return !dead_ && !world_.strikes(Site::kFrame);
  }

  SweepWorld& world_;
  bool dead_ = false;
  Side a_{*this, b_}, b_{*this, a_};
};

struct SweepWorld::Image {
  Bytes wallet, chip, till;
  Bank bank;
  Watch watch;
  Bytes32 lineage;
  bool device_on;
};

SweepWorld::SweepWorld(std::string_view seed, size_t memory_size)
    : world_(seed),
      till_(world_, std::string(seed) + "/till", memory_size),
      device_(world_, std::string(seed) + "/device", memory_size),
      bank_(std::in_place, world_, kFunds),
      watch_(std::in_place, world_) {
  device_.chip.tamper = [this](ByteView command, protocol::MutableByteView response) {
    watch_->guardian_answered(command, response);
  };
}

// --- Memories ------------------------------------------------------------------------------------

MemoryImage& SweepWorld::memory(Site site) {
  if (site == Site::kWallet) return device_.memory;
  return site == Site::kTill ? till_.memory : device_.chip.memory();
}

std::shared_ptr<const SweepWorld::Image> SweepWorld::save() {
  return std::make_shared<const Image>(
      Image{device_.memory.snapshot(), device_.chip.memory().snapshot(), till_.memory.snapshot(),
            *bank_, *watch_, world_.lineage, device_on_});
}

void SweepWorld::put_back(const Image& image) {
  const std::pair<Site, const Bytes*> contents[] = {
      {Site::kWallet, &image.wallet}, {Site::kGuardian, &image.chip}, {Site::kTill, &image.till}};
  for (const auto& [site, content] : contents) {
    memory(site).keep_power();
    memory(site).restore_power();
    memory(site).restore(*content);
  }
  bank_.emplace(image.bank);
  watch_.emplace(image.watch);
  world_.lineage = image.lineage;
  world_.rng = SeededRng("sweep/issuer");
  till_.reseed("sweep/till");
  device_.reseed("sweep/device");
  device_.chip.resets_alone = false;
  terms.reset();
  now_s = kWorldNow_s;
  guardian_was_reset = false;
  session_ = 0;
  till_on_ = false;
  device_.wallet.reset();
  device_on_ = !image.device_on;  // what is off stays off, until run
  ASSERT_TRUE(power_on().ok());
  device_on_ = image.device_on;
}

Bytes32 SweepWorld::state_digest() {
  Bytes all;
  for (const Site site : {Site::kWallet, Site::kGuardian, Site::kTill}) {
    protocol::append(all, protocol::sha256(memory(site).snapshot()));
  }
  for (const uint64_t part : {bank_->balance(), bank_->credited(),
                              static_cast<uint64_t>(bank_->completed() * 8 + bank_->accounts()),
                              static_cast<uint64_t>(terms.has_value())}) {
    protocol::append(all, protocol::encode_u64(part));
  }
  return protocol::sha256(all);
}

void SweepWorld::fill_journals(size_t bytes) {
  for (const Site site : {Site::kWallet, Site::kTill}) {
    const auto store = *firmware::RecordStore::open(memory(site));
    while (store->room() >= bytes) {
      ASSERT_TRUE(store->commit(firmware::Batch().put("filler", Bytes(64))).ok());
    }
  }
  restart_all();
}

void SweepWorld::restart_all() {
  device_on_ = till_on_ = false;
  const absl::Status on = power_on();
  ASSERT_TRUE(on.ok()) << on;
}

absl::Status SweepWorld::power_on() {
  if (!till_on_) {
    CAFE_RETURN_IF_ERROR(till_.restart());
    till_on_ = true;
  }
  if (device_on_) return absl::OkStatus();
  CAFE_RETURN_IF_ERROR(device_.restart());
  device_on_ = true;
  watch_->guardian_started(device_.chip.memory());
  watch_->payments_held(wallet());
  return absl::OkStatus();
}

void SweepWorld::note_power() {
  device_on_ &= device_.memory.has_power() && device_.chip.memory().has_power();
  till_on_ &= till_.memory.has_power();
}

// --- Interruptions -------------------------------------------------------------------------------

void SweepWorld::arm() {
  counts_ = {};
  for (const Site site : kAllSites) {
    if (!is_write(site)) continue;
    memory(site).keep_power();
    written_before_[index_of(site)] = memory(site).writes();
  }
  device_.chip.resets_alone = false;
  if (next_ == interruptions_.size()) return;
  const Point& point = interruptions_[next_];
  if (is_write(point.site)) memory(point.site).cut_power_at(point.nth, point.cut);
  device_.chip.resets_alone = point.site == Site::kGuardianAlone;
}

void SweepWorld::happened() {
  if (next_++ == 0) first_state_ = state_digest();
  arm();
}

bool SweepWorld::strikes(Site site) {
  const uint64_t n = counts_[index_of(site)]++;
  if (next_ == interruptions_.size()) return false;
  const Point& point = interruptions_[next_];
  if (point.site != site || point.nth != n) return false;
  happened();
  return true;
}

absl::Status SweepWorld::run(const Errand& errand, std::vector<Point> interruptions) {
  interruptions_ = std::move(interruptions);
  next_ = 0;
  arm();
  absl::Status status = lost();
  for (int attempt = 0; attempt < kMostAttempts && is_to_be_repeated(status); ++attempt) {
    try {
      status = power_on();
      if (status.ok()) status = errand(*this);
    } catch (const firmware::PowerLost&) {
      status = lost();
      note_power();
      happened();
    }
    // The chip alone: nobody threw anything.
    if (device_.chip.resets_alone && !device_.chip.memory().cut_armed()) {
      guardian_was_reset = true;
      happened();
    }
  }
  for (const Site site : kAllSites) {
    if (!is_write(site)) continue;
    counts_[index_of(site)] = memory(site).writes() - written_before_[index_of(site)];
    memory(site).keep_power();
  }
  interruptions_.resize(next_);
  return status;
}

// --- The line ------------------------------------------------------------------------------------

SweepWorld::Meeting SweepWorld::meet(Bytes opening, const Drive& drive) {
  constexpr uint64_t kStep_ms = 5, kLimit_ms = 60'000;
  const link::LinkOptions options{.max_retries = 8, .idle_ms = 4'000};
  Line line(*this);
  pos::Contact at_till(terminal(), line.a(), ++session_, std::move(opening), options);
  wallet::Contact at_wallet(wallet(), line.b(), options);
  for (uint64_t t = 0; t < kLimit_ms; t += kStep_ms) {
    const uint64_t now_ms = now_s * 1000 + t;
    if (drive) drive(at_till, at_wallet);
    at_till.tick(now_ms);
    at_wallet.tick(now_ms);
    if (at_till.result() == pos::ContactResult::kAuthorize) {
      const auto authorization = ask([&] { return bank().authorize(at_till.decision()->payment); });
      if (!authorization.ok()) break;  // no connection: the customer comes again
      const absl::Status taken =
          at_till.on_authorization(*authorization, world_.deposit_certificate.encode(), now_ms);
      EXPECT_TRUE(taken.ok()) << taken;
    }
    if (at_till.result() != pos::ContactResult::kRunning &&
        at_wallet.result() != wallet::ContactResult::kRunning) {
      break;
    }
  }
  return {at_wallet.result(), at_till.result(), at_wallet.error(), at_till.error()};
}

uint64_t SweepWorld::wealth() {
  uint64_t sum = bank().balance() + bank().credited() + device_.counter();
  for (const wallet::Balance& balance : wallet().balances(now_s)) sum += balance.amount;
  for (const wallet::PastPayment& past : wallet().payments()) {
    if (past.state == wallet::PaymentState::kRefused) sum += past.amount;
  }
  return sum;
}

}  // namespace cafe::testing
