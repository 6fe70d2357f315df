// cafectl: the operator's command line.
#include <chrono>
#include <cstdio>
#include <iostream>

#include "tools/cafectl/command.h"

namespace {

int report(const absl::Status& status, bool json) {
  const std::string reason = cafe::protocol::reason_of(status);
  if (json) {
    std::cerr << cafe::cafectl::Json{{"error",
                                      {{"reason", reason},
                                       {"message", std::string(status.message())}}}}
                     .dump()
              << "\n";
  } else {
    std::cerr << "cafectl: " << status.message() << (reason.empty() ? "" : " (" + reason + ")")
              << "\n";
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace cafe::cafectl;  // NOLINT: this file wires them up
  CLI::App app(
      "Operates a CAFE issuer: keys, denominations, accounts, payees, migrations, cases, claims, "
      "evidence, audit.",
      "cafectl");
  app.require_subcommand(1);
  app.fallthrough();
  Context context;
  context.now_s = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                            std::chrono::system_clock::now().time_since_epoch())
                                            .count());
  app.add_option("--database-url", context.database_url,
                 "PostgreSQL, as the operator's role (migrate: as a superuser)")
      ->envname("CAFE_DATABASE_URL");
  app.add_flag("--json", context.json, "Print JSON instead of tables");
  app.set_version_flag("--version", "cafectl 0.1.0");
  register_issuer(app, context);
  register_denominations(app, context);
  register_tls(app, context);
  register_database(app, context);
  register_payees(app, context);
  register_accounts(app, context);
  register_cases(app, context);
  register_claims(app, context);
  register_audit(app, context);
  register_loadtest(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  absl::StatusOr<Json> result = absl::InternalError("no command ran");
  try {
    result = context.run();
  } catch (const std::exception& e) {  // files and JSON may throw; nothing else does
    return report(absl::InternalError(e.what()), context.json);
  }
  if (!result.ok()) return report(result.status(), context.json);
  std::cout << (context.json ? result->dump(2) + "\n" : to_table(*result));
  // A command that found something wrong says so in its result and in its exit code.
  return result->is_object() && result->value("result", std::string("pass")) == "fail" ? 1 : 0;
}
