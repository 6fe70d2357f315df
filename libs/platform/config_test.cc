#include "libs/platform/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "libs/platform/testdata/certificates.h"

namespace cafe::platform {
namespace {

using ::testing::HasSubstr;

class EnvironmentVariable {
 public:
  EnvironmentVariable(const char* name, const std::string& value) : name_(name) {
    ::setenv(name, value.c_str(), 1);
  }
  ~EnvironmentVariable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

struct Outcome {
  std::optional<int> exit_code;
  ServiceOptions options;
  std::string out;
  std::string err;
};

Outcome parse(std::vector<const char*> arguments) {
  Outcome outcome;
  outcome.options.service = "deposit";
  outcome.options.listen = "127.0.0.1:7102";
  CLI::App app("Takes payments in.");
  register_service_options(app, outcome.options);
  arguments.insert(arguments.begin(), "deposit");
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  outcome.exit_code = parse_command_line(app, outcome.options, static_cast<int>(arguments.size()),
                                         arguments.data());
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

TEST(Config, OneNameIsFlagVariableAndKey) {
  EXPECT_EQ(environment_name("--drain-timeout-ms"), "CAFE_DRAIN_TIMEOUT_MS");
  const testdata::TemporaryFolder folder;
  const std::string file =
      folder.write("c.toml", "insecure = true\nworkers = 3\nissuer-id = \"i 1\"\n");

  const Outcome from_file = parse({"--config", file.c_str()});
  EXPECT_EQ(from_file.exit_code, std::nullopt) << from_file.err;
  EXPECT_EQ(from_file.options.workers, 3U);
  EXPECT_EQ(from_file.options.issuer_id, "i 1");
  EXPECT_TRUE(from_file.options.tls.insecure);
  EXPECT_EQ(from_file.options.listen, "127.0.0.1:7102");  // the default

  const EnvironmentVariable workers("CAFE_WORKERS", "5");
  const Outcome from_environment = parse({"--config", file.c_str()});
  EXPECT_EQ(from_environment.options.workers, 5U) << "the environment wins over the file";
  EXPECT_EQ(from_environment.options.issuer_id, "i 1");

  const Outcome from_flag = parse({"--config", file.c_str(), "--workers", "7"});
  EXPECT_EQ(from_flag.options.workers, 7U) << "a flag wins over the environment";
}

TEST(Config, FileNamedByTheEnvironmentMustExist) {
  const testdata::TemporaryFolder folder;
  const std::string file = folder.write("c.toml", "insecure = true\nworkers = 3\n");
  {
    const EnvironmentVariable config("CAFE_CONFIG", file);
    const Outcome outcome = parse({});
    EXPECT_EQ(outcome.exit_code, std::nullopt) << outcome.err;
    EXPECT_EQ(outcome.options.workers, 3U);
  }
  const EnvironmentVariable config("CAFE_CONFIG", folder.file("missing.toml"));
  const Outcome outcome = parse({"--insecure"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("missing.toml"));
}

TEST(Config, FlagsCanBeSwitchedOffByTheEnvironment) {
  const testdata::TemporaryFolder folder;
  const std::string file = folder.write("c.toml", "production = true\ninsecure = true\n");
  const EnvironmentVariable production("CAFE_PRODUCTION", "false");
  const Outcome outcome = parse({"--config", file.c_str()});
  EXPECT_EQ(outcome.exit_code, std::nullopt) << outcome.err;
  EXPECT_FALSE(outcome.options.production);
}

TEST(Config, WrongValuesStopTheStartWithAMessageThatNamesTheOption) {
  struct Case {
    std::vector<const char*> arguments;
    std::vector<const char*> in_message;
  };
  const std::vector<Case> cases = {
      {{"--insecure", "--workers", "many"}, {"--workers", "many"}},
      {{"--insecure", "--workers", "0"}, {"--workers", "0"}},
      {{"--insecure", "--listen", "localhost"}, {"--listen", "'localhost' is not host:port"}},
      {{"--insecure", "--listen", "localhost:65536"}, {"--listen", "is not host:port"}},
      {{"--insecure", "--listen", "::1:70"}, {"--listen", "brackets"}},
      {{"--insecure", "--log-level", "loud"}, {"--log-level", "loud"}},
      {{"--insecure", "--drain-timeout-ms", "-1"}, {"--drain-timeout-ms"}},
      {{"--insecure", "--unknown", "1"}, {"--unknown"}},
      {{"--insecure", "--workers", "1", "--workers", "2"}, {"--workers"}},
      {{"--insecure", "--config", "/nowhere.toml"}, {"/nowhere.toml"}},
      {{}, {"--tls-cert is required"}},
      {{"--tls-cert", "c", "--tls-key", "k"}, {"--tls-ca is required"}},
      {{"--insecure", "--tls-ca", "x"}, {"--insecure contradicts"}},
      {{"--insecure", "--production"}, {"--insecure is refused with --production"}},
      {{"--tls-cert", "c", "--tls-key", "k", "--tls-ca", "a", "--production", "--failpoints",
        "a=crash"},
       {"--failpoints is refused with --production"}},
  };
  for (const Case& wrong : cases) {
    const Outcome outcome = parse(wrong.arguments);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    for (const char* part : wrong.in_message) {
      EXPECT_THAT(outcome.err, HasSubstr(part));
    }
  }
}

TEST(Config, WrongValueInTheEnvironmentStopsTheStart) {
  const EnvironmentVariable workers("CAFE_WORKERS", "many");
  const Outcome outcome = parse({"--insecure"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--workers"));
}

TEST(Config, StrictAboutTheFile) {
  const testdata::TemporaryFolder folder;
  struct Case {
    const char* content;
    const char* message;
  };
  for (const Case& wrong :
       {Case{"insecure = true\nlistn = \"127.0.0.1:1\"\n", "unknown key 'listn'"},
        Case{"[server]\nlisten = \"127.0.0.1:1\"\n", "unknown key 'server"},
        Case{"workers = 1\ninsecure = true\nworkers = 2\n", "key 'workers' stands twice"},
        Case{"insecure = true\nworkers = 1\nworkers = 2\n", "--workers"},
        Case{"insecure = true\nworkers = \"x\"\n", "--workers"}}) {
    const std::string file = folder.write("c.toml", wrong.content);
    const Outcome outcome = parse({"--config", file.c_str()});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr(wrong.message));
  }
}

TEST(Config, RequiredOptionOfAServiceIsMissed) {
  std::string receipt_key;
  CLI::App app("x", "deposit");
  register_config_file(app);
  add_option(app, "--receipt-key", receipt_key, "PEM file")->required();
  const char* arguments[] = {"deposit"};
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(parse_command_line(app, 1, arguments), 2);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("--receipt-key is required"));
}

TEST(Config, HelpTellsAll) {
  const EnvironmentVariable secret("CAFE_DATABASE_URL", "postgresql://u:hunter2@db/x");
  const Outcome outcome = parse({"--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  for (const char* part : {"--listen", "CAFE_LISTEN", "127.0.0.1:7102", "--config", "CAFE_CONFIG",
                           "--drain-timeout-ms", "10000", "--failpoints", "--production"}) {
    EXPECT_THAT(outcome.out, HasSubstr(part));
  }
  EXPECT_THAT(outcome.out, ::testing::Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace cafe::platform
