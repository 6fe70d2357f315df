#include "device-sim/cafe-wallet/pocket.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "device-sim/firmware/testing/device.h"

namespace cafe::cafe_wallet {
namespace {

using protocol::reason_of;
using testing::World;

struct PocketTest : ::testing::Test {
  PocketTest() {
    std::string pattern = ::testing::TempDir() + "pocket.XXXXXX";
    folder = mkdtemp(pattern.data());
  }
  ~PocketTest() override { std::filesystem::remove_all(folder); }

  absl::StatusOr<std::unique_ptr<Pocket>> open() {
    return Pocket::open(folder, {std::string(World::kIssuer), world.anchors},
                        {world.manufacturer_key, {}}, owner);
  }
  // The registration that an issuer would get: it names guardian, wallet and account.
  protocol::Bytes registration(Pocket& pocket) {
    return *pocket.wallet().begin_registration(protocol::Bytes32{7});
  }

  World world{"pocket"};
  testing::TestOwner owner;
  std::string folder;
};

TEST_F(PocketTest, KeepsTheWalletAndItsGuardian) {
  protocol::Bytes before;
  {
    const auto pocket = open();
    ASSERT_TRUE(pocket.ok()) << pocket.status();
    before = registration(**pocket);
  }
  const auto again = open();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(registration(**again), before);
}

TEST_F(PocketTest, OfOneFolderIsOpenOnce) {
  const auto pocket = open();
  ASSERT_TRUE(pocket.ok()) << pocket.status();
  EXPECT_EQ(reason_of(open().status()), "FOLDER_IN_USE");
}

TEST_F(PocketTest, IsItsOwnersAlone) {
  ASSERT_TRUE(open().ok());
  const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
  EXPECT_EQ(std::filesystem::status(folder).permissions() & others, std::filesystem::perms::none);
  EXPECT_EQ(std::filesystem::status(folder + "/wallet.mem").permissions() & others,
            std::filesystem::perms::none);
}

TEST_F(PocketTest, AGuardianThatWasHalfMadeIsMadeAnew) {
  std::ofstream(folder + "/guardian.mem.new") << "the power failed here";
  const auto pocket = open();
  ASSERT_TRUE(pocket.ok()) << pocket.status();
  EXPECT_FALSE(registration(**pocket).empty());
}

TEST_F(PocketTest, AFolderOfSomethingElseIsRefused) {
  std::ofstream(folder + "/guardian.mem") << "no guardian";
  EXPECT_EQ(reason_of(open().status()), "FILE_UNUSABLE");
}

}  // namespace
}  // namespace cafe::cafe_wallet
