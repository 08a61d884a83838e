#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

// SQLite with owners and values: the little of it that the store needs. For one thread.
namespace switchyard {

struct SqlError {
    SqlError() = default;
    SqlError(int code_, int system_, std::string text_) : code(code_), system(system_), text(std::move(text_))
    {
    }

    int code = 0;   // SQLite's extended result code
    int system = 0; // errno of the call that failed, when there was one
    std::string text;

    bool full() const noexcept;       // no room on the disk or in the quota; nothing of the transaction was
                                      // recorded
    bool corrupt() const noexcept;    // the file is not a database, or not a whole one
    bool constraint() const noexcept; // the row itself is at fault
};
template <class T = void>
using Sql = std::expected<T, SqlError>;

class Database {
public:
    Database() = default;
    ~Database() { close(); }
    Database(Database const&) = delete;
    Database& operator=(Database const&) = delete;

    Sql<> open(std::string const& path);
    void close() noexcept;
    Sql<> run(char const* sql);
    Sql<std::int64_t> number(char const* sql); // of the first column of the first row; 0 when there is none
    Sql<std::string> text(char const* sql);
    bool in_transaction() const noexcept;
    std::int64_t changed() const noexcept; // rows of the last statement
    std::unexpected<SqlError> error(int code) const;
    sqlite3* handle() const noexcept { return handle_; }

private:
    sqlite3* handle_ = nullptr;
};

// A prepared statement. Bound texts are not copied: they must live until the next reset().
class Statement {
public:
    Statement() = default;
    ~Statement() { close(); }
    Statement(Statement const&) = delete;
    Statement& operator=(Statement const&) = delete;

    Sql<> prepare(Database& database, std::string_view sql);
    void close() noexcept;

    void bind(int index, std::int64_t value) noexcept;
    void bind(int index, std::string_view value) noexcept;
    void bind_null(int index) noexcept;
    Sql<bool> step(); // true: a row is there to be read; false: it has ended and is reset
    Sql<> run();      // for what gives no rows
    void reset() noexcept;

    std::int64_t number(int column) const noexcept;
    std::string_view text(int column) const noexcept; // until the next step() or reset()
    bool null(int column) const noexcept;

private:
    Database* database_ = nullptr;
    sqlite3_stmt* handle_ = nullptr;
};

} // namespace switchyard
