// Makes certificate authorities and certificates for tests, in memory and on the spot: none is ever
// committed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "libs/platform/service_options.h"

namespace cafe::platform::testdata {

struct KeyAndCertificate {
  std::string key_pem;
  std::string certificate_pem;
};

KeyAndCertificate make_ca(const std::string& common_name);

// `subject_alternative_names` as OpenSSL writes them: "DNS:deposit.cafe.internal".
KeyAndCertificate make_certificate(const KeyAndCertificate& ca, const std::string& common_name,
                                   const std::vector<std::string>& subject_alternative_names);

// Writes the files <name>.{key,cert,ca}.pem into `folder` and returns where they are.
TlsOptions write_tls_files(const std::filesystem::path& folder, const std::string& name,
                           const KeyAndCertificate& own, const KeyAndCertificate& ca);

// A folder of its own that is removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& content) const;

 private:
  std::filesystem::path path_;
};

}  // namespace cafe::platform::testdata
