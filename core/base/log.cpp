#include "core/base/log.hpp"

#include "core/base/clock.hpp"

#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

namespace switchyard {
namespace {

constexpr std::array level_names{"error", "warning", "info", "debug"};
constexpr std::array priorities{LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

bool needs_quotes(std::string_view text)
{
    return text.empty()
        || std::ranges::any_of(text, [](unsigned char c) { return c <= ' ' || c == '"' || c == '='; });
}

void append_value(std::string& line, std::string_view text)
{
    if (!needs_quotes(text)) {
        line += text;
        return;
    }
    line += '"';
    for (char const c : text) {
        if (c == '"' || c == '\\')
            line += '\\';
        // One record is one line: what a device or a client sends must not forge another.
        line += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    line += '"';
}

} // namespace

std::string_view name(LogLevel level) noexcept
{
    return level_names[static_cast<std::size_t>(level)];
}

std::string to_logfmt(LogLevel level, std::string_view message, std::span<LogField const> fields)
{
    std::string line = to_rfc3339(Clock::utc());
    line += ' ';
    line += name(level);
    line += ' ';
    line += message;
    for (auto const& field : fields) {
        if (field.value.empty())
            continue; // nothing to say
        line += ' ';
        line += field.name;
        line += '=';
        append_value(line, field.value);
    }
    line += '\n';
    return line;
}

void Log::write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields)
{
    if (wants(level))
        sink_->write(level, message, {fields.begin(), fields.size()});
}

void Log::error(std::string_view message, std::initializer_list<LogField> fields)
{
    write(LogLevel::error, message, fields);
}

void Log::warning(std::string_view message, std::initializer_list<LogField> fields)
{
    write(LogLevel::warning, message, fields);
}

void Log::info(std::string_view message, std::initializer_list<LogField> fields)
{
    write(LogLevel::info, message, fields);
}

void Log::debug(std::string_view message, std::initializer_list<LogField> fields)
{
    write(LogLevel::debug, message, fields);
}

void TextSink::write(LogLevel level, std::string_view message, std::span<LogField const> fields)
{
    std::string const line = to_logfmt(level, message, fields);
    // A log that cannot be written must not stop the daemon.
    [[maybe_unused]] auto const written = ::write(STDERR_FILENO, line.data(), line.size());
}

void JournalSink::write(LogLevel level, std::string_view message, std::span<LogField const> fields)
{
    std::vector<std::string> lines;
    lines.reserve(fields.size() + 2);
    std::string text(message);
    for (auto const& field : fields) {
        if (field.value.empty())
            continue;
        text += ' ';
        text += field.name;
        text += '=';
        append_value(text, field.value);
        std::string line(field.name);
        std::ranges::transform(
            line, line.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
        lines.push_back(line + "=" + field.value);
    }
    lines.push_back("MESSAGE=" + text);
    lines.push_back("PRIORITY=" + std::to_string(priorities[static_cast<std::size_t>(level)]));
    std::vector<iovec> parts;
    parts.reserve(lines.size());
    for (auto& line : lines)
        parts.push_back({line.data(), line.size()});
    sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
}

} // namespace switchyard
