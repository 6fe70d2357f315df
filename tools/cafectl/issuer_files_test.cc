// The issuer's folder: made once, never overwritten, and list after list without a gap or an
// overlap.
#include "tools/cafectl/issuer_files.h"

#include <gmock/gmock.h>

#include <fstream>
#include <set>

#include "libs/protocol/loadtest_key.h"
#include "libs/storage/load_key_file.h"
#include "tests/support/process.h"

namespace cafe::cafectl {
namespace {

namespace fs = std::filesystem;
using protocol::Denomination;
using protocol::DenominationList;
using protocol::reason_of;

constexpr uint64_t kDay_s = 86400;
constexpr uint64_t kNow_s = 1'765'000'000;
constexpr uint64_t kToday_s = kNow_s / kDay_s * kDay_s;

constexpr const char* kConfig = R"({
  // Comments are allowed.
  "issuer_id": "issuer-a.example",
  "limits": [{"currency": "EUR", "offline": 50000, "identification": 250000}],
  "denominations": [
    {"currency": "EUR", "slots": [100]},
    {"currency": "EUR", "slots": [400, 200, 100, 100]},
    {"currency": "EUR", "kind": "cheque", "slots": [100]}
  ],
  "withdraw_days": 60, "spend_days": 120, "deposit_days": 30, "claim_days": 365, "key_days": 730
})";

class IssuerFilesTest : public ::testing::Test {
 protected:
  absl::StatusOr<IssuerConfig> load(const std::string& text) {
    const fs::path path = temporary_.path() / "issuer.json";
    std::ofstream(path) << text;
    return load_issuer_config(path);
  }
  // kConfig with one piece of its text replaced.
  absl::StatusOr<IssuerConfig> load_with(const std::string& piece, const std::string& other) {
    std::string text = kConfig;
    const size_t at = text.find(piece);
    EXPECT_NE(at, std::string::npos) << piece;
    return load(text.replace(at, piece.size(), other));
  }
  void create() {
    const absl::Status created = folder_.create(config(), kNow_s, rng_);
    ASSERT_TRUE(created.ok()) << created;
  }
  IssuerConfig config() { return load(kConfig).value(); }
  std::string content(const fs::path& path) {
    return storage::read_file(path).value_or("cannot be read");
  }

  testing::TemporaryFolder temporary_{"cafe-issuer-files"};
  const IssuerFolder folder_{temporary_.path() / "issuer"};
  protocol::SeededRng rng_{"issuer files"};
};

TEST_F(IssuerFilesTest, MakesEverythingThatServicesLoad) {
  create();
  const auto trust = folder_.trust();
  ASSERT_TRUE(trust.ok()) << trust.status();
  const auto master = storage::load_signing_key(folder_.file("master.key"), "master");
  ASSERT_TRUE(master.ok()) << master.status();
  EXPECT_EQ(trust->master_key("issuer-a.example").value(), master->public_key());
  for (const std::string purpose :
       {"withdrawal", "deposit", "coinstore", "enrolment", "recovery"}) {
    const auto key = storage::load_online_key(folder_.file(purpose + ".key"), purpose, *trust);
    ASSERT_TRUE(key.ok()) << purpose << ": " << key.status();
    EXPECT_EQ(key->opened.valid_from, kToday_s);
    EXPECT_EQ(key->opened.valid_until, kToday_s + 730 * kDay_s);
    EXPECT_EQ(content(folder_.file("certificates/" + purpose + ".cert")),
              protocol::to_hex(key->certificate.encode()) + "\n");
  }
  const auto newest = folder_.newest_list();
  ASSERT_TRUE(newest.ok()) << newest.status();
  EXPECT_EQ(newest->list.number, 1u);
  ASSERT_EQ(newest->list.denominations.size(), 3u);
  const auto secrets = storage::load_denomination_secrets(folder_.file("denominations.secret"));
  ASSERT_TRUE(secrets.ok()) << secrets.status();
  for (const Denomination& denomination : newest->list.denominations) {
    const protocol::Scalar* x = secrets->find(denomination.H);
    ASSERT_NE(x, nullptr);
    EXPECT_EQ(protocol::not_identity(protocol::multiply(*x, protocol::g())).value(),
              denomination.H);
    EXPECT_EQ(denomination.withdraw_from, kToday_s);
    EXPECT_EQ(denomination.withdraw_until, kToday_s + 60 * kDay_s);
    EXPECT_EQ(denomination.spend_until, kToday_s + 180 * kDay_s);
    EXPECT_EQ(denomination.deposit_until, kToday_s + 210 * kDay_s);
    EXPECT_EQ(denomination.claim_until, kToday_s + 575 * kDay_s);
  }
  EXPECT_EQ(newest->list.denominations[2].kind, protocol::Kind::kCheque);
}

TEST_F(IssuerFilesTest, MakesALoadKeyThatTrustNames) {
  create();
  const auto trust = folder_.trust_file();
  ASSERT_TRUE(trust.ok()) << trust.status();
  const auto key = storage::open_load_key_file(folder_.file("load.key"), trust->anchors);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->opened.issuer_id, "issuer-a.example");
  EXPECT_THAT(trust->load_keys, ::testing::ElementsAre(key->certificate));
}

// Guardians take loads of the key that was put into them, and of no other.
TEST_F(IssuerFilesTest, NeverReplacesALoadKey) {
  create();
  const std::string before = content(folder_.file("load.key"));
  EXPECT_EQ(reason_of(folder_.create_load_key("issuer-a.example")), "KEY_EXISTS");
  EXPECT_EQ(content(folder_.file("load.key")), before);
  EXPECT_EQ(folder_.trust_file()->load_keys.size(), 1u);
}

TEST_F(IssuerFilesTest, GivesALoadKeyToAnIssuerThatWasMadeWithoutOne) {
  create();
  const auto anchors = folder_.trust();
  ASSERT_TRUE(anchors.ok()) << anchors.status();
  fs::remove(folder_.file("load.key"));
  ASSERT_TRUE(storage::save_trust(folder_.file("trust.json"), *anchors).ok());
  ASSERT_TRUE(folder_.create_load_key("issuer-a.example").ok());
  EXPECT_TRUE(storage::open_load_key_file(folder_.file("load.key"), *anchors).ok());
  EXPECT_EQ(folder_.trust_file()->load_keys.size(), 1u);
}

TEST_F(IssuerFilesTest, WhomItTrustsKeepsItsLoadKeys) {
  create();
  const auto other = protocol::SigningKey::create(rng_.scalar());
  ASSERT_TRUE(other.ok());
  const auto foreign = storage::make_load_key("issuer-b.example", *other);
  ASSERT_TRUE(foreign.ok()) << foreign.status();
  EXPECT_EQ(reason_of(folder_.add_load_key(foreign->certificate)), "UNKNOWN_ISSUER");
  ASSERT_TRUE(folder_.add_manufacturer(other->public_key()).ok());
  ASSERT_TRUE(folder_.add_issuer("issuer-b.example", other->public_key()).ok());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(folder_.add_load_key(foreign->certificate).ok());
  const auto trust = folder_.trust_file();
  ASSERT_TRUE(trust.ok()) << trust.status();
  ASSERT_EQ(trust->load_keys.size(), 2u) << "each once";
  EXPECT_EQ(trust->load_keys[1], foreign->certificate);
  EXPECT_EQ(trust->anchors.manufacturer_keys.size(), 1u);
}

TEST_F(IssuerFilesTest, NeverOverwritesAnIssuer) {
  create();
  std::map<std::string, std::string> before;
  for (const auto& entry : fs::recursive_directory_iterator(folder_.file("")))
    if (entry.is_regular_file()) before[entry.path()] = content(entry.path());
  const absl::Status again = folder_.create(config(), kNow_s, rng_);
  EXPECT_EQ(again.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(reason_of(again), "ISSUER_EXISTS");
  ASSERT_GE(before.size(), 12u);
  for (const auto& [path, text] : before) EXPECT_EQ(content(path), text) << path;
}

TEST_F(IssuerFilesTest, WritesNothingForAListThatBreaksTheRules) {
  const auto broken = load_with(R"({"currency": "EUR", "slots": [100]})",
                                R"({"currency": "EUR", "slots": [100, 200, 400, 100]})");
  ASSERT_TRUE(broken.ok()) << broken.status();
  const absl::Status created = folder_.create(*broken, kNow_s, rng_);
  EXPECT_EQ(reason_of(created), "TAGGING_OVERLAP") << "equal but for the order of its slots";
  EXPECT_FALSE(fs::exists(folder_.file("master.key")));
}

// The next issue opens in the very second in which the last one closes.
TEST_F(IssuerFilesTest, EachListAddsTheNextPeriodWithoutGapOrOverlap) {
  create();
  uint64_t now_s = kNow_s;
  for (uint32_t number = 2; number <= 5; ++number) {
    now_s += 40 * kDay_s;
    const DenominationList before = folder_.newest_list()->list;
    const auto next = folder_.sign_next_list(config(), {}, now_s, rng_);
    ASSERT_TRUE(next.ok()) << next.status();
    EXPECT_EQ(next->list.number, number);
    EXPECT_EQ(folder_.newest_list()->document.encode(), next->document.encode());
    EXPECT_TRUE(next->list.validate().ok());
    EXPECT_TRUE(protocol::check_successor(before, next->list).ok());
    ASSERT_EQ(next->list.denominations.size(), size_t{3} * number);
    for (size_t i = 0; i < 3; ++i) {
      const Denomination& last = next->list.denominations[3 * (number - 2) + i];
      const Denomination& added = next->list.denominations[3 * (number - 1) + i];
      EXPECT_EQ(added.slot_values, last.slot_values);
      EXPECT_EQ(added.withdraw_from, last.withdraw_until);
    }
  }
  std::set<std::string> keys;
  const DenominationList newest = folder_.newest_list()->list;
  for (const Denomination& denomination : newest.denominations)
    keys.insert(protocol::to_hex(denomination.H.bytes()));
  EXPECT_EQ(keys.size(), 15u) << "a key stands in one denomination only";
  const auto secrets = storage::load_denomination_secrets(folder_.file("denominations.secret"));
  EXPECT_EQ(secrets->keys.size(), 15u);
}

TEST_F(IssuerFilesTest, ALateListOpensToday) {
  create();
  const uint64_t late_s = kNow_s + 100 * kDay_s;
  const auto next = folder_.sign_next_list(config(), {}, late_s, rng_);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->list.denominations.back().withdraw_from, late_s / kDay_s * kDay_s);
}

TEST_F(IssuerFilesTest, ListsForgetWhatNobodyCanClaimAnyMore) {
  create();
  const auto next = folder_.sign_next_list(config(), {}, kToday_s + 575 * kDay_s, rng_);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->list.denominations.size(), 3u);
}

TEST_F(IssuerFilesTest, ACompromisedKeyIsReplacedAtOnceAndStaysReported) {
  create();
  const Denomination bad = folder_.newest_list()->list.denominations[0];
  const auto next = folder_.sign_next_list(config(), {bad.id()}, kNow_s + kDay_s, rng_);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_TRUE(next->list.is_compromised(bad.id()));
  const Denomination& replaced = next->list.denominations[3];
  EXPECT_EQ(replaced.slot_values, bad.slot_values);
  EXPECT_EQ(replaced.withdraw_from, kToday_s + kDay_s) << "at once, not after the bad one's period";
  EXPECT_EQ(next->list.denominations[4].withdraw_from, kToday_s + 60 * kDay_s);

  const auto third = folder_.sign_next_list(config(), {bad.id()}, kNow_s + 2 * kDay_s, rng_);
  ASSERT_TRUE(third.ok()) << third.status();
  EXPECT_EQ(third->list.compromised.size(), 1u) << "reported twice, listed once";
  const auto unknown =
      folder_.sign_next_list(config(), {protocol::DenomId{}}, kNow_s + 3 * kDay_s, rng_);
  EXPECT_EQ(reason_of(unknown.status()), "UNKNOWN_DENOMINATION");
  EXPECT_EQ(folder_.newest_list()->list.number, 3u);
}

TEST_F(IssuerFilesTest, AListIsNoOneElses) {
  create();
  const auto other = load_with("issuer-a.example", "issuer-b.example");
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(reason_of(folder_.sign_next_list(*other, {}, kNow_s, rng_).status()), "BAD_CONFIG");
  // A list that somebody altered on the disk is not built upon.
  const fs::path list = folder_.file("lists/0001.list");
  std::string text = content(list);
  text[text.size() / 2] = text[text.size() / 2] == '0' ? '1' : '0';
  std::ofstream(list) << text;
  EXPECT_FALSE(folder_.newest_list().ok());
  EXPECT_FALSE(folder_.sign_next_list(config(), {}, kNow_s, rng_).ok());
}

TEST_F(IssuerFilesTest, ARenewedKeyIsAnotherOneOfTheSamePurpose) {
  create();
  const auto trust = folder_.trust().value();
  const auto before = storage::load_online_key(folder_.file("deposit.key"), "deposit", trust);
  ASSERT_TRUE(folder_.renew_online_key(config(), "deposit", kNow_s + 700 * kDay_s, rng_).ok());
  const auto after = storage::load_online_key(folder_.file("deposit.key"), "deposit", trust);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_NE(after->key.public_key(), before->key.public_key());
  EXPECT_EQ(after->opened.valid_until, kToday_s + (700 + 730) * kDay_s);
}

// An issuer that was made before there was such a service.
TEST_F(IssuerFilesTest, KeyOfAPurposeThatIsMissingIsMadeByRenewing) {
  create();
  const auto trust = folder_.trust().value();
  ASSERT_TRUE(fs::remove(folder_.file("recovery.key")));
  ASSERT_TRUE(fs::remove(folder_.file("certificates/recovery.cert")));
  ASSERT_TRUE(folder_.renew_online_key(config(), "recovery", kNow_s, rng_).ok());
  const auto key = storage::load_online_key(folder_.file("recovery.key"), "recovery", trust);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(content(folder_.file("certificates/recovery.cert")),
            protocol::to_hex(key->certificate.encode()) + "\n");
}

TEST_F(IssuerFilesTest, TrustGrowsAndKeepsWhatItHas) {
  create();
  const protocol::Point manufacturer = protocol::SigningKey::create(rng_.scalar())->public_key();
  ASSERT_TRUE(folder_.add_manufacturer(manufacturer).ok());
  ASSERT_TRUE(folder_.add_manufacturer(manufacturer).ok());
  const protocol::Point other = protocol::SigningKey::create(rng_.scalar())->public_key();
  ASSERT_TRUE(folder_.add_issuer("issuer-b.example", other).ok());
  const auto trust = folder_.trust();
  ASSERT_TRUE(trust.ok()) << trust.status();
  EXPECT_EQ(trust->manufacturer_keys.size(), 1u);
  EXPECT_EQ(trust->master_key("issuer-b.example").value(), other);
  EXPECT_TRUE(trust->master_key("issuer-a.example").ok());
}

TEST_F(IssuerFilesTest, AnEmptyFolderHasNoList) {
  EXPECT_EQ(reason_of(folder_.newest_list().status()), "NO_LIST");
  EXPECT_FALSE(folder_.sign_next_list(config(), {}, kNow_s, rng_).ok());
}

// What is wrong is named.
TEST_F(IssuerFilesTest, AWrongConfigurationIsNamed) {
  struct Row {
    const char* piece;
    const char* other;
    const char* named;
  };
  for (const Row& row :
       {Row{R"("withdraw_days": 60)", R"("withdraw_day": 60)", "withdraw_day"},
        Row{R"("offline": 50000)", R"("online": 50000)", "online"},
        Row{R"("slots": [100])", R"("slots": [100], "value": 5)", "value"},
        Row{R"("kind": "cheque")", R"("kind": "check")", "kind"},
        Row{R"("issuer_id": "issuer-a.example",)", "", "issuer_id"},
        Row{R"("offline": 50000, )", "", "offline"},
        Row{R"({"currency": "EUR", "slots": [100]})", R"({"currency": "EUR"})", "slots"},
        Row{R"("withdraw_days": 60)", R"("withdraw_days": 6936)", "19 years"},
        Row{R"("claim_days": 365)", R"("claim_days": 29)", "at least 30"},
        Row{R"("claim_days": 365)", R"("claim_days": 6800)", "sum to more than 19 years"},
        Row{R"("key_days": 730)", R"("key_days": "long")", "string"}, Row{"{\n", "[\n", "parse"}}) {
    const auto loaded = load_with(row.piece, row.other);
    EXPECT_EQ(reason_of(loaded.status()), "BAD_CONFIG") << row.other;
    EXPECT_NE(std::string(loaded.status().message()).find(row.named), std::string::npos)
        << row.other << ": " << loaded.status();
  }
  EXPECT_FALSE(load_issuer_config(temporary_.path() / "nowhere.json").ok());
}

// Numbers that JSON would bend: none is taken for another one.
// Everybody can derive the keys of these, and of no others; in each list anew.
TEST_F(IssuerFilesTest, LoadtestDenominationsHaveTheKeysThatEverybodyKnows) {
  const auto config = load_with(
      R"({"currency": "EUR", "slots": [100]})",
      R"({"currency": "EUR", "slots": [100]}, {"currency": "XTS", "slots": [5, 5], "loadtest": true})");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_TRUE(folder_.create(*config, kNow_s, rng_).ok());
  const auto next = folder_.sign_next_list(*config, {}, kNow_s + 30 * kDay_s, rng_);
  ASSERT_TRUE(next.ok()) << next.status();
  const auto secrets = storage::load_denomination_secrets(folder_.file("denominations.secret"));
  ASSERT_TRUE(secrets.ok()) << secrets.status();
  int loadtests = 0;
  for (const Denomination& denomination : next->list.denominations) {
    EXPECT_EQ(protocol::is_loadtest(denomination), denomination.currency == "XTS");
    if (denomination.currency != "XTS") continue;
    ++loadtests;
    EXPECT_THAT(secrets->keys, ::testing::Contains(::testing::Pair(
                                   denomination.H, protocol::loadtest_key(denomination))));
  }
  EXPECT_EQ(loadtests, 2);
}

TEST_F(IssuerFilesTest, LoadtestDenominationsAreOfTheTestCurrencyOnly) {
  const auto config = load_with(R"({"currency": "EUR", "slots": [100]})",
                                R"({"currency": "EUR", "slots": [100], "loadtest": true})");
  EXPECT_EQ(reason_of(config.status()), "BAD_CONFIG");
}

TEST_F(IssuerFilesTest, AmountsAndDaysAreWholeAndPositive) {
  for (const auto& [piece, other] : {std::pair{R"("offline": 50000)", R"("offline": -1)"},
                                     {R"("offline": 50000)", R"("offline": 500.5)"},
                                     {R"("slots": [100])", R"("slots": [1.5])"},
                                     {R"("slots": [100])", R"("slots": [-100])"},
                                     {R"("withdraw_days": 60)", R"("withdraw_days": -60)"},
                                     {R"("withdraw_days": 60)", R"("withdraw_days": 60.5)"}}) {
    const auto loaded = load_with(piece, other);
    EXPECT_EQ(reason_of(loaded.status()), "BAD_CONFIG") << other;
  }
}

}  // namespace
}  // namespace cafe::cafectl
