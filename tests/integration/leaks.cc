#include "tests/integration/leaks.h"

#include <openssl/evp.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "libs/protocol/status.h"

namespace cafe::testing {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

std::string to_base64(const protocol::Bytes& bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes.data(),
                                     static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(length));
  while (out.ends_with('=')) out.pop_back();
  // The last digit also holds bits of whatever would follow.
  out.pop_back();
  return out;
}

// Every value of these names in a JSON file, however deep.
void collect(const std::string& what, const Json& json, std::vector<Secret>& out) {
  if (!json.is_structured()) return;
  for (const auto& [key, value] : json.items()) {
    if (value.is_string() && (key == "secret" || key == "seed" || key == "x")) {
      if (auto bytes = protocol::from_hex(value.get<std::string>()); bytes.ok())
        out.push_back({what + " " + key, *std::move(bytes)});
    }
    collect(what, value, out);
  }
}

// The private part of a PEM key: PKCS #8 holds it right after its head.
void collect_pem(const std::string& what, const std::string& pem, std::vector<Secret>& out) {
  std::string digits;
  std::istringstream lines(pem);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("-----")) digits += line;
  }
  protocol::Bytes bytes(digits.size());
  const int length =
      EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(digits.data()),
                      static_cast<int>(digits.size()));
  constexpr size_t kHead = 36;
  if (length < static_cast<int>(kHead + 32)) return;
  out.push_back({what, protocol::Bytes(bytes.begin() + kHead, bytes.begin() + kHead + 32)});
}

}  // namespace

std::vector<std::string> leaks_in(const std::string& where, const std::string& text,
                                  const std::vector<Secret>& secrets) {
  std::vector<std::string> out;
  for (const Secret& secret : secrets) {
    const std::string lower = protocol::to_hex(secret.bytes);
    std::string upper = lower;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    for (const std::string& form :
         {lower, upper, to_base64(secret.bytes), protocol::to_string(secret.bytes)}) {
      if (text.find(form) == std::string::npos) continue;
      out.push_back(where + " holds " + secret.what);
      break;
    }
  }
  return out;
}

absl::StatusOr<std::vector<Secret>> secrets_of(const Cluster& cluster) {
  std::vector<Secret> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(cluster.folder())) {
    const std::string name = entry.path().lexically_relative(cluster.folder());
    if (!entry.is_regular_file() || name.starts_with("log/")) continue;
    const std::string content = read_file(entry.path());
    if (content.find("PRIVATE KEY") != std::string::npos)
      collect_pem(name, content, out);
    else
      collect(name, Json::parse(content, nullptr, false), out);
  }
  // Master, five on-line keys, the load key, the manufacturer, seed and eight denominations, six of
  // TLS, shops.
  constexpr size_t kLeast = 1 + 5 + 1 + 1 + 1 + 8 + 6 + 1;
  CAFE_ASSIGN_OR_RETURN(const std::vector<std::string> coins,
                        cluster.texts("SELECT encode(coin_id, 'hex') FROM coinstore.spent UNION "
                                      "SELECT encode(coin_id, 'hex') FROM coinstore.claimed"));
  if (out.size() < kLeast || coins.empty())
    return protocol::make_error(absl::StatusCode::kInternal, "LEAKS",
                                "found only " + std::to_string(out.size()) + " keys and " +
                                    std::to_string(coins.size()) + " coins to look for");
  for (const std::string& coin : coins) {
    CAFE_ASSIGN_OR_RETURN(protocol::Bytes id, protocol::from_hex(coin));
    out.push_back({"the id of a coin", std::move(id)});
  }
  return out;
}

std::vector<std::string> leaks_of(Cluster& cluster) {
  const auto secrets = secrets_of(cluster);
  if (!secrets.ok()) return {secrets.status().ToString()};
  std::vector<std::string> out;
  const auto look = [&](const std::string& where, const std::string& text) {
    if (text.empty()) out.push_back(where + " is empty: nothing was looked at");
    const std::vector<std::string> found = leaks_in(where, text, *secrets);
    out.insert(out.end(), found.begin(), found.end());
  };
  for (const std::string name : kServices) {
    look("the log of " + name, cluster.log(name));
    look("/metrics of " + name, cluster.metrics(name).value_or(""));
  }
  look("the log of PostgreSQL", cluster.postgres().log());
  return out;
}

}  // namespace cafe::testing
