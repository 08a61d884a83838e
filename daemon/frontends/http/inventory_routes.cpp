#include "core/wire/northbound_json.hpp"
#include "daemon/frontends/http/query.hpp"
#include "daemon/frontends/http/replies.hpp"
#include "daemon/frontends/http/routes.hpp"

#include <boost/json/array.hpp>

namespace switchyard {

namespace {

constexpr std::uint64_t largest_page = 1'000;
constexpr std::uint64_t usual_page = 100;
constexpr std::chrono::milliseconds longest_read = std::chrono::hours(1);
constexpr std::chrono::milliseconds usual_read = std::chrono::minutes(1);
constexpr std::chrono::milliseconds oldest_state = std::chrono::hours(24);

// {"targets": [...], "next": "srv17"}; `next` is absent on the last page.
template <class Item>
HttpResponse page_reply(std::string_view what, std::vector<Item> const& items, std::string const& next)
{
    json::array list;
    list.reserve(items.size());
    for (auto const& item : items)
        list.push_back(to_json(item));
    json::object page;
    page.emplace(what, std::move(list));
    if (!next.empty())
        page.emplace("next", next);
    return json_reply(200, page);
}

template <class Info>
HttpResponse info_reply(Result<Info> const& info)
{
    return info ? json_reply(200, to_json(*info)) : error_reply(info.error());
}

} // namespace

asio::awaitable<HttpResponse> list_targets(HttpContext& context, HttpCall const& call)
{
    auto const limit = query_number(call.target, "limit", 1, largest_page);
    if (!limit)
        co_return error_reply(limit.error());
    auto const after = query_text(call.target, "after").value_or(std::string());
    auto const page = context.service.targets(after, static_cast<std::size_t>(limit->value_or(usual_page)));
    co_return page_reply("targets", page.targets, page.next);
}

asio::awaitable<HttpResponse> list_devices(HttpContext& context, HttpCall const& call)
{
    auto const limit = query_number(call.target, "limit", 1, largest_page);
    if (!limit)
        co_return error_reply(limit.error());
    auto const after = query_text(call.target, "after").value_or(std::string());
    auto const page = context.service.devices(after, static_cast<std::size_t>(limit->value_or(usual_page)));
    co_return page_reply("devices", page.devices, page.next);
}

asio::awaitable<HttpResponse> show_target(HttpContext& context, HttpCall const& call)
{
    co_return info_reply(context.service.target(call.parameters[0]));
}

asio::awaitable<HttpResponse> show_device(HttpContext& context, HttpCall const& call)
{
    co_return info_reply(context.service.device(call.parameters[0]));
}

asio::awaitable<HttpResponse> show_state(HttpContext& context, HttpCall const& call)
{
    auto const max_age = query_duration(call.target, "max_age", oldest_state);
    auto const timeout = query_duration(call.target, "timeout", longest_read);
    if (!max_age || !timeout)
        co_return error_reply(max_age ? timeout.error() : max_age.error());
    auto target = call.parameters[0];
    auto outlet = query_text(call.target, "outlet");
    ErrorSubject const subject(outlet ? target : std::string());
    auto const until = Clock::now() + timeout->value_or(usual_read);
    auto const state = co_await context.service.state(context.principal, std::move(target), std::move(outlet),
        max_age->value_or(std::chrono::milliseconds(0)), until);
    if (!state)
        co_return error_reply(state.error(), subject);
    co_return json_reply(200, to_json(*state));
}

asio::awaitable<HttpResponse> release_device(HttpContext& context, HttpCall const& call)
{
    auto name = call.parameters[0];
    auto const done = co_await context.service.release(context.principal, std::move(name));
    if (!done)
        co_return error_reply(done.error(), ErrorSubject(call.parameters[0]));
    co_return info_reply(context.service.device(call.parameters[0]));
}

} // namespace switchyard
