#include "core/base/error.hpp"

#include <array>

namespace switchyard {
namespace {

struct Entry {
    std::string_view name, sentence;
};

constexpr std::array<Entry, errc_count> entries{{
    {"bad_request", "the request is not valid"},
    {"unknown_target", "no target or device has this name"},
    {"unsupported_action", "the device cannot do this"},
    {"unauthorized", "this client may not do this"},
    {"auth_failed", "the device refused our credentials"},
    {"unreachable", "the device does not answer"},
    {"timed_out", "the device did not finish in time"},
    {"protocol", "the device answered something we do not understand"},
    {"refused", "the device refused the command"},
    {"busy", "the queue is full, try again later"},
    {"cancelled", "the command was cancelled"},
    {"expired", "the deadline passed before the command was sent"},
    {"superseded", "a newer command took its place"},
    {"indeterminate", "the outcome cannot be known: the device may or may not have acted"},
    {"key_conflict", "this idempotency key was used for another request"},
    {"commit_unknown", "the command may or may not have been recorded: ask again with the same key"},
    {"store_unavailable", "the store takes no new commands, nothing was recorded"},
    {"shutting_down", "the daemon is stopping"},
    {"not_found", "there is no such command"},
    {"internal", "internal error"},
}};

Entry const& entry(Errc code) noexcept
{
    return entries[static_cast<std::size_t>(code)];
}

} // namespace

std::string_view name(Errc code) noexcept
{
    return entry(code).name;
}

std::string_view sentence(Errc code) noexcept
{
    return entry(code).sentence;
}

std::expected<Errc, std::string> errc_from(std::string_view text)
{
    for (std::size_t i = 0; i < entries.size(); ++i)
        if (entries[i].name == text)
            return static_cast<Errc>(i);
    return std::unexpected("'" + std::string(text) + "' is not an error code");
}

std::string Error::message() const
{
    if (detail.empty())
        return std::string(sentence(code));
    return std::string(sentence(code)) + ": " + detail;
}

} // namespace switchyard
