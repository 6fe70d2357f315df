#include "device-sim/host/channel.h"

#include <fstream>
#include <sstream>

#include "device-sim/host/backend.h"

namespace cafe::host {

namespace {

absl::StatusOr<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in) return protocol::invalid("NO_FILE", "Cannot read " + path + ".");
  return content.str();
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> open_channel(const std::string& address,
                                                            const std::string& service,
                                                            const BackendOptions& options,
                                                            Line line) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(8 << 20);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // How long one attempt may take, the TLS handshake included.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // Otherwise channels to one address share a connection; and TLS sessions are resumed only where a
  // cache of them is given, which none is.
  if (line == Line::kAlone) arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (options.tls_ca.empty()) {
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  }
  grpc::SslCredentialsOptions tls;
  CAFE_ASSIGN_OR_RETURN(tls.pem_root_certs, read_file(options.tls_ca));
  if (line == Line::kOperator && !options.operator_cert.empty()) {
    CAFE_ASSIGN_OR_RETURN(tls.pem_cert_chain, read_file(options.operator_cert));
    CAFE_ASSIGN_OR_RETURN(tls.pem_private_key, read_file(options.operator_key));
  }
  arguments.SetSslTargetNameOverride(service + ".cafe.internal");
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(tls), arguments);
}

absl::Status from_grpc(const grpc::Status& status, const grpc::ClientContext& context) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto reason = trailers.find("cafe-reason");
  return protocol::make_error(
      static_cast<absl::StatusCode>(status.error_code()),
      reason == trailers.end() ? "" : std::string(reason->second.begin(), reason->second.end()),
      status.error_message());
}

}  // namespace cafe::host
