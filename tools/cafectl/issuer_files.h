// The folder of an issuer's keys and lists, as `cafectl issuer init` makes it:
//
//   master.key             the master key; keep it off line
//   trust.json             public: the master keys and manufacturers that are trusted, and the load
//                          keys that guardians get
//   withdrawal.key deposit.key coinstore.key enrolment.key recovery.key
//                          on-line signing keys with their certificates; each service gets its own
//                          only
//   load.key               signs loads of guardians' counters; the withdrawal service's
//   certificates/*.cert    the same certificates alone, public
//   denominations.secret   denomination keys and the withdrawal service's seed
//   lists/0001.list ...    the signed lists, public
#pragma once

#include <filesystem>

#include "libs/protocol/denomination.h"
#include "libs/storage/key_files.h"

namespace cafe::cafectl {

// The small file from which an issuer is made; see deploy/issuer.example.json.
struct IssuerConfig {
  struct Type {
    std::string currency;
    protocol::Kind kind;
    std::vector<uint64_t> slot_values;
    bool loadtest = false;  // anyone can make its coins: libs/protocol/loadtest_key.h
  };
  std::string issuer_id;
  std::vector<protocol::Limits> limits;
  std::vector<Type> types;
  uint64_t withdraw_days;
  uint64_t spend_days;    // after withdraw_until
  uint64_t deposit_days;  // after spend_until
  uint64_t claim_days;    // after deposit_until
  uint64_t key_days;      // validity of the on-line keys
};
// BAD_CONFIG with the name of the field that is wrong or unknown.
absl::StatusOr<IssuerConfig> load_issuer_config(const std::filesystem::path& path);

class IssuerFolder {
 public:
  explicit IssuerFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path file(std::string_view name) const { return folder_ / name; }

  // Makes all keys and the first list. ALREADY_EXISTS where the folder holds a master key.
  absl::Status create(const IssuerConfig& config, uint64_t now_s, protocol::Rng& rng) const;

  // The newest list, checked under the master key.
  struct NewestList {
    protocol::SignedDocument document;
    protocol::DenominationList list;
  };
  absl::StatusOr<NewestList> newest_list() const;

  // Signs the next list: for each type of `config` a new denomination (new key) that opens when its
  // predecessor's withdrawal period ends (at once where there is none or its key is compromised);
  // `compromised` keys are reported; denominations whose claim period is over are left out. The key
  // file gets the new keys first.
  absl::StatusOr<NewestList> sign_next_list(const IssuerConfig& config,
                                            const std::vector<protocol::DenomId>& compromised,
                                            uint64_t now_s, protocol::Rng& rng) const;

  // Replaces an on-line key by a new one with a certificate of its own. What the old one signed
  // stays valid.
  absl::Status renew_online_key(const IssuerConfig& config, std::string_view purpose,
                                uint64_t now_s, protocol::Rng& rng) const;

  // Makes the key that signs loads, for an issuer that has none. KEY_EXISTS: it is never replaced,
  // since the guardians that are out know the old one only.
  absl::Status create_load_key(const std::string& issuer_id) const;

  // Trusts a manufacturer, another issuer, or the load key of an issuer that is trusted.
  absl::Status add_manufacturer(const protocol::Point& key) const;
  absl::Status add_issuer(const std::string& issuer_id, const protocol::Point& master_key) const;
  absl::Status add_load_key(const protocol::SignedDocument& certificate) const;

  absl::StatusOr<protocol::TrustAnchors> trust() const;
  absl::StatusOr<storage::TrustFile> trust_file() const;

 private:
  absl::Status create_online_key(const IssuerConfig& config, const protocol::SigningKey& master,
                                 std::string_view purpose, uint64_t now_s,
                                 protocol::Rng& rng) const;
  absl::Status save(const storage::TrustFile& trust) const;
  absl::StatusOr<NewestList> write_list(const protocol::DenominationList& list,
                                        const protocol::SigningKey& master) const;
  std::filesystem::path folder_;
};

}  // namespace cafe::cafectl
