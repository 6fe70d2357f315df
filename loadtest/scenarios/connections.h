// Calls to one service over several connections, without a thread a call: requests as the bytes
// that travel, so that recorded ones are sent as they are.
//
//   CAFE_ASSIGN_OR_RETURN(auto deposit, Connections::open({.address = ..., .service = "deposit"}));
//   CAFE_RETURN_IF_ERROR(deposit->wait_ready());
//   deposit->call("/cafe.v1.Deposit/Deposit", request, [](absl::Status status, auto& answer) {
//     ...on one of gRPC's threads...
//   });
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/platform/service_options.h"
#include "libs/protocol/status.h"
#include "loadtest/engine.h"

namespace cafe::loadtest {

struct ConnectionOptions {
  std::string address;  // host:port
  std::string service;  // whom the server's certificate must name
  platform::TlsOptions tls{};
  uint32_t connections = 4;  // TCP connections, used in turn
  absl::Duration timeout = absl::Seconds(30);
};

// A serialized message as gRPC sends it.
grpc::ByteBuffer to_buffer(std::string_view bytes);
template <typename Message>
grpc::ByteBuffer serialize(const Message& message) {
  return to_buffer(message.SerializeAsString());
}
// INTERNAL (PEER_ANSWER) where it is no `Message`.
template <typename Message>
absl::StatusOr<Message> parse(grpc::ByteBuffer& buffer) {
  Message message;
  if (!grpc::SerializationTraits<Message>::Deserialize(&buffer, &message).ok()) {
    return protocol::make_error(absl::StatusCode::kInternal, "PEER_ANSWER",
                                "The service answered something that cannot be read.");
  }
  return message;
}

class Connections {
 public:
  using Answered = std::function<void(const absl::Status& status, grpc::ByteBuffer& answer)>;

  static absl::StatusOr<std::unique_ptr<Connections>> open(const ConnectionOptions& options);
  // Waits for all calls under way.
  ~Connections();

  // Until every connection is made. UNAVAILABLE (NOT_CONNECTED) after `patience`.
  absl::Status wait_ready(absl::Duration patience = absl::Seconds(15));

  // Starts a call and returns. `answered` is called once, on one of gRPC's threads, with the
  // service's own reason in the status. Thread-safe.
  void call(const std::string& method, grpc::ByteBuffer request, Answered answered);

  // The same, and waits: for preparations.
  template <typename Response, typename Request>
  absl::StatusOr<Response> ask(const std::string& method, const Request& request) {
    std::promise<absl::StatusOr<Response>> answer;
    call(method, serialize(request), [&](const absl::Status& status, grpc::ByteBuffer& bytes) {
      answer.set_value(status.ok() ? parse<Response>(bytes) : absl::StatusOr<Response>(status));
    });
    return answer.get_future().get();
  }

 private:
  struct Call;
  explicit Connections(absl::Duration timeout) : timeout_(timeout) {}

  const absl::Duration timeout_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>>>
      stubs_;
  std::atomic<uint64_t> next_ = 0;
  std::mutex mutex_;
  std::condition_variable idle_;
  uint64_t under_way_ = 0;  // calls; under mutex_
};

// What the engine counts a failed call as: back-pressure, or a failure with its reason (the code's
// name where the service gave none).
Outcome outcome_of(const absl::Status& status);

}  // namespace cafe::loadtest
