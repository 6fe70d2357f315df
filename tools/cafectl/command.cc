#include "tools/cafectl/command.h"

#include "libs/storage/key_files.h"

namespace cafe::cafectl {

absl::StatusOr<std::unique_ptr<storage::Database>> Context::database(int pool_size) const {
  if (database_url.empty()) {
    return protocol::invalid("NO_DATABASE",
                             "This command needs --database-url (or CAFE_DATABASE_URL), e.g. "
                             "postgresql://cafe_operator@localhost/cafe.");
  }
  // An audit reads everything in one statement: it may take longer than any request may.
  return storage::Database::open({.url = database_url,
                                  .pool_size = pool_size,
                                  .application_name = "cafectl",
                                  .statement_timeout = std::chrono::milliseconds(0)});
}

CLI::App* add_group(CLI::App& parent, const std::string& name, const std::string& help) {
  CLI::App* group = parent.add_subcommand(name, help);
  group->require_subcommand(1);
  return group;
}

absl::StatusOr<protocol::Bytes> read_hex_file(const std::string& path) {
  CAFE_ASSIGN_OR_RETURN(std::string text, storage::read_file(path));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  return protocol::from_hex(text);
}

absl::Status write_hex_file(const std::string& path, protocol::ByteView bytes) {
  return storage::write_file(path, protocol::to_hex(bytes) + "\n");
}

}  // namespace cafe::cafectl
