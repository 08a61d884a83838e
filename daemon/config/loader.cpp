#include "daemon/config/loader.hpp"

#include "daemon/config/builder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace switchyard {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_file = std::size_t{256} * 1024 * 1024; // bytes

struct FileText {
    std::string text;
    bool exposed = false;
};

// Whether somebody beside the owner and the daemon's own group can read what has this mode.
bool is_exposed(struct stat const& info) noexcept
{
    return (info.st_mode & S_IROTH) != 0
        || ((info.st_mode & S_IRGRP) != 0 && info.st_gid != getegid() && geteuid() != 0);
}

std::expected<FileText, std::string> read_file(std::string const& path)
{
    int const file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0)
        return std::unexpected(std::string(std::strerror(errno)));
    struct stat info{};
    FileText read;
    std::array<char, 65'536> bytes;
    ssize_t count = 0;
    if (fstat(file, &info) == 0 && S_ISREG(info.st_mode))
        read.text.reserve(static_cast<std::size_t>(info.st_size));
    while ((count = ::read(file, bytes.data(), bytes.size())) > 0 && read.text.size() <= largest_file)
        read.text.append(bytes.data(), static_cast<std::size_t>(count));
    int const error = count < 0 ? errno : 0;
    close(file);
    if (error != 0)
        return std::unexpected(std::string(std::strerror(error)));
    if (read.text.size() > largest_file)
        return std::unexpected(fmt::format("it is larger than {} bytes", largest_file));
    read.exposed = is_exposed(info);
    return read;
}

void add_file(Builder& builder, std::string const& path)
{
    auto const read = read_file(path);
    if (!read)
        return builder.cannot_read(path, read.error());
    builder.add({path, fs::path(path).parent_path().string(), read->exposed}, read->text);
}

// The *.toml of conf.d beside the file, by name. No such folder is no mistake.
std::vector<std::string> dropped_in(Builder& builder, std::string const& path)
{
    std::vector<std::string> files;
    auto const folder = fs::path(path).parent_path() / "conf.d";
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    if (error == std::errc::no_such_file_or_directory)
        return files;
    for (fs::directory_iterator const end; !error && entry != end; entry.increment(error)) {
        auto const& file = entry->path();
        if (file.extension() == ".toml" && !file.filename().string().starts_with('.'))
            files.push_back(file.string());
    }
    if (error)
        builder.cannot_read(folder.string(), error.message());
    std::ranges::sort(files);
    return files;
}

// PDUDaemon's configuration is JSON, with comments in C's manner.
bool looks_like_json(std::string_view text) noexcept
{
    auto const first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos
        && (text[first] == '{' || text.substr(first).starts_with("//")
            || text.substr(first).starts_with("/*"));
}

} // namespace

void Builder::add(ConfigFile file, std::string_view text)
{
    file_index_ = findings_.add_file(file.name);
    file_ = std::move(file);
    if (looks_like_json(text))
        return findings_.error({file_index_, 0, 0},
            "this is JSON: the configuration of PDUDaemon is not read by this version; write TOML, as "
            "docs/configuration.md shows");
    try {
        auto const root = toml::parse(text);
        read_root(root);
    } catch (toml::parse_error const& error) {
        findings_.error(at(error.source()), std::string(error.description()));
    }
}

void Builder::cannot_read(std::string name, std::string_view why)
{
    findings_.error({findings_.add_file(std::move(name)), 0, 0}, fmt::format("cannot be read: {}", why));
}

void Builder::read_root(toml::table const& root)
{
    static constexpr std::array<std::string_view, 4> sections{"daemon", "devices", "groups", "targets"};
    using Read = void (Builder::*)(toml::table const&);
    static constexpr std::array<Read, 4> readers{
        &Builder::read_daemon, &Builder::read_devices, &Builder::read_groups, &Builder::read_targets};
    for (auto const& [key, node] : root) {
        auto const section = std::ranges::find(sections, key.str());
        if (section == sections.end())
            findings_.error(at(key), unknown_key(key.str(), sections));
        else if (auto const* const table = table_of(key.str(), node))
            (this->*readers[static_cast<std::size_t>(section - sections.begin())])(*table);
    }
}

toml::table const* Builder::table_of(std::string_view path, toml::node const& node)
{
    auto const* const table = node.as_table();
    if (table == nullptr)
        findings_.error(at(node), fmt::format("'{}' must be a table: [{}]", path, path));
    return table;
}

Position Builder::at(toml::source_region const& source) const
{
    return {file_index_, source.begin.line, source.begin.column};
}

bool Builder::is_first(std::string path, Position here)
{
    auto const [known, is_new] = seen_.emplace(std::move(path), here);
    if (!is_new)
        findings_.error(here,
            fmt::format(
                "'{}' is given twice; the first is at {}", known->first, findings_.place(known->second)));
    return is_new;
}

bool Builder::is_good_name(std::string_view section, toml::key const& key)
{
    auto const problem = wrong_name(key.str());
    if (!problem.empty())
        findings_.error(at(key), fmt::format("[{}]: {}", section, problem));
    return problem.empty();
}

Loaded Builder::finish()
{
    resolve_groups();
    resolve_targets();
    check_daemon();
    Loaded loaded;
    loaded.config = std::move(config_);
    findings_.give(loaded);
    return loaded;
}

Loaded load_config(std::string const& path, Drivers drivers)
{
    Builder builder(drivers);
    add_file(builder, path);
    for (auto const& file : dropped_in(builder, path))
        add_file(builder, file);
    return builder.finish();
}

Loaded parse_config(std::string_view text, std::string const& name, Drivers drivers)
{
    Builder builder(drivers);
    builder.add({name, {}, false}, text);
    return builder.finish();
}

void try_drivers(Loaded& loaded, Toolbox& tools)
{
    for (auto& [name, device] : loaded.config.devices) {
        std::string last;
        std::size_t made = 0;
        for (auto const& driver : device.drivers) {
            auto const made_driver = driver.spec().make(tools, driver);
            if (made_driver) {
                ++made;
                continue;
            }
            last = fmt::format("driver {}: {}", driver.spec().name, made_driver.error().detail);
            loaded.warnings.push_back({loaded.file, 0, 0, fmt::format("device '{}': {}", name, last)});
        }
        if (made == 0 && device.fault.empty())
            device.fault = last;
    }
}

} // namespace switchyard
