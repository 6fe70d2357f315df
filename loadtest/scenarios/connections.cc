#include "loadtest/scenarios/connections.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include "absl/time/clock.h"
#include "libs/platform/grpc_status.h"
#include "libs/platform/identity.h"
#include "libs/platform/tls.h"
#include "libs/protocol/status.h"

namespace cafe::loadtest {

namespace {
constexpr int kMaxMessageBytes = 8 << 20;  // as servers have it
}  // namespace

struct Connections::Call {
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  Answered answered;
};

grpc::ByteBuffer to_buffer(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return {&slice, 1};
}

absl::StatusOr<std::unique_ptr<Connections>> Connections::open(const ConnectionOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto credentials, platform::channel_credentials(options.tls));
  std::unique_ptr<Connections> out(new Connections(options.timeout));
  for (uint32_t i = 0; i < options.connections; ++i) {
    grpc::ChannelArguments arguments;
    if (!options.tls.insecure) {
      arguments.SetSslTargetNameOverride(platform::service_dns_name(options.service));
    }
    arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
    arguments.SetMaxSendMessageSize(kMaxMessageBytes);
    // Channels to one address share their connection unless each keeps a pool of its own.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    out->channels_.push_back(grpc::CreateCustomChannel(options.address, credentials, arguments));
    out->stubs_.push_back(
        std::make_unique<grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>>(
            out->channels_.back()));
  }
  return out;
}

Connections::~Connections() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return under_way_ == 0; });
}

absl::Status Connections::wait_ready(absl::Duration patience) {
  const auto deadline = absl::ToChronoTime(absl::Now() + patience);
  for (const auto& channel : channels_) {
    if (!channel->WaitForConnected(deadline)) {
      return protocol::make_error(absl::StatusCode::kUnavailable, "NOT_CONNECTED",
                                  "The service cannot be reached: is it running there, and is "
                                  "--tls-ca the authority that names it?");
    }
  }
  return absl::OkStatus();
}

void Connections::call(const std::string& method, grpc::ByteBuffer request, Answered answered) {
  auto* call = new Call;
  call->context.set_deadline(absl::ToChronoTime(absl::Now() + timeout_));
  call->request.Swap(&request);
  call->answered = std::move(answered);
  {
    const std::lock_guard lock(mutex_);
    ++under_way_;
  }
  const size_t at = next_.fetch_add(1, std::memory_order_relaxed) % stubs_.size();
  stubs_[at]->UnaryCall(&call->context, method, {}, &call->request, &call->response,
                        [this, call](const grpc::Status& status) {
                          const std::unique_ptr<Call> owned(call);
                          owned->answered(platform::from_grpc(status, owned->context),
                                          owned->response);
                          // Told under the lock: without it the destructor could be through
                          // before it is told.
                          const std::lock_guard lock(mutex_);
                          if (--under_way_ == 0) idle_.notify_all();
                        });
}

Outcome outcome_of(const absl::Status& status) {
  const std::string reason = protocol::reason_of(status);
  return {.fate = absl::IsResourceExhausted(status) ? Fate::kRefused : Fate::kFailed,
          .items = 0,
          .reason = reason.empty() ? absl::StatusCodeToString(status.code()) : reason};
}

}  // namespace cafe::loadtest
