#include "core/net/http_server_sniff.hpp"
#include "tests/unit/net/http_rig.hpp"

using namespace switchyard;
using namespace switchyard::http_test;

namespace {

// "on" is a complete line, "wait" waits for `go`, "throw" throws; others are told back.
class Lines final : public LineHandler {
public:
    explicit Lines(Loop& loop) : go(loop.timers.executor()), started(loop.timers.executor()) {}
    bool complete(std::string_view text) const override { return text.ends_with("on"); }
    asio::awaitable<std::string> line(std::string text, std::string peer) override
    {
        ++calls;
        last_peer = peer;
        if (text == "throw")
            throw std::runtime_error("broken");
        if (text == "wait") {
            started.notify();
            cancelled = !co_await go.wait();
        }
        co_return "<" + text + ">";
    }
    std::string refusal(std::string_view reason, std::string_view) override
    {
        return "refused: " + std::string(reason);
    }

    Signal go;
    Signal started;
    int calls = 0;
    bool cancelled = false;
    std::string last_peer;
};

struct LineRig {
    explicit LineRig(HttpServerLimits const& limits = {}) : server(loop.timers, log, handler, limits, &lines)
    {
        REQUIRE(server.listen({"127.0.0.1:0"}));
    }
    ~LineRig() { loop.run(server.stop(Clock::now())); }
    RawHttp client() { return RawHttp(loop, server.ports().front()); }
    // The server takes what was sent, and no time passes for it afterwards.
    void settle() { loop.io.poll(); }
    asio::awaitable<void> tick() { co_await loop.timers.wait_until(Clock::now() + milliseconds(1)); }
    std::string told(std::string_view bytes)
    {
        auto one = client();
        one.send(bytes);
        return one.read_to_end();
    }

    Loop loop;
    NullSink sink;
    Log log{sink, LogLevel::error};
    Handler handler{loop};
    Lines lines{loop};
    HttpServer server;
};

HttpServerLimits hasty()
{
    HttpServerLimits limits;
    limits.request_timeout = milliseconds(100);
    limits.idle_timeout = milliseconds(100);
    return limits;
}

} // namespace

TEST_CASE("The first bytes tell HTTP from a line as soon as they can")
{
    for (auto const* text : {"", "G", "GET", "GET ", "p1", "p1 ", "p1 h", "p1 HTTP:/", "p1 https:/"})
        CHECK_FALSE(sniff(text));
    for (auto const* text : {"GET /", "OPTIONS *", "GET http://a/", "M-SEARCH *", "GET HTTPS://", "\x16\x03"})
        CHECK(sniff(text) == Protocol::http);
    for (auto const* text :
        {"p1 1", "p1 on", "p1 ho", "p1\n", " GET /", "\n", "p1:", "p1\t/", "\xff\xfe", "GET  /"})
        CHECK(sniff(text) == Protocol::line);
}

TEST_CASE("A line ends at its newline, at the end of input, or with silence when it is complete")
{
    LineRig rig;
    CHECK(rig.told("p1 1\n") == "<p1 1>");
    CHECK(rig.told("p1 1\r\n") == "<p1 1\r>");
    CHECK(rig.told("p1 1 on") == "<p1 1 on>");
    CHECK(rig.told("\n") == "<>");
    auto half = rig.client();
    half.send("p1 1");
    half.half_close();
    CHECK(half.read_to_end() == "<p1 1>");
    auto word = rig.client();
    word.send("p1"); // could still become HTTP
    word.half_close();
    CHECK(word.read_to_end() == "<p1>");
    CHECK(rig.told("\xff\xfe\n") == "<\xff\xfe>");
    CHECK(rig.lines.last_peer.starts_with("127.0.0.1:"));
    CHECK(rig.handler.calls == 0);
    CHECK(rig.server.stats().requests == 7);
    CHECK(rig.server.stats().malformed == 0);
}

TEST_CASE("A line may come in pieces")
{
    LineRig rig;
    auto client = rig.client();
    for (auto const* piece : {"p", "1", " ", "ht", "p 1", " o", "n"}) {
        client.send(piece);
        rig.settle();
    }
    CHECK(client.read_to_end() == "<p1 htp 1 on>");
    // What follows a complete piece in time belongs to it.
    auto longer = rig.client();
    longer.send("p1 1 on");
    rig.settle();
    longer.send(" 10\n");
    CHECK(longer.read_to_end() == "<p1 1 on 10>");
    CHECK(rig.lines.calls == 2);
}

TEST_CASE("What came while the loop was busy was no silence")
{
    LineRig rig;
    auto client = rig.client();
    client.send("p1 1 on");
    rig.settle();
    // It is sent in the very turn of the loop in which the silence is over.
    TimerNode late([&] { client.send(" 10\n"); });
    rig.loop.timers.arm(late, Clock::now());
    auto const busy = Clock::now() + 2 * line_silence;
    while (Clock::now() < busy)
        continue;
    CHECK(client.read_to_end() == "<p1 1 on 10>");
}

TEST_CASE("A line may have 16384 bytes, and one is all there is")
{
    LineRig rig;
    std::string const longest(longest_line, 'x');
    CHECK(rig.told(longest + "\n") == "<" + longest + ">");
    CHECK(rig.told(longest + "x") == "refused: a line may have 16384 bytes");
    CHECK(rig.told(" " + longest + "x\n") == "refused: a line may have 16384 bytes");
    CHECK(rig.told("p1 1 off\np1 1 on\n") == "refused: one line a connection");
    CHECK(rig.told("p1 1 off\n \r\n") == "<p1 1 off>");
    CHECK(rig.lines.calls == 2);
    CHECK(rig.server.stats().malformed == 3);
}

TEST_CASE("A line that does not end is refused in time, however it drips")
{
    LineRig rig(hasty());
    auto client = rig.client();
    client.send("p1 1 ");
    CHECK(client.read_to_end() == "refused: the line took more than 100 ms");
    auto dripping = rig.client();
    dripping.send("p1 1 "); // no HTTP
    auto const drip_until = Clock::now() + milliseconds(150);
    for (auto next = Clock::now(); next < drip_until; next += milliseconds(5)) {
        while (Clock::now() < next)
            continue;
        dripping.send("x"); // which is never a command
        rig.settle();
    }
    CHECK(dripping.read_to_end() == "refused: the line took more than 100 ms");
    CHECK(rig.lines.calls == 0);
    CHECK(rig.server.stats().timed_out == 2);
}

TEST_CASE("Who says nothing, or only what could be HTTP, is ended")
{
    LineRig rig(hasty());
    auto silent = rig.client();
    CHECK(silent.at_end());
    auto undecided = rig.client();
    undecided.send("G");
    CHECK(undecided.reply().status() == 408);
    auto probe = rig.client();
    probe.half_close();
    CHECK(probe.at_end());
    CHECK(rig.lines.calls == 0);
}

TEST_CASE("HTTP is served as without lines")
{
    LineRig rig;
    auto client = rig.client();
    for (char const c : get) {
        client.send(std::string_view(&c, 1));
        rig.settle();
    }
    CHECK(client.reply().body == "GET /echo ");
    std::string all;
    for (int i = 0; i < 50; ++i)
        all += "GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n";
    client.send(all);
    for (int i = 0; i < 50; ++i)
        REQUIRE(client.reply().body == "GET /" + std::to_string(i) + " ");
    // Only the first words choose.
    client.send("p1 1 on\r\n\r\n");
    CHECK(client.reply().status() == 400);
    CHECK(rig.told("OPTIONS * HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 200"));
    CHECK(rig.told("GET http://a/x HTTP/1.0\r\n\r\n").ends_with("GET /x "));
    CHECK(rig.told("\x16\x03\x01").find("HTTP without TLS") != std::string::npos);
    CHECK(rig.lines.calls == 0);
}

TEST_CASE("A client may close its side and wait; one that is gone cancels the wait")
{
    LineRig rig;
    auto waiting = rig.client();
    waiting.send("wait\n");
    waiting.half_close();
    rig.loop.run(rig.lines.started.wait());
    rig.lines.go.notify();
    CHECK(waiting.read_to_end() == "<wait>");
    CHECK_FALSE(rig.lines.cancelled);
    auto gone = rig.client();
    gone.send("wait\n");
    rig.loop.run(rig.lines.started.wait());
    gone.reset();
    auto const limit = Clock::now() + std::chrono::seconds(10);
    while (!rig.lines.cancelled && Clock::now() < limit)
        rig.loop.run(rig.tick());
    CHECK(rig.lines.cancelled);
    CHECK(rig.server.stats().hung_up == 1);
}

TEST_CASE("A broken handler is an error of one client")
{
    LineRig rig;
    CHECK(rig.told("throw\n") == "refused: internal error");
    CHECK(rig.told("p1 1 on") == "<p1 1 on>");
}

TEST_CASE("A stop answers lines that wait and ends those that do not come")
{
    LineRig rig;
    auto waiting = rig.client();
    waiting.send("wait\n");
    rig.loop.run(rig.lines.started.wait());
    auto unfinished = rig.client();
    unfinished.send("p1 1");
    auto idle = rig.client();
    rig.settle();
    rig.loop.run(rig.server.stop(Clock::now() + milliseconds(20)));
    CHECK(waiting.read_to_end() == "<wait>");
    CHECK(rig.lines.cancelled);
    CHECK(unfinished.at_end());
    CHECK(idle.at_end());
}

TEST_CASE("Without a line handler everything is HTTP")
{
    Rig rig;
    auto client = rig.client();
    client.send("p1 1 on\r\n\r\n");
    CHECK(client.reply().status() == 400);
}
