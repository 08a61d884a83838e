#include "daemon/config/builder.hpp"

#include "core/base/text.hpp"

#include <array>
#include <filesystem>

namespace switchyard {

template <class T>
void Builder::read_daemon_part(std::string_view section, T& out, std::span<ConfigField<T> const> fields,
    toml::table const& table, std::span<std::string_view const> sections)
{
    for (auto const& [key, node] : table) {
        if (std::ranges::find(sections, key.str()) != sections.end())
            continue;
        if (auto const* const field = find_field(fields, key.str())) {
            if (is_first(fmt::format("{}.{}", section, key.str()), at(key)))
                read_field(out, *field, node);
            continue;
        }
        std::vector<std::string_view> allowed;
        for (auto const& field : fields)
            allowed.push_back(field.key.name);
        allowed.insert(allowed.end(), sections.begin(), sections.end());
        findings_.error(at(key), unknown_key(key.str(), allowed));
    }
}

void Builder::read_daemon(toml::table const& table)
{
    static constexpr std::array<std::string_view, 3> sections{"http", "zmq", "store"};
    read_daemon_part("daemon", config_.daemon, daemon_fields(), table, sections);
    auto const read = [&](std::string_view name, auto& out, auto fields) {
        auto const* const node = table.get(name);
        if (node == nullptr)
            return;
        auto const path = fmt::format("daemon.{}", name);
        if (auto const* const part = table_of(path, *node))
            read_daemon_part(path, out, fields, *part);
    };
    read("http", config_.daemon.http, http_fields());
    read("zmq", config_.daemon.zmq, zmq_fields());
    read("store", config_.daemon.store, store_fields());
}

void Builder::check_daemon()
{
    auto const& daemon = config_.daemon;
    if (daemon.deadline <= daemon.deadline_max)
        return;
    auto const given = seen_.contains("daemon.deadline") ? "daemon.deadline" : "daemon.deadline_max";
    findings_.error(seen_.at(given),
        fmt::format("deadline ({}) is longer than deadline_max ({})", to_text(daemon.deadline),
            to_text(daemon.deadline_max)));
}

void Builder::locate(SecretRef& secret, Position here)
{
    if (secret.kind == SecretRef::Kind::literal && file_.exposed)
        findings_.warning(here,
            "a secret stands in a file that others can read: chmod o-r, or write { file = \"...\" }, "
            "{ env = \"...\" } or { credential = \"...\" }");
    if (secret.kind == SecretRef::Kind::file && !file_.folder.empty())
        secret.value = (std::filesystem::path(file_.folder) / secret.value).string();
}

void Builder::read_groups(toml::table const& table)
{
    for (auto const& [key, node] : table) {
        auto const path = fmt::format("groups.{}", key.str());
        if (!is_good_name("groups", key) || !is_first(path, at(key)))
            continue;
        auto const* const body = table_of(path, node);
        if (body == nullptr)
            continue;
        auto& group = config_.groups[std::string(key.str())];
        group.name = key.str();
        for (auto const& [name, value] : *body) {
            if (auto const* const field = find_field(group_fields(), name.str())) {
                read_field(group, *field, value);
                continue;
            }
            static constexpr std::array<std::string_view, 2> allowed{"max_in_flight", "stagger"};
            findings_.error(at(name), unknown_key(name.str(), allowed));
        }
    }
}

} // namespace switchyard
