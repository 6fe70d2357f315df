// A wallet is lost, and a new one gets its money back from a real issuer: by a person with
// cafe-wallet, and as fast as the issue wants it for 1,000 coins.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <regex>

#include "device-sim/firmware/pos/terminal.h"
#include "device-sim/host/errands.h"
#include "device-sim/host/files.h"
#include "device-sim/host/recovery.h"
#include "device-sim/simulator/devices.h"
#include "tests/support/cluster.h"

namespace cafe::testing {
namespace {

using protocol::Bytes;
using ::testing::HasSubstr;
using ::testing::Not;

// Recovering 1,000 coins: 3 s on the reference machine with nothing else to do.
constexpr int64_t kReference_ms = 3000;
constexpr int64_t kSlack = 4;  // tests share theirs

class LostWalletTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = Cluster::start({.shops = 1});
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = std::move(*started);
  }
  // What a session in a folder of its own prints, to its end.
  absl::StatusOr<std::string> session(const std::string& folder,
                                      const std::vector<std::string>& lines) {
    std::vector<std::string> command = {
        program("cafe-wallet"),
        "--dir=" + cluster_->file(folder).string(),
        "--withdrawal=" + cluster_->address("withdrawal"),
        "--deposit=" + cluster_->address("deposit"),
        "--doublespend=" + cluster_->address("doublespend"),
        "--recovery=" + cluster_->address("recovery"),
        "--tls-ca=" + cluster_->file("tls/ca.pem").string(),
        "--issuer-id=" + std::string(kClusterIssuer),
        "--trust=" + cluster_->trust(),
        "--line-cut=0",
        "--manufacturer-key=" + cluster_->file("manufacturer.key").string(),
        "--terminal=" + cluster_->terminal_file(0),
        "--fund-command='" + program("cafectl") + "' --database-url '" +
            cluster_->postgres().url("cafe_operator") + "' account fund --batch -"};
    // The PIN that is chosen, twice, and typed whenever it is asked for.
    command.emplace_back("digits 4711");
    command.insert(command.end(), lines.begin(), lines.end());
    return run_command({.command = command});
  }
  std::string transcript(const std::string& folder, const std::vector<std::string>& lines) {
    const auto output = session(folder, lines);
    EXPECT_TRUE(output.ok()) << output.status();
    return output.value_or("");
  }
  std::string refusal(const std::string& folder, const std::vector<std::string>& lines) {
    const auto output = session(folder, lines);
    EXPECT_FALSE(output.ok()) << *output;
    return std::string(output.status().message());
  }
  static std::string account_in(const std::string& output) {
    static const std::regex kAccount("Account ([0-9a-f]{64})");
    std::smatch found;
    return std::regex_search(output, found, kAccount) ? found[1].str() : "";
  }
  static std::string words_in(const std::string& output) {
    static const std::regex kWord(R"(\| [1-9] ([a-z]{5}) +\|)");
    std::string words;
    for (auto it = std::sregex_iterator(output.begin(), output.end(), kWord);
         it != std::sregex_iterator(); ++it) {
      if (!words.empty()) words += '-';
      words += (*it)[1].str();
    }
    return words;
  }
  void expect_exact_books() {
    const auto audit = cluster_->cafectl_json({"audit", "--trust", cluster_->trust()});
    ASSERT_TRUE(audit.ok()) << audit.status();
    EXPECT_EQ(audit->at("result"), "pass") << audit->dump(2);
  }

  std::unique_ptr<Cluster> cluster_;
};

TEST_F(LostWalletTest, APersonRecoversByHerCard) {
  const std::string card = cluster_->file("her.card").string();
  transcript("old", {"register", "fund 100", "withdraw 60 100", "card " + card, "pay 12"});
  std::filesystem::remove_all(cluster_->file("old"));
  const std::string after = transcript("new", {"register", "recover " + card, "claims"});
  EXPECT_THAT(after, HasSubstr("| Found EUR"));
  EXPECT_THAT(after, HasSubstr("| Claim 1         held |\n"));
  // Her account's money is the new one's.
  EXPECT_THAT(transcript("new", {"withdraw 20", "pay 5"}), HasSubstr("5.00 EUR credited"));
  expect_exact_books();
}

TEST_F(LostWalletTest, APersonRecoversByHerWordsOnceTheOperatorKnowsHer) {
  const std::string before =
      transcript("old", {"register", "fund 100", "withdraw 60 100", "words"});
  const std::string lost = account_in(before);
  const std::string words = words_in(before);
  EXPECT_EQ(words.size(), 9 * 6 - 1u) << before;
  std::filesystem::remove_all(cluster_->file("old"));
  const std::string fresh = account_in(transcript("new", {"register"}));
  EXPECT_THAT(refusal("new", {"recover words " + words}), HasSubstr("NOT_THE_HOLDER"));
  std::string misread = words;
  misread[2] = misread[2] == 'b' ? 'd' : 'b';
  EXPECT_THAT(refusal("new", {"recover words " + misread}), HasSubstr("BAD_WORDS"));
  const auto operator_acts = [&](std::vector<std::string> arguments) {
    arguments.insert(
        arguments.end(),
        {"--identified-by", "passport 1, clerk 2", "--withdrawal", cluster_->address("withdrawal"),
         "--tls-ca", cluster_->file("tls/ca.pem"), "--tls-cert", cluster_->file("tls/operator.pem"),
         "--tls-key", cluster_->file("tls/operator.key")});
    const auto done = cluster_->cafectl(arguments);
    EXPECT_TRUE(done.ok()) << done.status();
  };
  operator_acts({"account", "lost", lost});
  operator_acts({"account", "replace", lost, fresh});
  // What was begun goes on.
  EXPECT_THAT(transcript("new", {"recover"}), HasSubstr("| Claim 1         held |\n"));
  expect_exact_books();
}

// --- 1,000 coins ---

class ManyCoinsTest : public LostWalletTest {
 protected:
  void SetUp() override {
    LostWalletTest::SetUp();
    auto backend = host::Backend::connect({.withdrawal_address = cluster_->address("withdrawal"),
                                           .deposit_address = cluster_->address("deposit"),
                                           .doublespend_address = cluster_->address("doublespend"),
                                           .recovery_address = cluster_->address("recovery"),
                                           .tls_ca = cluster_->file("tls/ca.pem"),
                                           .operator_cert = {},
                                           .operator_key = {}},
                                          latencies_);
    ASSERT_TRUE(backend.ok()) << backend.status();
    backend_ = *std::move(backend);
    anchors_ = *host::read_trust(cluster_->trust());
    const auto shop = *host::read_terminal(cluster_->terminal_file(0));
    till_ = *pos::Terminal::boot(till_memory_, rng_, {shop.key, shop.credential, anchors_});
    issuer_ = *backend_->denominations();
    ASSERT_TRUE(till_->accept_list(issuer_.list).ok());
  }
  // A wallet with room for so many payments.
  struct Device {
    explicit Device(const std::string& seed) : rng(seed), owner(buttons, seed) {}
    protocol::SeededRng rng;
    face::ScriptedButtons buttons;
    simulator::Person owner;
    firmware::MemoryImage guardian_memory{guardian::kMemorySize};
    firmware::MemoryImage wallet_memory{size_t{16} << 20};
    std::unique_ptr<guardian::Guardian> chip;
    std::unique_ptr<wallet::Wallet> wallet;
  };
  std::unique_ptr<Device> device(const std::string& seed) {
    auto made = std::make_unique<Device>(seed);
    const auto manufacturer = *host::read_signing_key(cluster_->file("manufacturer.key"));
    made->chip = std::make_unique<guardian::Guardian>(made->guardian_memory, made->rng);
    EXPECT_TRUE(host::make_guardian(*made->chip, protocol::Serial{made->rng.array<16>()},
                                    manufacturer, *host::read_load_keys(cluster_->trust()))
                    .ok());
    made->wallet = *wallet::Wallet::boot(made->wallet_memory, *made->chip, made->rng, made->owner,
                                         {.issuer_id = kClusterIssuer, .anchors = anchors_});
    EXPECT_TRUE(host::learn_issuer(*made->wallet, issuer_).ok());
    EXPECT_TRUE(made->wallet->on_notice(*till_->make_notice(host::now_ms()), host::now_ms()).ok());
    const absl::Status registered = host::register_wallet(*made->wallet, *backend_);
    EXPECT_TRUE(registered.ok()) << registered;
    return made;
  }
  // Seven coins of each of the denominations with one slot.
  std::vector<protocol::OrderLine> lines(const wallet::Wallet& wallet, uint64_t& sum) {
    std::vector<protocol::OrderLine> lines;
    sum = 0;
    const uint64_t now_s = host::now_ms() / 1000;
    for (const auto& denomination : wallet.list()->denominations) {
      const bool open = denomination.withdraw_from <= now_s && now_s < denomination.withdraw_until;
      if (!open || denomination.kind != protocol::Kind::kCoin || denomination.currency != "EUR" ||
          denomination.slot_values.size() != 1 || denomination.value() > 2000) {
        continue;
      }
      lines.push_back({denomination.id(), protocol::kMaxCoinsPerLine});
      sum += denomination.value() * protocol::kMaxCoinsPerLine;
    }
    return lines;
  }

  host::Latencies latencies_;
  std::unique_ptr<host::Backend> backend_;
  protocol::TrustAnchors anchors_;
  protocol::SystemRng rng_;
  firmware::MemoryImage till_memory_{size_t{16} << 20};
  std::unique_ptr<pos::Terminal> till_;
  host::IssuerInfo issuer_;
};

// Paid away and never deposited, so that all of them are unspent for the issuer.
TEST_F(ManyCoinsTest, AThousandAreBackInThreeSeconds) {
  const auto lost = device("lost");
  const auto fresh = device("fresh");
  wallet::Wallet& old_wallet = *lost->wallet;
  const auto funded =
      cluster_->cafectl({"account", "fund", "--account", old_wallet.account()->hex(), "--currency",
                         "EUR", "--amount", "100000000", "--reference", "salary"});
  ASSERT_TRUE(funded.ok()) << funded.status();
  size_t coins = 0;
  while (coins < 1000) {
    uint64_t sum = 0;
    const auto order = lines(old_wallet, sum);
    ASSERT_FALSE(order.empty());
    const auto withdrawn = host::withdraw(old_wallet, *backend_, order);
    ASSERT_TRUE(withdrawn.ok()) << withdrawn.status();
    coins += withdrawn->withdrawn.coins;
    const Bytes bill = *till_->make_offer("EUR", sum, host::now_ms());
    const auto paid = old_wallet.on_offer(bill, host::now_ms());
    ASSERT_TRUE(paid.ok()) << paid.status();
  }
  const auto card = *wallet::BackupCard::decode(*old_wallet.backup_card());

  const auto start = std::chrono::steady_clock::now();
  const auto recovery = *wallet::Recovery::with_card(*fresh->wallet, card);
  const auto recovered = host::recover(*fresh->wallet, *recovery, *backend_, [](const auto&) {
    return std::optional(wallet::Consent{});
  });
  const auto taken = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - start);
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  size_t claimed = 0;
  wallet::Claims claims(*fresh->wallet);
  for (const auto& view : claims.all()) {
    EXPECT_EQ(view.status, wallet::ClaimStatus::kHeld) << view.reason;
    const auto document = *protocol::SignedDocument::decode(*claims.bytes(view.digest));
    claimed += protocol::Claim::decode(document.frame)->coins.size();
  }
  EXPECT_EQ(claimed, coins);
  RecordProperty("coins", static_cast<int>(coins));
  RecordProperty("milliseconds", static_cast<int>(taken.count()));
  std::printf("recovered %zu coins in %lld ms\n", coins, static_cast<long long>(taken.count()));
  EXPECT_LT(taken.count(), kReference_ms * kSlack) << "milliseconds";
}

}  // namespace
}  // namespace cafe::testing
