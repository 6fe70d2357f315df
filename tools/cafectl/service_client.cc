#include "tools/cafectl/service_client.h"

#include "libs/protocol/status.h"

namespace cafe::cafectl {

void add_service_options(CLI::App& command, const std::shared_ptr<ServiceOptions>& options) {
  command.add_option("--withdrawal", options->withdrawal, "The withdrawal service, host:port")
      ->envname("CAFE_WITHDRAWAL");
  command.add_option("--tls-cert", options->tls.cert, "The operator's certificate (PEM)")
      ->envname("CAFE_TLS_CERT");
  command.add_option("--tls-key", options->tls.key, "Its private key (PEM)")
      ->envname("CAFE_TLS_KEY");
  command.add_option("--tls-ca", options->tls.ca, "The authority that names services (PEM)")
      ->envname("CAFE_TLS_CA");
  command.add_flag("--insecure", options->tls.insecure,
                   "Plaintext, to a service that runs so; never in production");
}

absl::StatusOr<std::unique_ptr<v1::Withdrawal::Stub>> connect_withdrawal(
    const ServiceOptions& options) {
  if (options.withdrawal.empty()) {
    return protocol::invalid("NO_SERVICE",
                             "This command needs --withdrawal (or CAFE_WITHDRAWAL), host:port.");
  }
  const platform::TlsOptions& tls = options.tls;
  if (!tls.insecure && (tls.cert.empty() || tls.key.empty() || tls.ca.empty())) {
    return protocol::invalid("NO_CERTIFICATE",
                             "This command needs the operator's certificate: --tls-cert, --tls-key "
                             "and --tls-ca, as `cafectl tls init` makes them.");
  }
  CAFE_ASSIGN_OR_RETURN(const auto channel,
                        platform::connect(options.withdrawal, "withdrawal", tls));
  return v1::Withdrawal::NewStub(channel);
}

}  // namespace cafe::cafectl
