// The names of accounts that several services and the audit post to or compare.
#pragma once

#include <string>
#include <string_view>

#include "libs/protocol/hash.h"
#include "libs/storage/ledger.h"

namespace cafe::storage {

// Where an issuer's loads lie until cheques of it are deposited: kind 'cheques', one for each
// currency, owned by SHA-256 of the issuer id.
inline AccountRef cheques_account(std::string_view issuer_id, std::string_view currency) {
  return {std::string(account_kind::kCheques),
          protocol::to_bytes(protocol::sha256(protocol::view_of(issuer_id))),
          std::string(currency)};
}

}  // namespace cafe::storage
