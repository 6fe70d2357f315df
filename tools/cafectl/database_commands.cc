// cafectl migrate, lineage.
#include "libs/storage/migrate.h"
#include "tools/cafectl/command.h"

namespace cafe::cafectl {

namespace {

struct MigrateOptions {
  std::string folder = "migrations";
  bool dry_run = false;
};

absl::StatusOr<Json> migrate(const Context& context, const MigrateOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  CAFE_ASSIGN_OR_RETURN(const auto steps, options.dry_run
                                              ? storage::list_migrations(*db, options.folder)
                                              : storage::migrate(*db, options.folder));
  Json rows = Json::array();
  for (const storage::MigrationStep& step : steps) {
    using State = storage::MigrationStep::State;
    rows.push_back({{"number", step.number},
                    {"file", step.name},
                    {"state", step.state == State::kApplied      ? "applied before"
                              : step.state == State::kAppliedNow ? "applied now"
                                                                 : "pending"}});
  }
  return rows;
}

// A fresh epoch for the running database: every order that is open dies, and no nonce derived
// before can be derived again. Needed after a machine snapshot was resumed; restarts, restores and
// fail-overs are noticed by themselves.
absl::StatusOr<Json> renew_lineage(Context& context) {
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  const auto epoch = context.rng.array<16>();
  return db->transaction({}, [&](storage::Transaction& tx) -> absl::StatusOr<Json> {
    CAFE_ASSIGN_OR_RETURN(const auto incarnation, storage::read_incarnation(tx));
    CAFE_RETURN_IF_ERROR(tx.query("SELECT withdrawal.renew_lineage($1, $2, $3, $4)",
                                  static_cast<int64_t>(incarnation.system_identifier),
                                  incarnation.timeline, incarnation.postmaster_start_us, epoch)
                             .status());
    return Json{{"system identifier", incarnation.system_identifier},
                {"timeline", incarnation.timeline},
                {"epoch", protocol::to_hex(epoch)}};
  });
}

}  // namespace

void register_database(CLI::App& app, Context& context) {
  auto options = std::make_shared<MigrateOptions>();
  CLI::App* command =
      add_command(app, context, "migrate", "Bring the database to the newest schema",
                  [&context, options] { return migrate(context, *options); });
  command->add_option("--folder", options->folder, "The migrations")
      ->capture_default_str()
      ->check(CLI::ExistingDirectory);
  command->add_flag("--dry-run", options->dry_run, "Only show what would be done");
  CLI::App* lineage =
      add_group(app, "lineage", "The database's lineage, on which withdrawal nonces hang");
  add_command(*lineage, context, "renew", "Draw a new epoch (after a resumed machine snapshot)",
              [&context] { return renew_lineage(context); });
}

}  // namespace cafe::cafectl
