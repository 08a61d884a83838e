#include "client/commands/verb.hpp"

#include "core/base/text.hpp"

#include <algorithm>
#include <array>

namespace switchyard::client {
namespace {

constexpr std::array<Verb const*, 15> verbs{&on_verb, &off_verb, &cycle_verb, &reset_verb, &soft_verb,
    &diag_verb, &status_verb, &queue_verb, &show_verb, &cancel_verb, &release_verb, &watch_verb,
    &targets_verb, &devices_verb, &ping_verb};

} // namespace

std::span<Verb const* const> all_verbs() noexcept
{
    return verbs;
}

Verb const* find_verb(std::string_view name) noexcept
{
    auto const wanted = name == "reboot" ? std::string_view("cycle") : name;
    auto const found = std::ranges::find(verbs, wanted, [](Verb const* verb) { return verb->name; });
    return found != verbs.end() ? *found : nullptr;
}

std::string no_such_verb(std::string_view name)
{
    std::vector<std::string_view> names{"reboot"};
    for (auto const* const verb : verbs)
        names.push_back(verb->name);
    auto const hint = did_you_mean(name, names);
    return "there is no verb '" + std::string(name) + "'"
        + (hint.empty() ? "; 'pduclient --help' lists them" : hint);
}

} // namespace switchyard::client
