// The arrows of the tree and the rules of its style hold; and each rule is broken once on purpose,
// so that a rule that sees nothing does not pass for a tree without faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/architecture/source_rules.h"

namespace cafe::architecture {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Who may use whom. Generated code counts by its path, cafe/v1/.
const std::vector<Arrow>& arrows() {
  static const std::vector<Arrow> kArrows = {
      {"libs/protocol/",
       {},
       // No I/O, no clock, no threads, no hidden randomness, nothing of the network or the
       // database.
       {"fstream", "iostream", "cstdio", "filesystem", "chrono", "ctime", "thread", "random",
        "grpc", "google/", "pqxx", "hiredis", "spdlog", "unistd.h", "sys/"}},
      {"libs/platform/", {}, {"pqxx", "hiredis"}},
      {"libs/storage/", {"libs/protocol/", "libs/platform/"}, {"grpc"}},
      {"services/withdrawal/", {"libs/", "cafe/v1/"}, {"pqxx", "hiredis"}},
      {"services/deposit/", {"libs/", "cafe/v1/"}, {"pqxx", "hiredis"}},
      {"services/doublespend/", {"libs/", "cafe/v1/"}, {"pqxx", "hiredis"}},
      {"services/recovery/", {"libs/", "cafe/v1/"}, {"pqxx", "hiredis"}},
      {"services/settlement/", {"libs/", "cafe/v1/"}, {"pqxx", "hiredis"}},
      // A device has no operating system below it: the simulator provides links, memories, clock.
      {"device-sim/firmware/common/",
       {"libs/protocol/"},
       {"fstream", "iostream", "filesystem", "chrono", "ctime", "thread", "grpc", "unistd.h"},
       {"device-sim/"}},
      {"device-sim/firmware/guardian/",
       {"libs/protocol/", "device-sim/firmware/common/"},
       {"fstream", "iostream", "filesystem", "chrono", "ctime", "thread", "grpc", "unistd.h"},
       {"device-sim/"}},
      {"device-sim/firmware/wallet/",
       // Of the guardian it knows the commands, which is what a chip's data sheet holds.
       {"libs/protocol/", "device-sim/firmware/common/", "device-sim/firmware/guardian/commands.h",
        "device-sim/link/"},
       {"fstream", "iostream", "filesystem", "chrono", "ctime", "thread", "grpc", "unistd.h"},
       {"device-sim/"}},
      {"device-sim/firmware/face/",
       // What the wallet tells, and nothing of how it does things. Its calendar is no clock.
       {"libs/protocol/", "device-sim/firmware/wallet/wallet.h",
        "device-sim/firmware/wallet/recovery.h", "device-sim/firmware/wallet/claims.h"},
       {"fstream", "iostream", "filesystem", "ctime", "thread", "grpc", "unistd.h"},
       {"device-sim/"}},
      {"device-sim/firmware/pos/",
       {"libs/protocol/", "device-sim/firmware/common/", "device-sim/link/"},
       {"fstream", "iostream", "filesystem", "chrono", "ctime", "thread", "grpc", "unistd.h"},
       {"device-sim/"}},
      {"device-sim/firmware/testing/",
       {"libs/protocol/", "device-sim/firmware/", "device-sim/link/"}},
      {"device-sim/link/", {"libs/protocol/", "device-sim/firmware/common/"}},
      {"device-sim/", {"libs/protocol/", "cafe/v1/"}},
      {"loadtest/", {"libs/", "device-sim/", "cafe/v1/"}},
      {"tools/cafectl/", {"libs/", "cafe/v1/"}},
      {"tests/", {"libs/", "services/", "device-sim/", "loadtest/", "tools/", "cafe/v1/"}},
  };
  return kArrows;
}

const std::vector<std::string_view>& ours() {
  static const std::vector<std::string_view> kOurs = {"libs/",     "services/",   "device-sim/",
                                                      "loadtest/", "tools/",      "tests/",
                                                      "proto/",    "migrations/", "cafe/v1/"};
  return kOurs;
}

// tests/support/process.cc has `eventually`, which every test waits with.
const std::vector<std::string_view> kPollers = {"tests/support/process.cc"};

bool is_code(const std::string& path) { return path.ends_with(".cc") || path.ends_with(".h"); }

// All text of the tree, by path.
const std::map<std::string, SourceFile>& tree() {
  static const std::map<std::string, SourceFile> kTree = [] {
    std::map<std::string, SourceFile> files;
    const fs::path root = CAFE_SOURCE_DIR;
    for (auto entry = fs::recursive_directory_iterator(root);
         entry != fs::recursive_directory_iterator(); ++entry) {
      const std::string name = entry->path().filename();
      if (entry->is_directory() && (name == "build" || name == ".git" || name == ".cache")) {
        entry.disable_recursion_pending();
        continue;
      }
      const std::string extension = entry->path().extension();
      if (!entry->is_regular_file() || extension == ".json") continue;
      std::ifstream in(entry->path(), std::ios::binary);
      std::stringstream text;
      text << in.rdbuf();
      const std::string path = entry->path().lexically_relative(root);
      files[path] = {path, text.str()};
    }
    return files;
  }();
  return kTree;
}

Violations in_tree(const std::function<bool(const std::string&)>& which,
                   const std::function<Violations(const SourceFile&)>& check) {
  Violations all;
  for (const auto& [path, file] : tree()) {
    if (!which(path)) continue;
    const Violations found = check(file);
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

Violations includes(const std::string& path, const std::string& include) {
  return check_includes({path, "// A file.\n#include <string>\n" + include + "\n"}, arrows(),
                        ours());
}

TEST(TreeTest, IsThere) {
  EXPECT_GT(tree().size(), 200u);
  EXPECT_TRUE(tree().contains("libs/protocol/point.h"));
  EXPECT_TRUE(tree().contains("README.md"));
}

TEST(ArrowsTest, TheTreeKeepsThem) {
  EXPECT_THAT(
      in_tree(is_code, [](const auto& file) { return check_includes(file, arrows(), ours()); }),
      IsEmpty());
}

TEST(ArrowsTest, EachForbiddenArrowIsSeen) {
  for (const auto& [path, include] : std::vector<std::pair<std::string, std::string>>{
           {"libs/protocol/a.cc", R"(#include "libs/storage/postgres.h")"},
           {"libs/protocol/a.cc", R"(#include "libs/platform/clock.h")"},
           {"libs/protocol/a.h", R"(#include "cafe/v1/deposit.pb.h")"},
           {"libs/protocol/a.cc", "#include <fstream>"},
           {"libs/protocol/a.cc", "#include <chrono>"},
           {"libs/protocol/a.cc", "  #  include <grpcpp/grpcpp.h>"},
           {"libs/platform/a.cc", R"(#include "libs/protocol/point.h")"},
           {"libs/storage/a.cc", R"(#include "services/deposit/store.h")"},
           {"libs/storage/a.cc", R"(#include "device-sim/link/medium.h")"},
           {"services/deposit/a.cc", R"(#include "services/doublespend/coin_store.h")"},
           {"services/deposit/a_test.cc", R"(#include "services/withdrawal/issuer.h")"},
           {"services/deposit/a.cc", R"(#include "tools/cafectl/output.h")"},
           {"services/deposit/a.cc", "#include <pqxx/pqxx>"},
           {"services/deposit/a.cc", R"(#include "tests/support/process.h")"},
           {"services/new/a.cc", "#include <string>"},
           {"device-sim/simulator/a.cc", R"(#include "libs/storage/postgres.h")"},
           {"device-sim/simulator/a.cc", R"(#include "libs/platform/client.h")"},
           {"device-sim/simulator/a.cc", R"(#include "services/deposit/store.h")"},
           {"device-sim/firmware/guardian/a.cc", "#include <cafe/v1/deposit.pb.h>"},
           {"device-sim/firmware/guardian/a.cc",
            R"(#include "device-sim/firmware/wallet/wallet.h")"},
           {"device-sim/firmware/guardian/a.cc", "#include <ctime>"},
           {"device-sim/firmware/wallet/a.cc",
            R"(#include "device-sim/firmware/guardian/guardian.h")"},
           {"loadtest/a.cc", R"(#include "services/doublespend/coin_store.h")"},
           {"tools/cafectl/a.cc", R"(#include "services/withdrawal/issuer.h")"},
           {"tools/cafectl/a.cc", R"(#include "device-sim/link/medium.h")"},
           {"libs/storage/a.cc", R"(#include "libs/protocol/testing/world.h")"},
           {"libs/storage/a.cc", R"(#include "../protocol/point.h")"},
       }) {
    EXPECT_EQ(includes(path, include).size(), 1u) << path << " " << include;
  }
}

TEST(ArrowsTest, AllowedArrowsAreNotSeen) {
  for (const auto& [path, include] : std::vector<std::pair<std::string, std::string>>{
           {"libs/protocol/a.cc", R"(#include "libs/protocol/point.h")"},
           {"libs/protocol/a_test.cc", "#include <fstream>"},
           {"libs/protocol/a_test.cc", R"(#include "libs/protocol/testing/world.h")"},
           {"libs/storage/a.cc", R"(#include "libs/platform/clock.h")"},
           {"libs/storage/a_test.cc", R"(#include "tests/support/private_postgres.h")"},
           {"services/deposit/a.cc", R"(#include "libs/storage/ledger.h")"},
           {"services/deposit/a.cc", "#include <cafe/v1/doublespend.grpc.pb.h>"},
           {"tools/cafectl/a.cc", R"(#include "cafe/v1/withdrawal.grpc.pb.h")"},
           {"services/deposit/testing/a.cc", R"(#include "tests/support/process.h")"},
           {"device-sim/simulator/a.cc", R"(#include "device-sim/firmware/pos/terminal.h")"},
           {"loadtest/a.cc", R"(#include "device-sim/simulator/backend.h")"},
           {"tests/integration/a_test.cc", R"(#include "services/deposit/wiring.h")"},
           {"services/deposit/a.cc", R"(// #include "services/doublespend/coin_store.h")"},
       }) {
    EXPECT_THAT(includes(path, include), IsEmpty()) << path << " " << include;
  }
}

TEST(StyleTest, FilesAreReadInOneSitting) {
  EXPECT_THAT(in_tree(
                  [](const std::string& path) {
                    return is_code(path) || path.ends_with(".sql") || path.ends_with(".sh") ||
                           path.ends_with(".proto") || path.ends_with(".cmake") || path == "cafe";
                  },
                  check_length),
              IsEmpty());
  std::string text;
  for (size_t i = 0; i < kMostLines; ++i) text += "int a;\n";
  EXPECT_THAT(check_length({"a.cc", text}), IsEmpty());
  EXPECT_THAT(check_length({"a.cc", text + "int b;\n"}), ElementsAre(HasSubstr("451 lines")));
}

TEST(StyleTest, HeadersAreIncludedOnce) {
  EXPECT_THAT(in_tree(is_code, check_header_guard), IsEmpty());
  EXPECT_THAT(check_header_guard({"a.h", "// What it is.\n\n#pragma once\n"}), IsEmpty());
  EXPECT_EQ(check_header_guard({"a.h", "// What it is.\nint a;\n"}).size(), 1u);
  EXPECT_EQ(check_header_guard({"a.h", "int a;\n#pragma once\n"}).size(), 1u);
  EXPECT_EQ(check_header_guard({"a.h", "// #pragma once\n"}).size(), 1u);
}

TEST(StyleTest, NoTestSleeps) {
  const auto check = [](const SourceFile& file) { return check_sleeps(file, kPollers); };
  EXPECT_THAT(in_tree(
                  [](const auto& path) {
                    return is_code(path) && !path.starts_with("tests/architecture/");
                  },
                  check),
              IsEmpty());
  for (const char* line :
       {"std::this_thread::sleep_for(1s);", "usleep(10);", "  sleep(1);", "::sleep(1);",
        "absl::SleepFor(absl::Seconds(1));", "nanosleep(&t, nullptr);"}) {
    EXPECT_EQ(check({"libs/a/b_test.cc", line}).size(), 1u) << line;
    EXPECT_EQ(check({"tests/support/other.cc", line}).size(), 1u) << line;
    EXPECT_THAT(check({"libs/a/b.cc", line}), IsEmpty()) << line;
  }
  EXPECT_THAT(check({"libs/a/b_test.cc", "options.sleep = record; // sleep(1)"}), IsEmpty());
  EXPECT_THAT(check({"libs/a/b_test.cc", "  // never sleep(1)"}), IsEmpty());
}

TEST(StyleTest, NothingIsLeftOverWithoutItsReason) {
  EXPECT_THAT(in_tree(
                  [](const std::string& path) {
                    return is_code(path) || path.ends_with(".sql") || path.ends_with(".sh") ||
                           path.ends_with(".proto") || path.ends_with(".txt") ||
                           path.ends_with(".md");
                  },
                  check_leftovers),
              IsEmpty());
  for (const std::string word : {"TO"
                                 "DO",
                                 "FIX"
                                 "ME"}) {
    EXPECT_EQ(check_leftovers({"a.cc", "// " + word + "\n"}).size(), 1u);
    EXPECT_EQ(check_leftovers({"a.cc", "// " + word + ": later\n"}).size(), 1u);
    EXPECT_EQ(check_leftovers({"a.cc", "// " + word + " someone should look into this\n"}).size(),
              1u);
    EXPECT_THAT(
        check_leftovers({"a.cc", "// " + word + "(cheques): the guardian has no counter yet\n"}),
        IsEmpty());
  }
}

TEST(DocsTest, LinksLeadSomewhere) {
  const auto read = [](const std::string& path) -> const SourceFile* {
    const auto found = tree().find(path);
    return found == tree().end() ? nullptr : &found->second;
  };
  const auto exists = [](const std::string& path) {
    return fs::exists(fs::path(CAFE_SOURCE_DIR) / path);
  };
  const auto check = [&](const SourceFile& file) { return check_links(file, read, exists); };
  EXPECT_THAT(in_tree([](const auto& path) { return path.ends_with(".md"); }, check), IsEmpty());

  const auto links = [&](const std::string& text) { return check({"docs/a.md", text}).size(); };
  EXPECT_EQ(links("[a](no-such-file.md)"), 1u);
  EXPECT_EQ(links("[a](../README.md) [b](gone.md)"), 1u);
  EXPECT_EQ(links("[a](../README.md#no-such-heading)"), 1u);
  EXPECT_EQ(links("[a](../README.md) [b](../docs) [c](https://example.org/x)"), 0u);
  EXPECT_EQ(links("`[&](int a)`\n```\n[a](gone.md)\n```\n"), 0u);
  EXPECT_EQ(anchor_of("Who bears the loss, of a `coin`?"), "who-bears-the-loss-of-a-coin");
}

}  // namespace
}  // namespace cafe::architecture
