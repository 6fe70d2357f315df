#include "tests/integration/flood.h"

#include <chrono>
#include <fstream>
#include <sstream>

namespace cafe::testing {
namespace {

// Well below the services' queues, which refuse what is too much.
constexpr size_t kAtOnce = 256;
constexpr auto kDeadline = std::chrono::seconds(30);

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

std::shared_ptr<grpc::Channel> open_channel(const Cluster& cluster, const std::string& service,
                                            const std::string& caller) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = read_file(cluster.file("tls/ca.pem"));
  if (!caller.empty()) {
    tls.pem_cert_chain = read_file(cluster.file("tls/" + caller + ".pem"));
    tls.pem_private_key = read_file(cluster.file("tls/" + caller + ".key"));
  }
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(service + ".cafe.internal");
  arguments.SetMaxReceiveMessageSize(-1);
  // Channels with the same arguments share connections, and so callers, unless told otherwise.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(cluster.address(service), grpc::SslCredentials(tls), arguments);
}

struct Call {
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer answer;
  grpc::Status status;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
};

void note(const Call& call, Answers& answers) {
  ++answers.codes[call.status.error_code()];
  if (call.status.ok()) return;
  const auto& trailers = call.context.GetServerTrailingMetadata();
  const auto reason = trailers.find("cafe-reason");
  if (reason != trailers.end()) {
    ++answers.reasons[std::string(reason->second.begin(), reason->second.end())];
  } else if (trailers.contains("cafe-request-id")) {
    ++answers.without_reason;
  }
}

}  // namespace

uint64_t Answers::all() const {
  uint64_t sum = 0;
  for (const auto& [code, count] : codes) sum += count;
  return sum;
}

void Answers::add(const Answers& other) {
  for (const auto& [code, count] : other.codes) codes[code] += count;
  for (const auto& [reason, count] : other.reasons) reasons[reason] += count;
  without_reason += other.without_reason;
}

uint64_t Answers::faults() const {
  uint64_t sum = 0;
  for (const grpc::StatusCode code :
       {grpc::INTERNAL, grpc::UNKNOWN, grpc::DATA_LOSS, grpc::UNAVAILABLE, grpc::CANCELLED,
        grpc::DEADLINE_EXCEEDED, grpc::RESOURCE_EXHAUSTED, grpc::ABORTED}) {
    if (const auto found = codes.find(code); found != codes.end()) sum += found->second;
  }
  return sum;
}

std::string Answers::text() const {
  std::ostringstream out;
  for (const auto& [code, count] : codes) out << "code " << code << ": " << count << "  ";
  for (const auto& [reason, count] : reasons) out << reason << ": " << count << "  ";
  return out.str();
}

Flood::Flood(const Cluster& cluster, const std::string& service, const std::string& caller)
    : channel_(open_channel(cluster, service, caller)), stub_(channel_) {}

Answers Flood::send(const std::string& method, size_t count,
                    const std::function<std::string(size_t)>& request) {
  grpc::CompletionQueue queue;
  Answers answers;
  size_t started = 0;
  const auto start = [&] {
    auto call = std::make_unique<Call>();
    const std::string bytes = request(started++);
    const grpc::Slice slice(bytes);
    call->request = grpc::ByteBuffer(&slice, 1);
    call->context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    call->reader = stub_.PrepareUnaryCall(&call->context, method, call->request, &queue);
    call->reader->StartCall();
    Call* const tag = call.release();  // owned by the queue until it comes back
    tag->reader->Finish(&tag->answer, &tag->status, tag);
  };
  while (started < std::min(kAtOnce, count)) start();
  void* tag = nullptr;
  bool ok = false;
  for (size_t done = 0; done < count && queue.Next(&tag, &ok); ++done) {
    const std::unique_ptr<Call> call(static_cast<Call*>(tag));
    note(*call, answers);
    if (started < count) start();
  }
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return answers;
}

bool Flood::serving() {
  grpc::CompletionQueue queue;
  Call call;
  const grpc::Slice empty;  // HealthCheckRequest{}: the server as a whole
  call.request = grpc::ByteBuffer(&empty, 1);
  call.context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  call.reader =
      stub_.PrepareUnaryCall(&call.context, "/grpc.health.v1.Health/Check", call.request, &queue);
  call.reader->StartCall();
  call.reader->Finish(&call.answer, &call.status, &call);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  grpc::Slice slice;
  if (!call.status.ok() || !call.answer.DumpToSingleSlice(&slice).ok()) return false;
  // HealthCheckResponse{status: SERVING}: field 1, varint 1.
  return std::string(slice.begin(), slice.end()) == std::string("\x08\x01", 2);
}

}  // namespace cafe::testing
