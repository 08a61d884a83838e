#include "daemon/store/statement.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>

namespace switchyard {

bool SqlError::full() const noexcept
{
    // SQLite tells ENOSPC of a write as SQLITE_FULL, a quota as a plain write error. A *sync* that fails for
    // want of room is neither: what it should have made durable may be there after a restart.
    return (code & 0xff) == SQLITE_FULL
        || (code == SQLITE_IOERR_WRITE && (system == EDQUOT || system == ENOSPC));
}

bool SqlError::corrupt() const noexcept
{
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

bool SqlError::constraint() const noexcept
{
    return (code & 0xff) == SQLITE_CONSTRAINT || (code & 0xff) == SQLITE_TOOBIG
        || (code & 0xff) == SQLITE_MISMATCH;
}

Sql<> Database::open(std::string const& path)
{
    auto const flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    auto const code = sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr);
    if (code != SQLITE_OK)
        return error(code);
    sqlite3_extended_result_codes(handle_, 1);
    return {};
}

void Database::close() noexcept
{
    sqlite3_close_v2(handle_);
    handle_ = nullptr;
}

Sql<> Database::run(char const* sql)
{
    auto const code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK)
        return error(code);
    return {};
}

Sql<std::int64_t> Database::number(char const* sql)
{
    Statement statement;
    if (auto ready = statement.prepare(*this, sql); !ready)
        return std::unexpected(ready.error());
    auto const row = statement.step();
    if (!row)
        return std::unexpected(row.error());
    return *row ? statement.number(0) : 0;
}

Sql<std::string> Database::text(char const* sql)
{
    Statement statement;
    if (auto ready = statement.prepare(*this, sql); !ready)
        return std::unexpected(ready.error());
    auto const row = statement.step();
    if (!row)
        return std::unexpected(row.error());
    return *row ? std::string(statement.text(0)) : std::string();
}

bool Database::in_transaction() const noexcept
{
    return handle_ != nullptr && sqlite3_get_autocommit(handle_) == 0;
}

std::int64_t Database::changed() const noexcept
{
    return sqlite3_changes64(handle_);
}

std::unexpected<SqlError> Database::error(int code) const
{
    std::string text = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
    auto const primary = code & 0xff;
    int system = 0;
    if (handle_ != nullptr
        && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_FULL))
        system = sqlite3_system_errno(handle_);
    if (system != 0)
        text += std::string(" (") + std::strerror(system) + ")";
    return std::unexpected<SqlError>(SqlError(code, system, std::move(text)));
}

Sql<> Statement::prepare(Database& database, std::string_view sql)
{
    close();
    database_ = &database;
    auto const code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
        SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
    if (code != SQLITE_OK)
        return database.error(code);
    return {};
}

void Statement::close() noexcept
{
    sqlite3_finalize(handle_);
    handle_ = nullptr;
}

void Statement::bind(int index, std::int64_t value) noexcept
{
    sqlite3_bind_int64(handle_, index, value);
}

void Statement::bind(int index, std::string_view value) noexcept
{
    // A view without memory would bind NULL.
    auto const* data = value.data() != nullptr ? value.data() : "";
    sqlite3_bind_text64(handle_, index, data, value.size(), nullptr /* SQLITE_STATIC */, SQLITE_UTF8);
}

void Statement::bind_null(int index) noexcept
{
    sqlite3_bind_null(handle_, index);
}

Sql<bool> Statement::step()
{
    auto const code = sqlite3_step(handle_);
    if (code == SQLITE_ROW)
        return true;
    if (code == SQLITE_DONE) {
        sqlite3_reset(handle_);
        return false;
    }
    auto failed = database_->error(code); // before the reset, which may change what errmsg tells
    sqlite3_reset(handle_);
    return failed;
}

Sql<> Statement::run()
{
    auto const row = step();
    if (!row)
        return std::unexpected(row.error());
    return {};
}

void Statement::reset() noexcept
{
    sqlite3_reset(handle_);
}

std::int64_t Statement::number(int column) const noexcept
{
    return sqlite3_column_int64(handle_, column);
}

std::string_view Statement::text(int column) const noexcept
{
    auto const* data =
        static_cast<char const*>(static_cast<void const*>(sqlite3_column_text(handle_, column)));
    auto const size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
    return data != nullptr ? std::string_view(data, size) : std::string_view();
}

bool Statement::null(int column) const noexcept
{
    return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

} // namespace switchyard
