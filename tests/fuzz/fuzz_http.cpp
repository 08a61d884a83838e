// Bytes as a client may send them, through the parser and the routes to a service in memory.
// The first byte says how many bytes the parser sees at one time.
#include "core/net/http_server_parser.hpp"
#include "core/wire/northbound_json.hpp"
#include "daemon/frontends/http/http_frontend.hpp"
#include "tests/support/memory_service.hpp"
#include "tests/support/run.hpp"

#include <cstdlib>

using namespace switchyard;

namespace {

void require(bool truth)
{
    if (!truth)
        std::abort();
}

class Rig {
public:
    Rig() : frontend_(loop_.timers, log_, service_, HttpFrontendOptions())
    {
        loop_.use(time_);
        service_.add_device("bmc1");
        service_.add_device("pdu1", {"1", "2"});
        service_.add_target("srv1", {"bmc1"});
        service_.add_target("db1", {"pdu1:1", "pdu1:2"});
    }

    void answer(HttpRequest const& request)
    {
        auto const submitted = service_.submitted();
        HttpResponse const response = loop_.run(frontend_.handle(request));
        require(response.status >= 200 && response.status < 600 && http_reason(response.status) != "Unknown");
        bool const power = request.target.starts_with("/power/control/");
        bool const may_switch = (request.method == "GET" && power) || request.method == "POST";
        require(may_switch || service_.submitted() == submitted);
        if (response.content_type == "application/json")
            require(
                parse_json(std::string_view(response.body).substr(0, response.body.size() - 1)).has_value());
        std::string head;
        write_http_head(head, response, request, HttpBody::sized, "now");
        require(head.find("\r\n\r\n") == head.size() - 4); // no value has ended the head early
    }

private:
    VirtualTime time_;
    test::Loop loop_;
    NullSink sink_;
    Log log_{sink_, LogLevel::error};
    test::MemoryService service_{loop_.timers};
    HttpFrontend frontend_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size)
{
    if (size == 0)
        return 0;
    std::string const bytes(data + 1, data + size);
    std::size_t const step = data[0] == 0 ? bytes.size() + 1 : data[0];
    Rig rig;
    HttpParser parser(2'048, 4'096);
    HttpRequest request;
    parser.start(request);
    std::string waiting;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        waiting.append(bytes, at, step);
        std::size_t used = 0;
        do {
            used = parser.feed(waiting);
            require(used <= waiting.size());
            waiting.erase(0, used);
            if (parser.failed()) {
                require(parser.status() >= 400 && !parser.reason().empty());
                return 0;
            }
            if (parser.done()) {
                rig.answer(request);
                parser.start(request);
            }
        } while (used > 0 && !waiting.empty());
        require(waiting.size() <= 4'096);
    }
    return 0;
}
