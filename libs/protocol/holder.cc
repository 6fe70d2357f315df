#include "libs/protocol/holder.h"

#include <algorithm>

#include "libs/protocol/hash.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kCredentialLabel = "cafe/v1/holder-credential";
constexpr std::string_view kPayerLabel = "cafe/v1/identified-payer";
constexpr std::string_view kStatementLabel = "cafe/v1/identification";

// A frame of two signed documents.
absl::StatusOr<std::pair<SignedDocument, SignedDocument>> two_documents(std::string_view label,
                                                                        ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(label, bytes));
  CAFE_ASSIGN_OR_RETURN(ByteView first_bytes, in.field());
  CAFE_ASSIGN_OR_RETURN(ByteView second_bytes, in.field());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_ASSIGN_OR_RETURN(SignedDocument first, SignedDocument::decode(first_bytes));
  CAFE_ASSIGN_OR_RETURN(SignedDocument second, SignedDocument::decode(second_bytes));
  return std::make_pair(std::move(first), std::move(second));
}

template <typename Id>
Id id_from(std::string_view label, const AccountId& account) {
  const Bytes32 hash = digest(Frame(label).add(account));
  Id id{};
  std::copy_n(hash.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

Bytes encode_statement(std::string_view issuer_id, const AccountId& account,
                       const Bytes32& terms_digest) {
  return Frame(kStatementLabel).add(issuer_id).add(account).add(terms_digest).take();
}

}  // namespace

Bytes HolderCredential::encode() const {
  return Frame(kCredentialLabel).add(withdrawal_key.encode()).add(receipt.encode()).take();
}

absl::StatusOr<HolderCredential> HolderCredential::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(auto documents, two_documents(kCredentialLabel, bytes));
  return HolderCredential{std::move(documents.first), std::move(documents.second)};
}

absl::StatusOr<RegistrationReceipt> HolderCredential::open(const TrustAnchors& anchors) const {
  CAFE_ASSIGN_OR_RETURN(RegistrationReceipt registered, RegistrationReceipt::decode(receipt.frame));
  CAFE_ASSIGN_OR_RETURN(
      const KeyCertificate key,
      open_key_certificate(withdrawal_key, anchors, kPurposeWithdrawal, registered.time_s));
  if (key.issuer_id != registered.issuer_id) {
    return invalid("WRONG_ISSUER", "The receipt and its signer's key are of different issuers.");
  }
  CAFE_RETURN_IF_ERROR(receipt.check(key.key));
  return registered;
}

PayeeId holder_payee_id(const AccountId& account) {
  return id_from<PayeeId>("cafe/v1/holder-payee", account);
}

TerminalId holder_terminal_id(const AccountId& account) {
  return id_from<TerminalId>("cafe/v1/holder-terminal", account);
}

Identification Identification::make(const HolderCredential& credential, std::string_view issuer_id,
                                    const AccountId& account, const Bytes32& terms_digest,
                                    const SigningKey& account_key) {
  return {credential,
          SignedDocument::sign(encode_statement(issuer_id, account, terms_digest), account_key)};
}

Bytes Identification::encode() const {
  return Frame(kPayerLabel).add(credential.encode()).add(statement.encode()).take();
}

absl::StatusOr<Identification> Identification::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kPayerLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(ByteView credential_bytes, in.field());
  CAFE_ASSIGN_OR_RETURN(ByteView statement_bytes, in.field());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_ASSIGN_OR_RETURN(HolderCredential credential, HolderCredential::decode(credential_bytes));
  CAFE_ASSIGN_OR_RETURN(SignedDocument statement, SignedDocument::decode(statement_bytes));
  return Identification{std::move(credential), std::move(statement)};
}

absl::StatusOr<AccountId> check_identification(const Identification& identification,
                                               std::string_view issuer_id,
                                               const Bytes32& terms_digest,
                                               const TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(const RegistrationReceipt registered,
                        identification.credential.open(anchors));
  if (registered.issuer_id != issuer_id) {
    return refused("WRONG_ISSUER",
                   "The payer's account is not with the issuer of the coins; who pays above its "
                   "limit identifies herself there.");
  }
  // There is one writing of what is stated, so the bytes are compared.
  const Bytes stated = encode_statement(issuer_id, registered.account, terms_digest);
  if (identification.statement.frame != stated) {
    return refused("WRONG_TERMS", "The payer's identification is for another payment.");
  }
  CAFE_RETURN_IF_ERROR(identification.statement.check(registered.K));
  return registered.account;
}

}  // namespace cafe::protocol
