#include "libs/protocol/credentials.h"

namespace cafe::protocol {

namespace {

absl::Status check_dates(uint64_t valid_from, uint64_t valid_until, std::optional<uint64_t> at_s) {
  if (at_s && (*at_s < valid_from || *at_s >= valid_until)) {
    return make_error(absl::StatusCode::kUnauthenticated, "KEY_EXPIRED",
                      "A certificate is not valid at this time: renew it, or set the clock.");
  }
  return absl::OkStatus();
}

}  // namespace

Bytes KeyCertificate::encode() const {
  return Frame("cafe/v1/key")
      .add(issuer_id)
      .add(purpose)
      .add(key)
      .add_u64(valid_from)
      .add_u64(valid_until)
      .take();
}

absl::StatusOr<KeyCertificate> KeyCertificate::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/key", bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(std::string purpose, in.text());
  CAFE_ASSIGN_OR_RETURN(Point key, in.point());
  CAFE_ASSIGN_OR_RETURN(uint64_t valid_from, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t valid_until, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  return KeyCertificate{std::move(issuer_id), std::move(purpose), key, valid_from, valid_until};
}

absl::StatusOr<Point> TrustAnchors::master_key(std::string_view issuer_id) const {
  const auto found = master_keys.find(std::string(issuer_id));
  if (found == master_keys.end()) {
    return make_error(absl::StatusCode::kUnauthenticated, "UNKNOWN_ISSUER",
                      "No master key is known for the issuer that a document names.");
  }
  return found->second;
}

absl::StatusOr<KeyCertificate> open_key_certificate(const SignedDocument& document,
                                                    const TrustAnchors& anchors,
                                                    std::string_view purpose,
                                                    std::optional<uint64_t> at_s) {
  CAFE_ASSIGN_OR_RETURN(KeyCertificate certificate, KeyCertificate::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(Point master_key, anchors.master_key(certificate.issuer_id));
  CAFE_RETURN_IF_ERROR(document.check(master_key));
  if (certificate.purpose != purpose) {
    return make_error(absl::StatusCode::kUnauthenticated, "WRONG_PURPOSE",
                      "A key is certified for another purpose than it was used for.");
  }
  CAFE_RETURN_IF_ERROR(check_dates(certificate.valid_from, certificate.valid_until, at_s));
  return certificate;
}

Bytes TerminalCertificate::encode() const {
  return Frame("cafe/v1/terminal")
      .add(acquirer_id)
      .add(payee_id)
      .add(terminal_id)
      .add(key)
      .add(payee_name)
      .add_u64(valid_from)
      .add_u64(valid_until)
      .take();
}

absl::StatusOr<TerminalCertificate> TerminalCertificate::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/terminal", bytes));
  CAFE_ASSIGN_OR_RETURN(std::string acquirer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(PayeeId payee_id, in.id<PayeeId>());
  CAFE_ASSIGN_OR_RETURN(TerminalId terminal_id, in.id<TerminalId>());
  CAFE_ASSIGN_OR_RETURN(Point key, in.point());
  CAFE_ASSIGN_OR_RETURN(std::string payee_name, in.text());
  CAFE_ASSIGN_OR_RETURN(uint64_t valid_from, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t valid_until, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  return TerminalCertificate{std::move(acquirer_id), payee_id,   terminal_id, key,
                             std::move(payee_name),  valid_from, valid_until};
}

Bytes TerminalCredential::encode() const {
  return Frame("cafe/v1/terminal-credential")
      .add(enrolment_key.encode())
      .add(terminal.encode())
      .take();
}

absl::StatusOr<TerminalCredential> TerminalCredential::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/terminal-credential", bytes));
  CAFE_ASSIGN_OR_RETURN(ByteView key_field, in.field());
  CAFE_ASSIGN_OR_RETURN(ByteView terminal_field, in.field());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_ASSIGN_OR_RETURN(SignedDocument key, SignedDocument::decode(key_field));
  CAFE_ASSIGN_OR_RETURN(SignedDocument terminal, SignedDocument::decode(terminal_field));
  return TerminalCredential{std::move(key), std::move(terminal)};
}

absl::StatusOr<TerminalCertificate> TerminalCredential::open(const TrustAnchors& anchors,
                                                             std::optional<uint64_t> at_s) const {
  CAFE_ASSIGN_OR_RETURN(KeyCertificate enrolment,
                        open_key_certificate(enrolment_key, anchors, kPurposeEnrolment, at_s));
  CAFE_RETURN_IF_ERROR(terminal.check(enrolment.key));
  CAFE_ASSIGN_OR_RETURN(TerminalCertificate certificate,
                        TerminalCertificate::decode(terminal.frame));
  if (certificate.acquirer_id != enrolment.issuer_id) {
    return make_error(absl::StatusCode::kUnauthenticated, "WRONG_ACQUIRER",
                      "A terminal's certificate was signed by another acquirer than it names.");
  }
  CAFE_RETURN_IF_ERROR(check_dates(certificate.valid_from, certificate.valid_until, at_s));
  return certificate;
}

Bytes GuardianCertificate::encode() const {
  return Frame("cafe/v1/guardian").add(serial).add(A_O).add(A_Q).take();
}

absl::StatusOr<GuardianCertificate> GuardianCertificate::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/guardian", bytes));
  CAFE_ASSIGN_OR_RETURN(Serial serial, in.id<Serial>());
  CAFE_ASSIGN_OR_RETURN(Point A_O, in.point());
  CAFE_ASSIGN_OR_RETURN(Point A_Q, in.point());
  CAFE_RETURN_IF_ERROR(in.finish());
  return GuardianCertificate{serial, A_O, A_Q};
}

absl::StatusOr<GuardianCertificate> open_guardian_certificate(const SignedDocument& document,
                                                              const TrustAnchors& anchors) {
  const bool known = std::any_of(anchors.manufacturer_keys.begin(), anchors.manufacturer_keys.end(),
                                 [&](const Point& key) { return document.check(key).ok(); });
  if (!known) {
    return make_error(absl::StatusCode::kUnauthenticated, "UNKNOWN_MANUFACTURER",
                      "No known manufacturer signed this guardian's certificate.");
  }
  return GuardianCertificate::decode(document.frame);
}

}  // namespace cafe::protocol
