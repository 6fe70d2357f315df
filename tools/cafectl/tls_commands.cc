// cafectl tls: certificates between services.
#include <filesystem>

#include "libs/storage/key_files.h"
#include "tools/cafectl/certificates.h"
#include "tools/cafectl/command.h"

namespace cafe::cafectl {

namespace {

struct TlsFileOptions {
  std::string dir;
  std::vector<std::string> services = {"withdrawal", "deposit", "doublespend", "recovery",
                                       "operator"};
  std::vector<std::string> hosts;
  uint32_t days = 825;
};

absl::StatusOr<Json> init(const Context& context, const TlsFileOptions& options) {
  const std::filesystem::path dir(options.dir);
  std::filesystem::create_directories(dir);
  PemPair authority;
  if (std::filesystem::exists(dir / "ca.key")) {
    // More services for an authority that is there.
    CAFE_ASSIGN_OR_RETURN(authority.certificate, storage::read_file(dir / "ca.pem"));
    CAFE_ASSIGN_OR_RETURN(authority.key, storage::read_secret_file(dir / "ca.key"));
  } else {
    CAFE_ASSIGN_OR_RETURN(authority,
                          make_authority("CAFE services", context.now_s, options.days * 4));
    CAFE_RETURN_IF_ERROR(storage::write_secret_file(dir / "ca.key", authority.key));
    CAFE_RETURN_IF_ERROR(storage::write_file(dir / "ca.pem", authority.certificate));
  }
  Json rows = Json::array();
  for (const std::string& service : options.services) {
    CAFE_ASSIGN_OR_RETURN(const PemPair pair, make_certificate(authority, service, options.hosts,
                                                               context.now_s, options.days));
    CAFE_RETURN_IF_ERROR(storage::write_secret_file(dir / (service + ".key"), pair.key));
    CAFE_RETURN_IF_ERROR(storage::write_file(dir / (service + ".pem"), pair.certificate));
    rows.push_back({{"service", service},
                    {"certificate", (dir / (service + ".pem")).string()},
                    {"key", (dir / (service + ".key")).string()}});
  }
  return rows;
}

}  // namespace

void register_tls(CLI::App& app, Context& context) {
  auto options = std::make_shared<TlsFileOptions>();
  CLI::App* tls = add_group(app, "tls", "Certificates with which services know each other");
  CLI::App* command = add_command(*tls, context, "init",
                                  "Make a private authority and a certificate for each service",
                                  [&context, options] { return init(context, *options); });
  command->add_option("--dir", options->dir, "Where the files go")->required();
  command->add_option("--service", options->services,
                      "Services to certify (default: all, and the operator)");
  command->add_option("--host", options->hosts,
                      "Further DNS name or IP address in every certificate (may be repeated)");
  command->add_option("--days", options->days, "Validity of the certificates")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
}

}  // namespace cafe::cafectl
