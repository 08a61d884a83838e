#include "client/help.hpp"

namespace switchyard::client {
namespace {

constexpr std::size_t column = 24;

std::string padded(std::string text)
{
    text.resize(std::max(text.size() + 1, column), ' ');
    return text;
}

void print_options(Terminal& terminal, std::span<std::string_view const> names)
{
    for (auto const name : names) {
        auto const& spec = option(name);
        auto const value = spec.value.empty() ? std::string() : " " + std::string(spec.value);
        terminal.line(padded("  --" + std::string(name) + value) + std::string(spec.help));
    }
}

void print_all(Terminal& terminal)
{
    terminal.line("usage: pduclient VERB [OPTIONS] [ARGUMENTS]");
    terminal.line(
        "       pduclient [--daemon HOST] --hostname NAME [--port PORT] --command COMMAND [--delay SECONDS]");
    terminal.line("");
    for (auto const* const verb : all_verbs())
        terminal.line(padded("  " + std::string(verb->name)
                          + (verb->arguments.empty() ? std::string() : " " + std::string(verb->arguments)))
            + std::string(verb->summary));
    terminal.line("");
    terminal.line(
        "TARGET is a name, a device with one system, DEVICE:OUTLET, or a range of them: rack1-[01-20,31].");
    terminal.line("");
    print_options(terminal, common_options());
    terminal.line("");
    terminal.line("As PDUDaemon's pduclient (exits 0, 1, 127):");
    constexpr std::array<std::string_view, 6> legacy{
        "daemon", "http", "hostname", "port", "command", "delay"};
    print_options(terminal, legacy);
    terminal.line("");
    terminal.line("exit: 0 all done, 1 some failed, 2 usage, 3 no daemon, 4 outcome unknown, 5 still open, "
                  "130 interrupted");
}

} // namespace

void print_help(Terminal& terminal, Verb const* verb)
{
    if (verb == nullptr)
        return print_all(terminal);
    terminal.line("usage: pduclient " + std::string(verb->name) + (verb->arguments.empty() ? "" : " ")
        + std::string(verb->arguments));
    terminal.line("");
    terminal.line(std::string(verb->summary) + ".");
    if (!verb->help.empty())
        terminal.line(verb->help);
    terminal.line("");
    print_options(terminal, verb->options);
    print_options(terminal, common_options());
}

} // namespace switchyard::client
