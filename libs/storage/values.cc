#include "libs/storage/values.h"

#include <charconv>

#include "libs/storage/rows_data.h"

namespace cafe::storage {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  throw ColumnError("the column is not a bytea");
}

/// The server sends a bytea as \x and two digits a byte (bytea_output = hex, set for each session).
std::string_view hex_digits(std::string_view raw) {
  if (!raw.starts_with("\\x") || raw.size() % 2 != 0)
    throw ColumnError("the column is not a bytea");
  return raw.substr(2);
}

void decode(std::string_view digits, std::span<uint8_t> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<uint8_t>(hex_digit(digits[2 * i]) << 4 | hex_digit(digits[2 * i + 1]));
  }
}

}  // namespace

bool Row::is_null(int column) const {
  if (index_ < 0 || index_ >= static_cast<int>(data_->result.size()))
    throw ColumnError("there is no such row");
  if (column < 0 || column >= static_cast<int>(data_->result.columns()))
    throw ColumnError("there is no such column");
  return data_->result[index_][column].is_null();
}

std::string_view Row::raw(int column) const {
  if (is_null(column)) throw ColumnError("the column is NULL; ask for an optional");
  const auto field = data_->result[index_][column];
  return {field.c_str(), static_cast<size_t>(field.size())};
}

int64_t Row::integer(int column) const {
  const std::string_view digits = raw(column);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size())
    throw ColumnError("the column is not an integer of 64 bits");
  return value;
}

bool Row::boolean(int column) const {
  const std::string_view value = raw(column);
  if (value != "t" && value != "f") throw ColumnError("the column is not a boolean");
  return value == "t";
}

std::string_view Row::text(int column) const { return raw(column); }

std::vector<uint8_t> Row::bytes(int column) const {
  const std::string_view digits = hex_digits(raw(column));
  std::vector<uint8_t> out(digits.size() / 2);
  decode(digits, out);
  return out;
}

void Row::copy_bytes(int column, std::span<uint8_t> out) const {
  const std::string_view digits = hex_digits(raw(column));
  if (digits.size() != 2 * out.size()) throw ColumnError("the bytea has another length");
  decode(digits, out);
}

Rows::Rows(std::shared_ptr<const Row::Data> data)
    : data_(std::move(data)), size_(static_cast<int>(data_->result.size())) {}

int64_t Rows::affected() const { return static_cast<int64_t>(data_->result.affected_rows()); }

Row Rows::front() const {
  if (empty()) throw ColumnError("the statement returned no row");
  return (*this)[0];
}

}  // namespace cafe::storage
