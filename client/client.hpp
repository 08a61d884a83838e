#pragma once

#include "client/exit_code.hpp"
#include "client/output/terminal.hpp"
#include "core/net/task_group.hpp"

#include <string>
#include <vector>

namespace switchyard::client {

// pduclient, without its process: tests run it on their own loop.
class Client {
public:
    Client(Timers& timers, Terminal& terminal) : timers_(timers), terminal_(terminal), running_(timers) {}

    // `arguments` come after the program's name. Returns what to exit with.
    asio::awaitable<ExitCode> run(std::vector<std::string> arguments);
    // Ctrl-C: what runs is told to end, the commands go on.
    void interrupt();

private:
    Timers& timers_;
    Terminal& terminal_;
    TaskGroup running_;
    bool interrupted_ = false;
};

} // namespace switchyard::client
