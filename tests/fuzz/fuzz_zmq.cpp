#include "core/wire/zmq_message.hpp"

#include <boost/json/serialize.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

// Whatever a frame is, it is a request, or a refusal that says why; and a request that is written is read
// back as it was.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    using namespace switchyard;
    std::string_view const frame(reinterpret_cast<char const*>(data), size);
    (void)decode_zmq_reply(frame);
    auto const request = decode_zmq_request(frame);
    if (!request) {
        auto const& rejection = request.error();
        if (rejection.error.detail.empty() || rejection.error.effect != Effect::none)
            __builtin_trap();
        auto const reply = json::serialize(zmq_failure(rejection.id, rejection.error));
        auto const read = decode_zmq_reply(reply);
        if (read && (!read->final || !read->error || read->error->detail != rejection.error.detail))
            __builtin_trap();
        return 0;
    }
    auto const again = decode_zmq_request(encode(*request));
    if (!again || again->op != request->op || again->id != request->id
        || !again->request.same_as(request->request) || again->command != request->command
        || again->wait != request->wait || again->subject != request->subject)
        __builtin_trap();
    return 0;
}
