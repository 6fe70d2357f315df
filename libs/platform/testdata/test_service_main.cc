// A whole service, as small as one can be: what run_service_test starts, signals and kills.
#include "libs/platform/config.h"
#include "libs/platform/server.h"
#include "libs/platform/testdata/echo_service.h"

int main(int argc, char** argv) {
  using namespace cafe::platform;
  ServiceOptions options{
      .service = "echo", .listen = "127.0.0.1:0", .metrics_listen = "127.0.0.1:0"};
  CLI::App app("Says what it is told.");
  register_service_options(app, options);
  if (const auto exit_code = parse_command_line(app, options, argc, argv)) {
    return *exit_code;
  }
  return run_service(options, [](ServiceHost& host) {
    host.serve(std::make_unique<testdata::EchoService>(host.runtime()));
    return absl::OkStatus();
  });
}
