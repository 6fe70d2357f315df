#include "loadtest/scenarios/request_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace cafe::loadtest {

using protocol::Bytes;
using protocol::ByteView;
using protocol::decode_u32;
using protocol::decode_u64;
using protocol::encode_u32;
using protocol::encode_u64;

namespace {

constexpr std::string_view kMagic = "CAFELOAD2\n";
constexpr std::string_view kHeaderLabel = "cafe/loadtest/requests";
constexpr size_t kEntrySize = 11;
constexpr uint32_t kMaxRecord = 16 << 20;

absl::Status unusable(const std::string& path, const std::string& what) {
  return protocol::make_error(absl::StatusCode::kUnavailable, "FILE_UNUSABLE",
                              path + ": " + what + ": " + std::strerror(errno) + ".");
}

absl::Status bad_file(const std::string& path) {
  return protocol::invalid("BAD_FILE", path + " is no whole file of recorded requests.");
}

absl::Status write_all(int fd, ByteView bytes, uint64_t offset, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return unusable(path, "cannot write");
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return absl::OkStatus();
}

// False at the end of the file.
absl::StatusOr<bool> read_all(int fd, protocol::MutableByteView out, uint64_t offset,
                              const std::string& path) {
  while (!out.empty()) {
    const ssize_t n = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unusable(path, "cannot read");
    if (n == 0) return false;
    out = out.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return true;
}

}  // namespace

Bytes RequestFileHeader::encode() const {
  Bytes ids;
  for (const protocol::TerminalId& id : terminals) protocol::append(ids, id);
  return protocol::Frame(kHeaderLabel)
      .add(issuer_id)
      .add_u32(payments)
      .add(list_digest)
      .add(ids)
      .add_u64(made_ms)
      .add(mix.text())
      .take();
}

absl::StatusOr<RequestFileHeader> RequestFileHeader::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(protocol::FrameReader in, protocol::FrameReader::open(kHeaderLabel, bytes));
  RequestFileHeader out;
  CAFE_ASSIGN_OR_RETURN(out.issuer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(out.payments, in.u32());
  CAFE_ASSIGN_OR_RETURN(out.list_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(const ByteView ids, in.field());
  CAFE_ASSIGN_OR_RETURN(const size_t count,
                        protocol::count_items(ids, protocol::TerminalId::kSize, 65'536));
  for (size_t i = 0; i < count; ++i) {
    CAFE_ASSIGN_OR_RETURN(const auto id,
                          protocol::TerminalId::decode(ids.subspan(i * protocol::TerminalId::kSize,
                                                                   protocol::TerminalId::kSize)));
    out.terminals.push_back(id);
  }
  CAFE_ASSIGN_OR_RETURN(out.made_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(const std::string mix, in.text());
  CAFE_ASSIGN_OR_RETURN(out.mix, MoneyMix::parse(mix));
  CAFE_RETURN_IF_ERROR(in.finish());
  return out;
}

absl::StatusOr<std::unique_ptr<RequestFile>> RequestFile::create(const std::string& path,
                                                                 const RequestFileHeader& header) {
  int fd = -1;
  std::string name = path;
  if (path.empty()) {
    const char* folder = std::getenv("TMPDIR");
    name = std::string(folder == nullptr ? "/tmp" : folder) + "/cafe-loadtest-XXXXXX";
    fd = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd >= 0) ::unlink(name.c_str());
  } else {
    fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  }
  if (fd < 0) return unusable(name, "cannot make the file");
  std::unique_ptr<RequestFile> file(new RequestFile(fd, name));
  file->header_ = header;
  CAFE_RETURN_IF_ERROR(write_all(fd, protocol::view_of(kMagic), 0, name));
  file->end_ = kMagic.size();
  CAFE_RETURN_IF_ERROR(file->append_record(header.encode()));
  return file;
}

absl::StatusOr<std::unique_ptr<RequestFile>> RequestFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return unusable(path, "cannot open the file");
  std::unique_ptr<RequestFile> file(new RequestFile(fd, path));
  Bytes magic(kMagic.size());
  CAFE_ASSIGN_OR_RETURN(bool there, read_all(fd, magic, 0, path));
  if (!there || protocol::to_string(magic) != kMagic) return bad_file(path);
  CAFE_ASSIGN_OR_RETURN(const Bytes header, file->read_record(kMagic.size()));
  CAFE_ASSIGN_OR_RETURN(file->header_, RequestFileHeader::decode(header));
  const off_t size = ::lseek(fd, 0, SEEK_END);
  for (uint64_t at = kMagic.size() + 4 + header.size(); at < static_cast<uint64_t>(size);) {
    std::array<uint8_t, 4> length;
    CAFE_ASSIGN_OR_RETURN(there, read_all(fd, length, at, path));
    const uint64_t next = at + 4 + decode_u32(length);
    if (!there || next > static_cast<uint64_t>(size)) return bad_file(path);
    file->offsets_.push_back(at);
    at = next;
  }
  return file;
}

RequestFile::~RequestFile() { ::close(fd_); }

absl::Status RequestFile::check_fits(const RequestFileHeader& here) const {
  const auto mismatch = [&](const std::string& what) {
    return protocol::refused("REPLAY_MISMATCH", path_ + " cannot be replayed here: " + what);
  };
  if (header_.issuer_id != here.issuer_id) {
    return mismatch("it was made for the issuer " + header_.issuer_id + ".");
  }
  if (header_.list_digest != here.list_digest) {
    return mismatch("the issuer's denominations are others than when it was made.");
  }
  for (const protocol::TerminalId& id : header_.terminals) {
    if (std::find(here.terminals.begin(), here.terminals.end(), id) == here.terminals.end()) {
      return mismatch("its payments were made at the terminal " + id.hex() +
                      ", which is not among the --terminal files.");
    }
  }
  return absl::OkStatus();
}

absl::Status RequestFile::append_record(ByteView record) {
  Bytes framed;
  framed.reserve(4 + record.size());
  protocol::append(framed, encode_u32(static_cast<uint32_t>(record.size())));
  protocol::append(framed, record);
  CAFE_RETURN_IF_ERROR(write_all(fd_, framed, end_, path_));
  end_ += framed.size();
  return absl::OkStatus();
}

absl::Status RequestFile::append(const RecordedRequest& request) {
  Bytes record;
  record.reserve(4 + request.roles.size() * kEntrySize + request.bytes.size());
  protocol::append(record, encode_u32(static_cast<uint32_t>(request.roles.size())));
  for (const PlannedRole& planned : request.roles) {
    record.push_back(static_cast<uint8_t>(planned.role));
    record.push_back(static_cast<uint8_t>(planned.fault));
    record.push_back(static_cast<uint8_t>(planned.money));
    protocol::append(record, encode_u64(planned.pair));
  }
  protocol::append(record, protocol::view_of(request.bytes));
  offsets_.push_back(end_);
  return append_record(record);
}

absl::Status RequestFile::sync() {
  return ::fdatasync(fd_) == 0 ? absl::OkStatus() : unusable(path_, "cannot write to disk");
}

absl::StatusOr<Bytes> RequestFile::read_record(uint64_t offset) const {
  std::array<uint8_t, 4> length;
  CAFE_ASSIGN_OR_RETURN(bool there, read_all(fd_, length, offset, path_));
  if (!there || decode_u32(length) > kMaxRecord) return bad_file(path_);
  Bytes record(decode_u32(length));
  CAFE_ASSIGN_OR_RETURN(there, read_all(fd_, record, offset + 4, path_));
  if (!there) return bad_file(path_);
  return record;
}

absl::StatusOr<RecordedRequest> RequestFile::read(uint64_t i) const {
  CAFE_ASSIGN_OR_RETURN(const Bytes record, read_record(offsets_.at(i)));
  const ByteView view(record);
  if (view.size() < 4) return bad_file(path_);
  const size_t count = decode_u32(view.first<4>());
  if (view.size() < 4 + count * kEntrySize) return bad_file(path_);
  RecordedRequest out;
  out.roles.reserve(count);
  for (size_t k = 0; k < count; ++k) {
    const ByteView entry = view.subspan(4 + k * kEntrySize, kEntrySize);
    if (entry[0] > static_cast<uint8_t>(Role::kInvalid) ||
        entry[1] > static_cast<uint8_t>(Fault::kCount) || entry[2] >= kMoneyKinds) {
      return bad_file(path_);
    }
    out.roles.push_back({static_cast<Role>(entry[0]), static_cast<Fault>(entry[1]),
                         static_cast<Money>(entry[2]), decode_u64(entry.subspan(3).first<8>())});
  }
  out.bytes = protocol::to_string(view.subspan(4 + count * kEntrySize));
  return out;
}

}  // namespace cafe::loadtest
