"""Who may include whom, and in which rooms an outside library may be."""

import re

# Folder -> what of our own tree its files may include, beside the folder itself. The longest folder that fits counts.
CORE = ('core/',)
ALLOWED = {
    'core/base': (),
    'core/wire': ('core/base/',),
    'core/net': ('core/base/', 'core/wire/'),
    'drivers': CORE,                                     # see also _another_driver
    'daemon': CORE,                                      # service.hpp and whatever else stands beside main.cpp
    'daemon/config': CORE + ('drivers/driver.hpp',),
    'daemon/store': CORE + ('daemon/config/model.hpp',),
    'daemon/queue': CORE + ('daemon/service.hpp', 'daemon/store/store.hpp', 'daemon/config/model.hpp', 'drivers/driver.hpp'),
    'daemon/ops': CORE + ('daemon/service.hpp',),
    'daemon/frontends/http': CORE + ('daemon/service.hpp', 'daemon/config/model.hpp', 'daemon/ops/metrics.hpp'),
    'daemon/frontends/zmq': CORE + ('daemon/service.hpp', 'daemon/config/model.hpp'),
    'daemon/frontends/line': CORE + ('daemon/service.hpp', 'daemon/config/model.hpp'),
    'daemon/frontends/powerman': CORE + ('daemon/service.hpp', 'daemon/config/model.hpp'),
    'daemon/frontends/rest': CORE + ('daemon/service.hpp', 'daemon/config/model.hpp'),
    'daemon/frontends/ipmi': CORE + ('daemon/service.hpp', 'daemon/config/model.hpp'),
    'client': CORE,
    'proxy': CORE,
}
# The composition root alone names concrete classes.
COMPOSITION_ROOT = re.compile(r'daemon/(application\w*|main)\.(cpp|hpp)$')
OWN = re.compile(r'(core|drivers|daemon|client|proxy|tests|bench)/')

# (header, where it may be, why)
LIBRARIES = (
    (r'boost/asio\.hpp$|boost/beast\.hpp$|boost/url\.hpp$|boost/json\.hpp$', r'(?!)', 'an umbrella header; include the parts'),
    (r'boost/json/src\.hpp$|boost/asio/impl/src\.hpp$|boost/beast/src\.hpp$', r'cmake/', 'compiled once, in cmake/'),
    (r'boost/beast/', r'core/net/http_|proxy/|bench/|tests/unit/net/test_http|cmake/', 'Beast stays in core/net/http_* and proxy'),
    (r'boost/asio/experimental/awaitable_operators\.hpp$', r'(?!)', 'operator|| hides an early error; use with_deadline'),
    (r'boost/asio/detached\.hpp$', r'(?!)', 'spawn in a TaskGroup'),
    (r'sqlite3\.h$', r'daemon/store/|tests/|bench/', 'SQLite stays in daemon/store'),
    (r'toml\+\+/', r'daemon/config/|tests/', 'toml++ stays in daemon/config'),
    (r'zmq\.h(pp)?$|zmq_addon\.hpp$', r'core/net/|tests/|bench/', 'ZeroMQ stays in core/net'),
    (r'prometheus/', r'daemon/ops/|tests/', 'prometheus-cpp stays in daemon/ops'),
    (r'systemd/', r'core/base/log\.cpp|daemon/ops/|tests/', 'libsystemd stays in core/base/log and daemon/ops'),
    (r'cxxopts', r'client/|proxy/|daemon/main\.cpp|daemon/application|bench/', 'command lines are read where programs start'),
)
# core/base and core/wire are values and state machines: no sockets, no loop.
PURE = re.compile(r'core/(base|wire)/')
IMPURE = re.compile(r'boost/asio|boost/beast|zmq|sqlite|sys/socket\.h|netinet/|netdb\.h|openssl/ssl\.h')

# Made by CMake in the build tree.
GENERATED = re.compile(r'schema_steps\.hpp$')

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def room_of(path):
    fitting = [folder for folder in ALLOWED if path.startswith(folder + '/')]
    return max(fitting, key=len, default=None)


def forbidden_include(path, included):
    """Why `path` must not include `included` of our own tree; None when it may."""
    room = room_of(path)
    if room is None or COMPOSITION_ROOT.match(path):
        return None                                      # tests and benchmarks may know everything
    if included.startswith(('tests/', 'bench/')):
        return 'product code does not know its tests'
    if room == 'drivers':
        return _another_driver(path, included)
    if included.rsplit('/', 1)[0] == room or room_of(included) == room and room != 'daemon':
        return None
    if included.startswith(ALLOWED[room]):
        return None
    return f'{room} may not know {included}'


def _another_driver(path, included):
    if not included.startswith('drivers/'):
        return None if included.startswith(CORE) else f'drivers may not know {included}'
    mine = re.match(r'drivers/([a-z0-9]+)', path).group(1)
    if included == 'drivers/driver.hpp' or included.startswith(f'drivers/{mine}'):
        return None
    return f'a driver knows driver.hpp and its own files, not {included}'


def check(path, text):
    """Yields (line, message) of every include that has no business in this file."""
    for match in INCLUDE.finditer(text):
        line, included = text.count('\n', 0, match.start()) + 1, match.group(2)
        if match.group(1) == '"':
            if GENERATED.match(included):
                continue
            if not OWN.match(included):
                yield line, f'include "{included}" by its full path from the root'
            elif reason := forbidden_include(path, included):
                yield line, reason
            continue
        for header, where, reason in LIBRARIES:
            if re.match(header, included) and not re.match(where, path):
                yield line, f'<{included}>: {reason}'
        if PURE.match(path) and IMPURE.match(included):
            yield line, f'<{included}>: core/base and core/wire have no sockets and no loop'
