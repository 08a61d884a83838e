#include "daemon/frontends/line/line_frontend.hpp"

#include "core/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace switchyard {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_delay = std::chrono::days(365);
constexpr std::size_t longest_logged = 200; // bytes of a line
constexpr std::string_view form = "HOSTNAME [PORT] on|off|reboot [DELAY]";

std::string_view trimmed(std::string_view text) noexcept
{
    constexpr std::string_view blanks = " \t\r\n";
    auto const begin = text.find_first_not_of(blanks);
    if (begin == text.npos)
        return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::optional<Action> command_from(std::string_view word) noexcept
{
    if (word == "on")
        return Action::on;
    if (word == "off")
        return Action::off;
    if (word == "reboot" || word == "cycle")
        return Action::cycle;
    return std::nullopt;
}

Result<milliseconds> delay_from(std::string_view word)
{
    if (auto const whole = parse_integer(word); whole && *whole < 0)
        return milliseconds(0);
    bool const number = word.find_first_not_of("0123456789.") == word.npos;
    auto const delay = number ? parse_duration(word) : std::nullopt;
    if (!delay || *delay > longest_delay)
        return fail(Errc::bad_request,
            fmt::format("the delay must be seconds up to {}, not '{}'",
                std::chrono::duration_cast<std::chrono::seconds>(longest_delay).count(), word.substr(0, 40)));
    return *delay;
}

// At most four words; a fifth holds the rest.
struct Words {
    std::array<std::string_view, 5> word;
    std::size_t count = 0;
    bool gap = false; // two blanks in a row
};

Words split(std::string_view text) noexcept
{
    Words words;
    while (words.count < words.word.size() && !text.empty()) {
        auto const end = words.count + 1 == words.word.size() ? text.npos : text.find(' ');
        words.word[words.count++] = text.substr(0, end);
        words.gap = words.gap || end == 0;
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    return words;
}

// Control characters and bytes that are no text would spoil the log and the terminals that read it.
Result<> check_text(std::string_view text)
{
    if (!is_utf8(text))
        return fail(Errc::bad_request, "the line is not UTF-8");
    auto const control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
    if (std::ranges::any_of(text, control))
        return fail(Errc::bad_request, "the line has a tab or another control character");
    return {};
}

// Why a command that has no error of its own did not end well.
Error not_done(Report const& report)
{
    Error const plain(Errc::internal, fmt::format("the command is {}", name(report.state)));
    return report.error.value_or(plain);
}

} // namespace

Result<Request> parse_line(std::string_view text)
{
    text = trimmed(text);
    if (auto const checked = check_text(text); !checked)
        return std::unexpected(checked.error());
    auto const [word, count, gap] = split(text);
    if (gap)
        return fail(Errc::bad_request, fmt::format("two blanks in a row; {}", form));
    if (count < 2 || count > 4)
        return fail(Errc::bad_request, std::string(form));
    // With three words the command stands last, behind a port, or in the middle, before a delay.
    bool const has_port = count == 4 || (count == 3 && command_from(word[2]));
    auto const at = has_port ? 2U : 1U;
    auto const action = command_from(word[at]);
    if (!action && count == 2)
        return fail(Errc::bad_request, std::string(form));
    if (!action)
        return fail(Errc::unsupported_action, "the commands are on, off, reboot and cycle");
    Request request;
    request.target = word[0];
    if (has_port)
        request.outlet = std::string(word[1]);
    request.action = *action;
    if (at + 1 < count) {
        auto const delay = delay_from(word[at + 1]);
        if (!delay)
            return std::unexpected(delay.error());
        (*action == Action::cycle ? request.off_time : request.delay) = *delay;
    }
    return request;
}

asio::awaitable<std::string> LineFrontend::line(std::string text, std::string peer)
{
    auto request = parse_line(text);
    if (!request && request.error().code == Errc::bad_request)
        co_return refusal(request.error().detail, peer);
    Result<> done;
    if (request)
        done = co_await carry_out(std::move(*request));
    else
        done = std::unexpected(std::move(request.error()));
    if (done)
        co_return "ack\n";
    log_.warning("nack to a line",
        {kv("line", trimmed(text).substr(0, longest_logged)), kv("peer", peer),
            kv("code", name(done.error().code)), kv("error", done.error().message())});
    co_return "nack\n";
}

std::string LineFrontend::refusal(std::string_view reason, std::string_view peer)
{
    log_.info("refused a line", {kv("peer", peer), kv("error", reason)});
    return fmt::format("Unexpected data: {}\n", reason);
}

// Succeeds when the command has ended well.
asio::awaitable<Result<>> LineFrontend::carry_out(Request request)
{
    auto const accepted = co_await service_.submit(principal_, std::move(request));
    if (!accepted)
        co_return std::unexpected(accepted.error());
    auto const report = co_await service_.wait(accepted->id, Clock::time_point::max());
    if (!report && report.error().code == Errc::cancelled)
        co_return fail(Errc::cancelled,
            fmt::format("nobody waits for command {} any more; it goes on", accepted->id.value));
    if (!report)
        co_return std::unexpected(report.error());
    if (report->state != CommandState::done)
        co_return std::unexpected(not_done(*report));
    co_return Result<>();
}

} // namespace switchyard
