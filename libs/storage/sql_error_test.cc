#include "libs/storage/sql_error.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "libs/protocol/status.h"
#include "libs/storage/postgres.h"

namespace cafe::storage {
namespace {

using protocol::reason_of;

TEST(SqlError, TakesAServerMessageApart) {
  const ServerMessage message = parse_server_message(
      "ERROR:  23505: duplicate key value violates unique constraint \"t_pkey\"\n"
      "DETAIL:  Key (id)=(secret) already exists.\nSCHEMA NAME:  public\nTABLE NAME:  t\n"
      "CONSTRAINT NAME:  t_pkey\nLOCATION:  _bt_check_unique, nbtinsert.c:666\n");
  EXPECT_EQ(message.sqlstate, "23505");
  EXPECT_EQ(message.primary, "duplicate key value violates unique constraint \"t_pkey\"");
  EXPECT_EQ(message.constraint, "t_pkey");
}

TEST(SqlError, ReadsTranslatedMessagesAndPrefixes) {
  EXPECT_EQ(parse_server_message("FEHLER:  40001: konnte nicht").sqlstate, "40001");
  EXPECT_EQ(parse_server_message("Failure during 's1': ERROR:  40P01: deadlock").sqlstate, "40P01");
  EXPECT_EQ(parse_server_message("server closed the connection unexpectedly\n\tmore").sqlstate, "");
  EXPECT_EQ(parse_server_message("ERROR:  23: short").sqlstate, "");
  EXPECT_EQ(parse_server_message("").primary, "");
}

TEST(SqlError, ARowsTextCannotPassForAConstraint) {
  const ServerMessage message = parse_server_message(
      "ERROR:  23505: duplicate\nDETAIL:  Key (a)=(x\nCONSTRAINT NAME:  forged\n)\n"
      "CONSTRAINT NAME:  real\nLOCATION:  here\n");
  EXPECT_EQ(message.constraint, "real");
}

TEST(SqlError, AnExceptionThatIsNotTheDatabasesKeepsItsTextToItself) {
  const SqlError error = classify(std::runtime_error("private key 0123"));
  EXPECT_EQ(error.status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(reason_of(error.status), "EXCEPTION");
  EXPECT_EQ(error.status.message().find("0123"), absl::string_view::npos);
  EXPECT_FALSE(error.retryable || error.broken || error.in_doubt);
}

TEST(SqlError, StatusesWithoutConstraintNameNone) {
  EXPECT_EQ(constraint_of(absl::OkStatus()), "");
  EXPECT_EQ(constraint_of(absl::InternalError("x")), "");
}

}  // namespace
}  // namespace cafe::storage
