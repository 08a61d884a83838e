#include "core/net/http_router.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace switchyard;

namespace {

constexpr std::array<HttpRoute, 5> routes{{
    {"GET", "/"},
    {"GET", "/v1/devices"},
    {"GET", "/v1/devices/{name}"},
    {"DELETE", "/v1/devices/{name}"},
    {"GET", "/v1/devices/{name}/outlets/{outlet}"},
}};

HttpRouteMatch find(std::string_view method, std::string_view target)
{
    return find_http_route(routes, method, parse_http_target(target).value().path);
}

} // namespace

TEST_CASE("A target is split before it is decoded")
{
    auto const target = parse_http_target("/v1/devices/rack%2f7?a=b%26c&d=e+f&g&=h&a=i#end").value();
    CHECK(target.path == std::vector<std::string>{"v1", "devices", "rack/7"});
    CHECK(target.query
        == std::vector<std::pair<std::string, std::string>>{
            {"a", "b&c"}, {"d", "e f"}, {"g", ""}, {"a", "i"}});
    CHECK(target.first("a") == "b&c");
    CHECK(target.first("g") == std::nullopt);
    CHECK(parse_http_target("/a+b").value().path == std::vector<std::string>{"a+b"});
}

TEST_CASE("The first value that is not blank counts")
{
    CHECK(parse_http_target("/?port=&port=2").value().first("port") == "2");
}

TEST_CASE("A target that cannot be decoded is refused")
{
    for (auto const* bad : {"/%", "/%4", "/%4g", "/?a=%zz", "/?%=1"})
        CHECK(parse_http_target(bad).error().detail
            == "'%' in the URL is not followed by two hexadecimal digits");
    for (auto const* bad :
        {"/%ff", "/?a=%c3", "/%c0%80", "/%ed%a0%80", "/%f5%80%80%80", "/%e0%80%80", "/%f4%90%80%80"})
        CHECK(parse_http_target(bad).error().detail == "the URL is not UTF-8 once decoded");
    for (auto const* good : {"/%c3%a9", "/%e2%82%ac", "/%f0%9f%98%80"})
        CHECK(parse_http_target(good));
}

TEST_CASE("Routes match whole segments")
{
    CHECK(find("GET", "/").route == 0);
    CHECK(find("GET", "/v1/devices").route == 1);
    auto const device = find("GET", "/v1/devices/rack%2F7");
    CHECK(device.route == 2);
    CHECK(device.parameters == std::vector<std::string>{"rack/7"});
    auto const outlet = find("GET", "/v1/devices/a/outlets/3?x=/y");
    CHECK(outlet.route == 4);
    CHECK(outlet.parameters == std::vector<std::string>{"a", "3"});
    for (auto const* none :
        {"/v1/devices/", "//v1/devices", "/v1/devices/a/", "/v1", "/V1/devices", "/v1/devices/a/outlets/"}) {
        auto const match = find("GET", none);
        CHECK_FALSE(match.route);
        CHECK(match.allow.empty());
    }
}

TEST_CASE("A wrong method is told which ones there are")
{
    auto const match = find("PUT", "/v1/devices/a");
    CHECK_FALSE(match.route);
    CHECK(match.allow == "GET, DELETE");
}
