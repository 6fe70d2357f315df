#include "device-sim/host/file_memory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace cafe::host {
namespace {

using protocol::Bytes;
using protocol::reason_of;

struct FileMemoryTest : ::testing::Test {
  FileMemoryTest() {
    std::string pattern = ::testing::TempDir() + "file-memory.XXXXXX";
    folder = mkdtemp(pattern.data());
    path = folder + "/a.mem";
  }
  ~FileMemoryTest() override { std::filesystem::remove_all(folder); }
  static Bytes content(const FileMemory& memory) {
    Bytes bytes(memory.size());
    memory.read(0, bytes);
    return bytes;
  }
  std::string folder, path;
};

TEST_F(FileMemoryTest, KeepsWhatWasWritten) {
  {
    const auto memory = FileMemory::open(path, 8);
    ASSERT_TRUE(memory.ok()) << memory.status();
    EXPECT_EQ(content(**memory), Bytes(8));
    (*memory)->write(3, Bytes{1, 2, 3});
    EXPECT_EQ(content(**memory), (Bytes{0, 0, 0, 1, 2, 3, 0, 0}));
  }
  const auto again = FileMemory::open(path, 8);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(content(**again), (Bytes{0, 0, 0, 1, 2, 3, 0, 0}));
}

TEST_F(FileMemoryTest, AppearsAsAWhole) {
  ASSERT_TRUE(FileMemory::create(path, Bytes{7, 8}).ok());
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
  EXPECT_EQ(content(**FileMemory::open(path, 2)), (Bytes{7, 8}));
  // What a kill left half made is made anew.
  std::ofstream(path + ".new") << "half";
  std::filesystem::remove(path);
  EXPECT_EQ(content(**FileMemory::open(path, 2)), Bytes(2));
}

TEST_F(FileMemoryTest, RefusesWhatIsNoMemoryOfItsSize) {
  std::ofstream(path) << "short";
  EXPECT_EQ(reason_of(FileMemory::open(path, 8).status()), "FILE_UNUSABLE");
  EXPECT_EQ(reason_of(FileMemory::open(folder + "/none/a.mem", 8).status()), "FILE_UNUSABLE");
}

}  // namespace
}  // namespace cafe::host
