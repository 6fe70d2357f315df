// Requests that were made before they are due, on disk: hundreds of thousands do not fit in memory
// beside the database that is measured. A file that is kept can be sent again (--save, --replay).
//
// The file: "CAFELOAD2\n", then records of u32 length ‖ bytes, big-endian. The first is the header,
// frame("cafe/loadtest/requests", issuer id, u32 payments a request, digest of the denomination
// list, terminal ids ‖, u64 made_ms, mix); each other one is a request:
//   u32 count ‖ count × (u8 role ‖ u8 fault ‖ u8 money ‖ u64 pair) ‖ the request's bytes
// with one entry for each payment (loadtest/generator/payment_mill.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libs/protocol/frame.h"
#include "loadtest/generator/payment_mill.h"

namespace cafe::loadtest {

struct RequestFileHeader {
  std::string issuer_id;
  uint32_t payments = 0;  // in each request
  protocol::Bytes32 list_digest{};
  std::vector<protocol::TerminalId> terminals;
  uint64_t made_ms = 0;
  MoneyMix mix{};

  protocol::Bytes encode() const;
  static absl::StatusOr<RequestFileHeader> decode(protocol::ByteView bytes);
};

struct PlannedRole {
  Role role;
  Fault fault;
  Money money;
  uint64_t pair;
};

struct RecordedRequest {
  std::vector<PlannedRole> roles;
  std::string bytes;
};

// One writer, then any number of readers at once.
class RequestFile {
 public:
  // A new file at `path`, or for an empty path one without a name in $TMPDIR, which is gone with
  // the process. Errors: FILE_UNUSABLE.
  static absl::StatusOr<std::unique_ptr<RequestFile>> create(const std::string& path,
                                                             const RequestFileHeader& header);
  // Opens one that was kept. Errors: BAD_FILE, also for one of another version; FILE_UNUSABLE.
  static absl::StatusOr<std::unique_ptr<RequestFile>> open(const std::string& path);
  ~RequestFile();

  const RequestFileHeader& header() const { return header_; }
  // FAILED_PRECONDITION REPLAY_MISMATCH, with what differs, where the file was not made for this
  // issuer with these terminals.
  absl::Status check_fits(const RequestFileHeader& here) const;

  absl::Status append(const RecordedRequest& request);
  // Until what was appended is on disk: writing it back later would take the disk's time from the
  // database's.
  absl::Status sync();

  uint64_t size() const { return offsets_.size(); }
  // Request number i < size().
  absl::StatusOr<RecordedRequest> read(uint64_t i) const;

 private:
  RequestFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  absl::Status append_record(protocol::ByteView record);
  absl::StatusOr<protocol::Bytes> read_record(uint64_t offset) const;

  const int fd_;
  const std::string path_;
  RequestFileHeader header_;
  std::vector<uint64_t> offsets_;
  uint64_t end_ = 0;
};

}  // namespace cafe::loadtest
