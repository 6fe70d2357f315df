// Typed values that go into statements and come out of rows.
//
//   CAFE_ASSIGN_OR_RETURN(Rows rows, tx.query("SELECT n, name FROM t WHERE id = $1 AND n > $2",
//   id_bytes, 5)); for (Row row : rows) use(row.get<int64_t>(0),
//   row.get<std::optional<std::string>>(1));
//
// A bytea parameter travels in binary form: no escaping, and zeros are safe in it.
//
// Bulk inserts: do not loop over rows. Pack fixed-width records (big-endian) into one bytea
// parameter and unpack it in SQL; one statement, one plan, one round trip:
//
//   INSERT INTO t (id, slot)
//   SELECT substr($1::bytea, i * 36 + 1, 32), cafe.u32_at($1::bytea, i * 36 + 32)
//   FROM generate_series(0, octet_length($1::bytea) / 36 - 1) AS i
//
// Where the rows are many, arrays are faster (array_param.h).
//
// substr counts from 1, cafe.u32_at and cafe.u64_at (migrations/0001_roles.sql) count from 0.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace cafe::storage {

/// Thrown by Row's getters when a column is missing, NULL, or not of the type asked for: a mistake
/// in the program, not in the data. Database::transaction turns it into INTERNAL, reason
/// COLUMN_MISMATCH; so read rows inside it.
class ColumnError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// One parameter of a statement. It refers to the caller's memory: use it within the full
/// expression only.
class Param {
 public:
  /// What stands in for an unsigned value above 2^63-1, which no bigint holds: the statement fails,
  /// OUT_OF_RANGE.
  struct OutOfRange {};
  using Value = std::variant<std::nullopt_t, bool, int64_t, std::string_view,
                             std::span<const uint8_t>, OutOfRange>;

  Param(std::nullopt_t) : value_(std::nullopt) {}
  Param(bool value) : value_(value) {}
  template <std::integral T>
  requires(!std::same_as<T, bool> && !std::same_as<T, char>) Param(T value)
      : value_(from_integer(value)) {}
  Param(const char* text) : value_(std::string_view(text)) {}
  Param(std::string_view text) : value_(text) {}
  Param(const std::string& text) : value_(std::string_view(text)) {}
  Param(std::span<const uint8_t> bytes) : value_(bytes) {}
  Param(const std::vector<uint8_t>& bytes) : value_(std::span<const uint8_t>(bytes)) {}
  template <size_t N>
  Param(const std::array<uint8_t, N>& bytes) : value_(std::span<const uint8_t>(bytes)) {}
  template <typename T>
  Param(const std::optional<T>& value)
      : value_(value.has_value() ? Param(*value).value_ : Value(std::nullopt)) {}

  const Value& value() const { return value_; }

 private:
  template <typename T>
  static Value from_integer(T value) {
    if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(int64_t)) {
      if (value > static_cast<T>(INT64_MAX)) return OutOfRange{};
    }
    return static_cast<int64_t>(value);
  }

  Value value_;
};

/// One row of a result; valid as long as its Rows.
///
/// get<T>(column) for T = int64_t, int32_t, uint64_t, uint32_t (range-checked), bool, std::string,
/// std::string_view (text, a view into the Rows), std::vector<uint8_t> (bytea), std::array<uint8_t,
/// N> (bytea of exactly N bytes), and std::optional of each (NULL is nullopt). Columns count from
/// 0. Throws ColumnError.
class Row {
 public:
  struct Data;  // rows_data.h

  template <typename T>
  T get(int column) const;

  bool is_null(int column) const;
  int64_t integer(int column) const;
  bool boolean(int column) const;
  std::string_view text(int column) const;
  std::vector<uint8_t> bytes(int column) const;
  /// Writes a bytea of exactly out.size() bytes to `out`.
  void copy_bytes(int column, std::span<uint8_t> out) const;

 private:
  friend class Rows;
  Row(const Data* data, int index) : data_(data), index_(index) {}
  std::string_view raw(int column) const;

  const Data* data_;
  int index_;
};

/// The result of a statement: its rows, or how many rows it touched. Cheap to copy.
class Rows {
 public:
  class Iterator {
   public:
    Iterator(const Rows* rows, int index) : rows_(rows), index_(index) {}
    Row operator*() const { return (*rows_)[index_]; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return index_ != other.index_; }

   private:
    const Rows* rows_;
    int index_;
  };

  explicit Rows(std::shared_ptr<const Row::Data> data);

  int size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// Rows inserted, updated or deleted.
  int64_t affected() const;
  Row operator[](int index) const { return Row(data_.get(), index); }
  /// The first row. Throws ColumnError when there is none.
  Row front() const;
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size_}; }

 private:
  std::shared_ptr<const Row::Data> data_;
  int size_;
};

namespace internal {
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <typename T>
struct IsByteArray : std::false_type {};
template <size_t N>
struct IsByteArray<std::array<uint8_t, N>> : std::true_type {};
}  // namespace internal

template <typename T>
T Row::get(int column) const {
  if constexpr (internal::IsOptional<T>::value) {
    if (is_null(column)) return std::nullopt;
    return get<typename T::value_type>(column);
  } else if constexpr (std::same_as<T, bool>) {
    return boolean(column);
  } else if constexpr (std::integral<T>) {
    const int64_t value = integer(column);
    if (!std::in_range<T>(value)) throw ColumnError("the column's integer does not fit its type");
    return static_cast<T>(value);
  } else if constexpr (std::same_as<T, std::string_view>) {
    return text(column);
  } else if constexpr (std::same_as<T, std::string>) {
    return std::string(text(column));
  } else if constexpr (internal::IsByteArray<T>::value) {
    T out;
    copy_bytes(column, out);
    return out;
  } else {
    static_assert(std::same_as<T, std::vector<uint8_t>>, "Row::get does not know this type");
    return bytes(column);
  }
}

}  // namespace cafe::storage
