#include "loadtest/machine.h"

#include <gtest/gtest.h>

namespace cafe::loadtest {
namespace {

TEST(MachineTest, KnowsThisOne) {
  const Machine machine = read_machine();
  EXPECT_GE(machine.cores, 1u);
  EXPECT_GT(machine.memory_bytes, 100'000'000u);
  EXPECT_TRUE(machine.kernel.starts_with("Linux ")) << machine.kernel;
}

TEST(AuditTest, PassesOnlyWhereTheCommandSaysSoAndSucceeds) {
  const auto result = [](const std::string& command) {
    return run_audit(command).at("result").get<std::string>();
  };
  EXPECT_EQ(result(R"(echo '{"result": "pass", "accounts": 7}')"), "pass");
  EXPECT_EQ(run_audit(R"(echo '{"result": "pass", "accounts": 7}')")["accounts"], 7);
  EXPECT_EQ(result(R"(echo '{"result": "fail"}')"), "fail");
  EXPECT_EQ(result(R"(echo '{"result": "pass"}'; exit 1)"), "fail");
  EXPECT_EQ(result(R"(echo '{"result": "pass"}'; kill -9 $$)"), "fail");
  EXPECT_EQ(result("echo pass"), "fail");
  EXPECT_EQ(result("echo '{}'"), "fail");
  EXPECT_EQ(result("true"), "fail");
}

TEST(RedactedTest, PasswordsAreLeftOut) {
  EXPECT_EQ(redacted("postgres://owner:s3cret@db:5432/cafe"), "postgres://owner:***@db:5432/cafe");
  EXPECT_EQ(redacted("host=db Password=s3cret user=owner"), "host=db Password=*** user=owner");
  EXPECT_EQ(redacted("--rate 1000 --deposit 127.0.0.1:7103"),
            "--rate 1000 --deposit 127.0.0.1:7103");
}

}  // namespace
}  // namespace cafe::loadtest
