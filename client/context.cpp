#include "client/context.hpp"

#include "client/output/words.hpp"
#include "core/base/host_range.hpp"
#include "core/wire/northbound_json.hpp"

#include <boost/json/serialize.hpp>

namespace switchyard::client {

void Context::advise(Errc code, std::string_view name)
{
    auto const text = advice(code, name);
    if (!text.empty() && advised_.insert(code).second)
        terminal.note("hint: " + text);
}

ExitCode Context::failed(std::string_view name, Error const& error)
{
    if (options.json) {
        json::object out;
        out.emplace("name", name);
        out.emplace("error", to_json(error));
        terminal.line(json::serialize(out));
    } else {
        terminal.line(std::string(name) + ": failed: " + error.message());
        advise(error.code, name);
    }
    return exit_code(error.code);
}

Result<std::vector<std::string>> targets_of(std::span<std::string const> words)
{
    std::vector<std::string> out;
    std::set<std::string> seen;
    for (auto const& word : words) {
        auto names = expand_hosts(word);
        if (!names)
            return fail(Errc::bad_request, "'" + word + "': " + names.error().detail);
        for (auto& name : *names)
            if (seen.insert(name).second)
                out.push_back(std::move(name));
    }
    return out;
}

} // namespace switchyard::client
