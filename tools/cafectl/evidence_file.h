// A case as a file that anyone can check: JSON, every leaf of which is covered by the check. Binary
// values in lower-case hexadecimal. See docs/reference.md for the fields.
#pragma once

#include <string>

#include "libs/protocol/case_file.h"
#include "tools/cafectl/output.h"

namespace cafe::cafectl {

Json to_evidence(const protocol::SignedCase& signed_case);

// BAD_EVIDENCE where a field is missing, unknown or malformed. The result is what the file says;
// protocol::verify_case judges it.
absl::StatusOr<protocol::SignedCase> parse_evidence(std::string_view text);

}  // namespace cafe::cafectl
