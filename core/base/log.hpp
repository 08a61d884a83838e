#pragma once

#include <concepts>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace switchyard {

// Levels by consequence: error = somebody must act, warning = somebody should look, info = the story of
// commands and of the daemon, debug = how it came about.
enum class LogLevel : unsigned char { error, warning, info, debug };

// One named value of a log record. Names are lower case here; the journal gets them in upper case (DEVICE=,
// COMMAND_ID=).
struct LogField {
    std::string_view name;
    std::string value;
};
inline LogField kv(std::string_view name, std::string value)
{
    return {name, std::move(value)};
}
inline LogField kv(std::string_view name, std::string_view value)
{
    return {name, std::string(value)};
}
inline LogField kv(std::string_view name, char const* value)
{
    return {name, value};
}
template <std::integral T>
LogField kv(std::string_view name, T value)
{
    return {name, std::to_string(value)};
}

class LogSink {
public:
    virtual ~LogSink() = default;
    virtual void write(LogLevel level, std::string_view message, std::span<LogField const> fields) = 0;
};

// A handle that is passed by reference to whoever logs; it costs one comparison when the level is off.
class Log {
public:
    Log(LogSink& sink, LogLevel level) : sink_(&sink), level_(level) {}

    bool wants(LogLevel level) const noexcept { return level <= level_; }
    void set_level(LogLevel level) noexcept { level_ = level; }
    void error(std::string_view message, std::initializer_list<LogField> fields = {});
    void warning(std::string_view message, std::initializer_list<LogField> fields = {});
    void info(std::string_view message, std::initializer_list<LogField> fields = {});
    void debug(std::string_view message, std::initializer_list<LogField> fields = {});

private:
    void write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields);
    LogSink* sink_;
    LogLevel level_;
};

// "2026-11-20T13:37:00.123456Z info command accepted command_id=17 device=pdu1" (logfmt) on standard error.
class TextSink final : public LogSink {
public:
    void write(LogLevel level, std::string_view message, std::span<LogField const> fields) override;
};

// The journal's native protocol, with every field indexed.
class JournalSink final : public LogSink {
public:
    void write(LogLevel level, std::string_view message, std::span<LogField const> fields) override;
};

class NullSink final : public LogSink {
public:
    void write(LogLevel, std::string_view, std::span<LogField const>) override {}
};

std::string to_logfmt(LogLevel level, std::string_view message, std::span<LogField const> fields);
std::string_view name(LogLevel level) noexcept;

} // namespace switchyard
