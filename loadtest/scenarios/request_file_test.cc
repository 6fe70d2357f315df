#include "loadtest/scenarios/request_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "libs/protocol/hash.h"
#include "tests/support/process.h"

namespace cafe::loadtest {
namespace {

using protocol::reason_of;

RequestFileHeader header() {
  return {.issuer_id = "issuer-a.example",
          .payments = 2,
          .list_digest = protocol::sha256(protocol::view_of("list")),
          .terminals = {protocol::TerminalId{{1}}, protocol::TerminalId{{2}}},
          .made_ms = 1'700'000'000'000,
          .mix = MoneyMix::parse("coins=1,calls=2").value()};
}

RecordedRequest request(uint64_t number) {
  return {.roles = {{Role::kFresh, Fault::kCount, Money::kCoin, number},
                    {Role::kInvalid, Fault::kTick, Money::kCall, 7}},
          .bytes = std::string(number % 50, static_cast<char>('a' + number % 26))};
}

class RequestFileTest : public ::testing::Test {
 protected:
  std::string path(const char* name) const { return (folder_.path() / name).string(); }
  std::string make(const char* name, uint64_t requests) {
    auto file = RequestFile::create(path(name), header());
    EXPECT_TRUE(file.ok()) << file.status();
    for (uint64_t i = 0; i < requests; ++i) EXPECT_TRUE((*file)->append(request(i)).ok());
    EXPECT_TRUE((*file)->sync().ok());
    return path(name);
  }
  cafe::testing::TemporaryFolder folder_{"cafe-request-file"};
};

TEST_F(RequestFileTest, ReadsBackWhatWasWritten) {
  const std::string name = make("requests", 100);
  const auto file = RequestFile::open(name);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->header().issuer_id, header().issuer_id);
  EXPECT_EQ((*file)->header().terminals, header().terminals);
  EXPECT_EQ((*file)->header().mix, header().mix);
  ASSERT_EQ((*file)->size(), 100U);
  for (uint64_t i : {99, 0, 51}) {
    const auto read = (*file)->read(i);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->bytes, request(i).bytes);
    ASSERT_EQ(read->roles.size(), 2U);
    EXPECT_EQ(read->roles[0].pair, i);
    EXPECT_EQ(read->roles[1].role, Role::kInvalid);
    EXPECT_EQ(read->roles[1].fault, Fault::kTick);
    EXPECT_EQ(read->roles[1].money, Money::kCall);
    EXPECT_EQ(read->roles[1].pair, 7U);
  }
}

TEST_F(RequestFileTest, OneWithoutANameIsReadWhileItIsWritten) {
  auto file = RequestFile::create("", header());
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->append(request(3)).ok());
  EXPECT_EQ((*file)->read(0)->bytes, request(3).bytes);
}

TEST_F(RequestFileTest, FitsTheIssuerAndTerminalsItWasMadeForOnly) {
  const auto file = RequestFile::open(make("requests", 1));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE((*file)->check_fits(header()).ok());
  RequestFileHeader more_terminals = header();
  more_terminals.terminals.push_back(protocol::TerminalId{{3}});
  EXPECT_TRUE((*file)->check_fits(more_terminals).ok());

  RequestFileHeader other_issuer = header(), other_list = header(), other_terminals = header();
  other_issuer.issuer_id = "issuer-b.example";
  other_list.list_digest[0] ^= 1;
  other_terminals.terminals.pop_back();
  for (const RequestFileHeader& here : {other_issuer, other_list, other_terminals}) {
    EXPECT_EQ(reason_of((*file)->check_fits(here)), "REPLAY_MISMATCH");
  }
}

TEST_F(RequestFileTest, AFileThatIsCutOffOrSomethingElseIsRefused) {
  const std::string name = make("requests", 5);
  std::filesystem::resize_file(name, std::filesystem::file_size(name) - 1);
  EXPECT_EQ(reason_of(RequestFile::open(name).status()), "BAD_FILE");
  std::ofstream(path("other")) << "something else, long enough to hold a header";
  EXPECT_EQ(reason_of(RequestFile::open(path("other")).status()), "BAD_FILE");
  // Entries of the first version were of another size.
  std::fstream older(make("older", 2), std::ios::in | std::ios::out | std::ios::binary);
  older << "CAFELOAD1\n" << std::flush;
  EXPECT_EQ(reason_of(RequestFile::open(path("older")).status()), "BAD_FILE");
  EXPECT_EQ(reason_of(RequestFile::open(path("none")).status()), "FILE_UNUSABLE");
}

}  // namespace
}  // namespace cafe::loadtest
