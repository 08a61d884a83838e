#!/usr/bin/env python3
"""Every rule must catch its bad example and leave its good one alone: a test that cannot fail is worth nothing."""

import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import cpp_text
import graph
import rules
import tidy


def found(rule, path, text):
    return list(rule(path, text))


class Sizes(unittest.TestCase):
    def test_file(self):
        self.assertFalse(found(rules.file_length, 'core/base/a.cpp', 'int a;\n' * 500))
        self.assertTrue(found(rules.file_length, 'core/base/a.cpp', 'int a;\n' * 501))
        self.assertTrue(found(rules.file_length, 'tests/peers/a.py', 'a = 1\n' * 501))
        self.assertFalse(found(rules.file_length, 'docs/a.md', 'text\n' * 501))

    def function(self, lines, before='int f(int a)\n{\n', after='}\n'):
        text = before + '    a();\n' * lines + after
        return found(rules.function_length, 'core/base/a.cpp', text)

    def test_function(self):
        self.assertFalse(self.function(67))
        self.assertFalse(self.function(67, 'namespace n {\nint f(int a)\n{\n', '}\n}\n'))
        for before, after in (
                ('int f(int a)\n{\n', '}\n'),
                ('namespace n {\nclass C {\n    C() : a_(1)\n    {\n', '    }\n};\n}\n'),
                ('C::C() : a_{1}, b_{2}\n{\n', '}\n'),
                ('struct S {\n    auto f() const -> std::vector<int>\n    {\n', '    }\n};\n'),
                ('TEST_CASE("a { b")\n{\n', '}\n'),
                ('#if A\nint f()\n{\n#else\nint f()\n{\n#endif\n', '}\n')):
            self.assertTrue(self.function(70, before, after), before)

    def test_function_is_named_with_its_line(self):
        self.assertEqual(self.function(70)[0], (1, 'f has 73 lines, a function has at most 70'))

    def test_many_short_functions_are_fine(self):
        text = 'namespace n {\n' + 'int f()\n{\n    return 1;\n}\n' * 90 + '}\nstruct S { int a{1}; };\n'
        self.assertFalse(found(rules.function_length, 'core/base/a.cpp', text))

    def test_a_table_is_no_function(self):
        text = 'constexpr Table t{{\n' + '    {"a", f(1)},\n' * 90 + '}};\nint a[] = {\n' + '    f(1),\n' * 90 + '};\n'
        self.assertFalse(found(rules.function_length, 'core/base/a.cpp', text))

    def test_python_function(self):
        self.assertTrue(found(rules.function_length, 'a.py', 'def f():\n' + '    a()\n' * 70))
        self.assertFalse(found(rules.function_length, 'a.py', 'def f():\n' + '    a()\n' * 69))


class Includes(unittest.TestCase):
    BAD = (
        ('core/base/a.cpp', '"core/net/timers.hpp"'),
        ('core/wire/a.cpp', '"core/net/timers.hpp"'),
        ('core/wire/a.cpp', '<boost/asio/awaitable.hpp>'),
        ('core/wire/a.cpp', '<sqlite3.h>'),
        ('core/net/a.cpp', '"drivers/driver.hpp"'),
        ('core/net/a.cpp', '"daemon/service.hpp"'),
        ('drivers/snmp_driver.cpp', '"drivers/ipmitool_output.hpp"'),
        ('drivers/snmp_driver.cpp', '"daemon/service.hpp"'),
        ('daemon/service.hpp', '"daemon/store/store.hpp"'),
        ('daemon/config/a.cpp', '"drivers/fake_driver.hpp"'),
        ('daemon/store/a.cpp', '"daemon/queue/dispatcher.hpp"'),
        ('daemon/queue/a.cpp', '"daemon/store/sqlite_store.hpp"'),
        ('daemon/frontends/http/a.cpp', '"daemon/frontends/zmq/b.hpp"'),
        ('daemon/frontends/zmq/a.cpp', '"daemon/store/store.hpp"'),
        ('daemon/frontends/zmq/a.cpp', '"daemon/ops/metrics.hpp"'),
        ('daemon/frontends/http/a.cpp', '"daemon/application.hpp"'),
        ('daemon/frontends/http/a.cpp', '<boost/beast/http/message.hpp>'),
        ('client/a.cpp', '"daemon/service.hpp"'),
        ('proxy/a.cpp', '"client/b.hpp"'),
        ('core/net/a.cpp', '<boost/asio.hpp>'),
        ('core/net/http_server.cpp', '<boost/beast.hpp>'),
        ('core/net/a.cpp', '<boost/beast/core.hpp>'),
        ('core/wire/a.cpp', '<boost/json/src.hpp>'),
        ('core/net/a.cpp', '<boost/asio/experimental/awaitable_operators.hpp>'),
        ('core/net/a.cpp', '<boost/asio/detached.hpp>'),
        ('daemon/queue/a.cpp', '<sqlite3.h>'),
        ('daemon/queue/a.cpp', '"device_worker.hpp"'),
        ('daemon/queue/a.cpp', '"tests/support/run.hpp"'),
    )
    GOOD = (
        ('core/wire/a.cpp', '"core/base/error.hpp"'),
        ('core/net/a.cpp', '"core/wire/northbound.hpp"'),
        ('core/net/http_server.cpp', '<boost/beast/core/flat_buffer.hpp>'),
        ('drivers/snmp_driver.cpp', '"drivers/driver.hpp"'),
        ('drivers/snmp_driver.cpp', '"drivers/snmp_table.hpp"'),
        ('drivers/snmp_driver.cpp', '"core/net/timers.hpp"'),
        ('daemon/config/loader.cpp', '"drivers/driver.hpp"'),
        ('daemon/queue/a.cpp', '"daemon/store/store.hpp"'),
        ('daemon/frontends/http/a.cpp', '"daemon/frontends/http/b.hpp"'),
        ('daemon/frontends/http/a.cpp', '"daemon/ops/metrics.hpp"'),
        ('daemon/store/a.cpp', '<sqlite3.h>'),
        ('daemon/application.cpp', '"daemon/store/sqlite_store.hpp"'),
        ('daemon/main.cpp', '"daemon/application.hpp"'),
        ('client/commands/on.cpp', '"client/output/table.hpp"'),
        ('tests/unit/queue/test_a.cpp', '"daemon/queue/dispatcher.hpp"'),
    )

    def test_bad(self):
        for path, header in self.BAD:
            findings = found(rules.includes, path, f'\n#include {header}\n')
            self.assertTrue(findings, f'{path} includes {header}')
            self.assertEqual(findings[0][0], 2)

    def test_good(self):
        for path, header in self.GOOD:
            self.assertFalse(found(rules.includes, path, f'#include {header}\n'), f'{path} includes {header}')

    def test_every_folder_of_the_daemon_has_its_rule(self):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
        for folder, _, names in os.walk(os.path.join(root, 'daemon')):
            path = os.path.relpath(folder, root)
            if any(name.endswith(rules.CPP) for name in names):
                self.assertIn(path, graph.ALLOWED)


class Names(unittest.TestCase):
    BAD = (
        ('core/net/a.cpp', 'asio::co_spawn(e, f(), asio::detached);'),
        ('core/net/a.cpp', 'std::thread(f).detach();'),
        ('core/net/a.cpp', 'std::this_thread::sleep_for(1s);'),
        ('core/net/a.cpp', '::usleep(1);'),
        ('tests/unit/net/test_a.cpp', 'sleep(1);'),
        ('core/base/a.cpp', 'auto a = std::stoi(text);'),
        ('core/base/a.cpp', 'auto a = atoi(text);'),
        ('core/net/a.cpp', 'using namespace asio::experimental::awaitable_operators;'),
        ('core/net/a.hpp', 'using namespace std::chrono_literals;'),
        ('daemon/queue/a.cpp', 'auto const now = std::chrono::steady_clock::now();'),
        ('core/wire/a.cpp', 'auto const now = Clock::now();'),
        ('drivers/a_driver.cpp', 'std::system("ipmitool");'),
        ('core/base/a.cpp', 'out << std::endl;'),
        ('daemon/queue/a.cpp', 'std::fprintf(stderr, "here");'),
        ('core/net/a.cpp', 'std::cerr << 1;'),
    )
    GOOD = (
        ('core/net/a.cpp', '// asio::detached would lose it'),
        ('core/net/a.cpp', 'log.info("std::stoi( and sleep(1)");'),
        ('core/net/a.cpp', 'auto const raw = R"(sleep(1))";'),
        ('client/output/a.cpp', 'std::cout << 1;'),
        ('core/base/clock.hpp', 'return std::chrono::steady_clock::now();'),
        ('core/net/a.cpp', 'using namespace std::chrono_literals;'),
        ('tests/unit/net/test_a.cpp', 'auto const now = std::chrono::steady_clock::now();'),
        ('core/base/a.cpp', "auto const a = 10'000; auto const b = 'x'; // sleep(1)"),
    )

    def test_bad(self):
        for path, text in self.BAD:
            self.assertTrue(found(rules.banned_names, path, text), text)

    def test_good(self):
        for path, text in self.GOOD:
            self.assertFalse(found(rules.banned_names, path, text), text)

    def test_python_sleep(self):
        self.assertTrue(found(rules.python_naps, 'tests/peers/test_a.py', 'import time\ntime.sleep(1)\n'))
        self.assertFalse(found(rules.python_naps, 'tests/support/wait.py', 'import time\ntime.sleep(0.01)\n'))

    def test_shared_ptr(self):
        self.assertTrue(found(rules.shared_owners, 'core/net/a.hpp', 'class A {\n    std::shared_ptr<B> b_;\n};\n'))
        self.assertFalse(found(rules.shared_owners, 'core/net/a.hpp', '// owners: A and the reader\nstd::shared_ptr<B> b_;\n'))

    def test_unfinished(self):
        self.assertTrue(found(rules.unfinished, 'core/base/a.cpp', f'// {"TO"}DO: later\n'))
        self.assertTrue(found(rules.unfinished, 'docs/a.md', f'{"FIX"}ME\n'))
        self.assertFalse(found(rules.unfinished, 'core/base/a.cpp', '// mastodon\n'))


class Conditions(unittest.TestCase):
    def found(self, code):
        return found(rules.await_in_a_condition, 'core/net/a.cpp', f'awaitable<void> f()\n{{\n    {code}\n}}\n')

    def test_bad(self):
        for code in ('if (!co_await f(a + b))\n        co_return fail("x");', 'while (co_await f()) {\n    }',
                     'bool const both = a && co_await f();', 'auto const c = a ? co_await f() : 1;',
                     'for (auto x : co_await f()) {\n    }', 'if (auto r = g(); co_await f(r))\n        g();'):
            self.assertTrue(self.found(code), code)

    def test_good(self):
        for code in ('bool const ok = co_await f();\n    if (!ok)\n        g();',
                     'if (auto const r = co_await f(); !r)\n        co_return r;', 'co_return co_await f(a && b);'):
            self.assertFalse(self.found(code), code)


class Coroutines(unittest.TestCase):
    BAD = (
        'co_await f(Options{1, 2});',
        'auto const a = co_await f({.a = 1});',
        'if (auto r = co_await f(Options{1}); !r)\n        g();',
        'co_return co_await f(std::vector<std::string>{"a"});',
        'co_await f([x] { return x; });',
        'co_await f([=] { return x; });',
        'co_await f([x = std::move(y)]() mutable { g(x); });',
        'co_await f([&a, b](int) { return b; });',
        'g(Options{co_await f()});',
        'auto task = [&]() -> asio::awaitable<void> { co_await f(Options{1}); };',
        'while (co_await f(Options{1}))\n        g();',
        'for (auto x : co_await f(Options{1})) { g(x); }',
    )
    GOOD = (
        'Options options{1, 2};\n    co_await f(std::move(options));',
        'if (auto r = co_await f(); !r) {\n        g({1});\n    }',
        'if (!co_await f())\n        co_return fail(Errc::cancelled, {});',
        'co_await f([&] { return x; });',
        'co_await f(CommandId{5}, Clock::now() + std::chrono::seconds{10});',
        'co_await f([this](int a) { return a; });',
        'co_await f([](int a) { return Options{a}; });',
        'auto task = [&]() -> asio::awaitable<void> { co_await f(); };\n    run(Options{1}, task);',
        'auto [a, b] = co_await f();',
        'a[i] = co_await f(b[j]);',
        'switch (co_await f()) {\n    case 1:\n        g(Options{1});\n    }',
        '// co_await f(Options{1})',
        'for (;;) {\n        auto r = co_await f();\n        if (r)\n            break;\n    }\n    g(Options{1});',
    )

    def in_function(self, text):
        return found(rules.await_temporaries, 'core/net/a.cpp',
                     f'asio::awaitable<void> Foo::bar(int a) const\n{{\n    int b{{1}};\n    {text}\n    c(Options{{2}});\n}}\n')

    def test_bad(self):
        for text in self.BAD:
            self.assertTrue(self.in_function(text), text)

    def test_good(self):
        for text in self.GOOD:
            self.assertFalse(self.in_function(text), text)

    def test_line(self):
        self.assertEqual(self.in_function('co_await f(Options{1});')[0][0], 4)


class Files(unittest.TestCase):
    def test_pragma_once(self):
        self.assertTrue(found(rules.pragma_once, 'core/base/a.hpp', '#include <string>\n'))
        self.assertFalse(found(rules.pragma_once, 'core/base/a.hpp', '#pragma once\n'))

    def test_white_space(self):
        self.assertTrue(found(rules.white_space, 'docs/a.md', 'text \n'))
        self.assertTrue(found(rules.white_space, 'docs/a.md', 'text'))
        self.assertTrue(found(rules.white_space, 'docs/a.md', 'text\r\n'))
        self.assertFalse(found(rules.white_space, 'docs/a.md', 'text\n\nmore\n'))

    def test_driver_needs_test_and_page(self):
        complete = {'drivers/a_driver.cpp': '', 'tests/drivers/test_a_driver.cpp': '', 'docs/drivers/a.md': ''}
        self.assertFalse(list(rules.drivers_complete(complete)))
        for missing in list(complete)[1:]:
            self.assertTrue(list(rules.drivers_complete({path: '' for path in complete if path != missing})))

    def test_pages(self):
        good = {'README.md': '[a](docs/a.md)\n', 'docs/a.md': '[b](sub/b.md#part) [site](https://x.org)\n', 'docs/sub/b.md': '[up](../a.md)\n'}
        self.assertFalse(list(rules.pages_linked(good)))
        self.assertEqual(list(rules.pages_linked(good | {'docs/c.md': ''})), [('docs/c.md', 1, 'no page links to this one')])
        self.assertTrue(list(rules.pages_linked(good | {'docs/a.md': '[b](sub/b.md) [gone](gone.md)\n'})))

    def test_every_rule_is_used(self):
        with tempfile.TemporaryDirectory() as root:
            with open(os.path.join(root, 'a.hpp'), 'w', encoding='utf-8') as file:
                file.write('int  a; \n')
            messages = [message for _, _, message in tidy.check(tidy.read_tree(root))]
            self.assertEqual(len(messages), 2)
            if shutil.which(tidy.FORMATTER):
                self.assertEqual(len(list(tidy.check_format(root, tidy.read_tree(root)))), 1)


class Text(unittest.TestCase):
    def test_blank_keeps_every_position(self):
        text = 'int a; // "x\nchar const* b = "}\\"{"; /* { */ auto c = R"x(}")x"; char d = \'{\';\n'
        blank = cpp_text.blank(text)
        self.assertEqual(len(blank), len(text))
        self.assertNotRegex(blank, '[{}]')


if __name__ == '__main__':
    unittest.main()
