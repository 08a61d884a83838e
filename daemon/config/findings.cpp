#include "daemon/config/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace switchyard {

std::string Finding::text() const
{
    if (line == 0)
        return fmt::format("{}: {}", file, message);
    return fmt::format("{}:{}:{}: {}", file, line, column, message);
}

std::uint32_t Findings::add_file(std::string name)
{
    files_.push_back(std::move(name));
    return static_cast<std::uint32_t>(files_.size() - 1);
}

std::string Findings::place(Position at) const
{
    return fmt::format("{}:{}:{}", files_[at.file], at.line, at.column);
}

std::vector<Finding> Findings::sorted(std::vector<Note> notes) const
{
    std::ranges::sort(notes, {}, [](Note const& note) { return std::tie(note.at, note.message); });
    std::vector<Finding> findings;
    findings.reserve(notes.size());
    for (auto& note : notes)
        findings.push_back({files_[note.at.file], note.at.line, note.at.column, std::move(note.message)});
    return findings;
}

void Findings::give(Loaded& loaded)
{
    loaded.file = files_.empty() ? std::string() : files_.front();
    loaded.errors = sorted(std::move(errors_));
    loaded.warnings = sorted(std::move(warnings_));
}

} // namespace switchyard
