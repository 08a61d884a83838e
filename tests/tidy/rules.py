"""The rules of the house. Each takes a path from the root and a text and yields (line, message)."""

import ast
import re

import cpp_text
import graph

FUNCTION_LINES = 70
FILE_LINES = 500

CPP = ('.cpp', '.hpp')
SOURCES = CPP + ('.c', '.py', '.sh')
PRODUCT = ('core/', 'daemon/', 'drivers/', 'client/', 'proxy/')

# (pattern over code without comments and literals, files, exempt files, what to do instead)
BANNED = (
    (r'\bdetached\b|\.\s*detach\s*\(', CPP, r'(?!)', 'nothing is detached: spawn in a TaskGroup'),
    (r'\b(?:u|nano)?sleep\s*\(|\bsleep_(?:for|until)\b', CPP, r'(?!)', 'nothing sleeps: wait for the event, or use Timers'),
    (r'\bstd::sto(?:i|l|ll|ul|ull|f|d|ld)\b|\bato[ifl]l?\s*\(', CPP, r'(?!)', 'it throws or hides errors: parse_integer, from_chars'),
    (r'\bawaitable_operators\b', CPP, r'(?!)', 'operator|| hides an early error: use with_deadline'),
    (r'\busing\s+namespace\b', ('.hpp',), r'(?!)', 'not in a header: it changes every file that includes it'),
    (r'\b(?:steady|system|high_resolution)_clock::now\b|\bclock_gettime\s*\(', CPP, r'core/base/clock\.|tests/|bench/',
     'time is switchyard::Clock, so that everything runs in a simulation'),
    (r'(?:\bstd::|(?<![\w:])::)system\s*\(|\bpopen\s*\(', CPP, r'tests/|bench/', 'no shell: use core/net/subprocess'),
    (r'\bf?printf\s*\(|\bstd::c(?:out|err)\b', CPP, r'client/|tests/|bench/|daemon/(?:main|application)',
     'words go through Log; only what starts a program prints'),
    (r'\bstd::endl\b', CPP, r'(?!)', "write '\\n'"),
)
WIRE_CLOCK = re.compile(r'\bClock::(?:now|utc)\s*\(')
UNFINISHED = re.compile(r'\b(?:TODO|FIXME|XXX)\b')


def file_length(path, text):
    lines = text.count('\n')
    if path.endswith(SOURCES) and lines > FILE_LINES:
        yield lines, f'{lines} lines, a file has at most {FILE_LINES}: split it by meaning'


def function_length(path, text):
    found = ()
    if path.endswith(CPP):
        found = cpp_text.functions(text)
    elif path.endswith('.py'):
        found = ((node.lineno, node.end_lineno - node.lineno + 1, node.name) for node in ast.walk(ast.parse(text))
                 if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    for line, length, name in found:
        if length > FUNCTION_LINES:
            yield line, f'{name} has {length} lines, a function has at most {FUNCTION_LINES}'


def includes(path, text):
    if path.endswith(CPP):
        yield from graph.check(path, text)


def banned_names(path, text):
    code = cpp_text.blank(text) if path.endswith(CPP) else text
    for pattern, endings, exempt, advice in BANNED:
        if not path.endswith(endings) or re.match(exempt, path):
            continue
        for match in re.finditer(pattern, code):
            yield cpp_text.line_of(code, match.start()), f'{match.group().strip()}: {advice}'
    if path.startswith('core/wire/'):
        for match in WIRE_CLOCK.finditer(code):
            yield cpp_text.line_of(code, match.start()), 'core/wire has no clock: time is an argument'


def python_naps(path, text):
    """A test that waits by the clock is slow on a fast machine and wrong on a slow one; tests/support polls for everybody."""
    if path.endswith('.py') and not path.startswith('tests/support/'):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ('time.sleep', 'sleep', 'asyncio.sleep'):
                yield node.lineno, 'sleep: wait for the event'


def await_temporaries(path, text):
    if path.endswith(CPP):
        for position, what in cpp_text.await_hazards(text):
            yield (cpp_text.line_of(text, position),
                   f'{what} in a statement with co_await: g++ 12.2 destroys it twice; name it first')


def await_in_a_condition(path, text):
    """g++ 12.2 resumes a frame that is not there: a co_await belongs in a statement of its own, named, or in the first half of
    an if with initializer."""
    if path.endswith(CPP):
        for position in cpp_text.await_conditions(text):
            yield cpp_text.line_of(text, position), 'co_await in a condition: name its result first (g++ 12.2 loses the frame)'


def shared_owners(path, text):
    if not (path.endswith(CPP) and path.startswith(PRODUCT)):
        return
    lines, code = text.splitlines(), cpp_text.blank(text).splitlines()
    for number, line in enumerate(code):
        if not re.search(r'\bshared_ptr<[^;]*>\s+\w+\s*[;={]', line):
            continue
        if not any('//' in text_line for text_line in lines[max(0, number - 3):number + 1]):
            yield number + 1, 'shared_ptr: a comment names the two owners'


def pragma_once(path, text):
    if path.endswith('.hpp') and not text.startswith('#pragma once\n'):
        yield 1, 'a header starts with #pragma once'


def unfinished(path, text):
    if path.startswith('tests/tidy/'):
        return                                           # here the words are named, not used
    for number, line in enumerate(text.splitlines(), 1):
        if match := UNFINISHED.search(line):
            yield number, f'{match.group()}: finish it, or write an issue'


def white_space(path, text):
    for number, line in enumerate(text.split('\n'), 1):
        if line != line.rstrip():
            yield number, 'white space at the end of the line'
    if text and not text.endswith('\n'):
        yield text.count('\n') + 1, 'the last line has no end'


FILE_RULES = (file_length, function_length, includes, banned_names, python_naps, await_temporaries, await_in_a_condition,
              shared_owners, pragma_once, unfinished, white_space)

LINK = re.compile(r'\]\(([^)#\s]+)(?:#[^)]*)?\)')


def drivers_complete(files):
    """Each driver has its test and its page; the build says so too, but only to those who build."""
    for path in files:
        if match := re.fullmatch(r'drivers/(\w+)_driver\.cpp', path):
            name = match.group(1)
            for needed in (f'tests/drivers/test_{name}_driver.cpp', f'docs/drivers/{name}.md'):
                if needed not in files:
                    yield path, 1, f'driver {name} has no {needed}'


def pages_linked(files):
    """Every page can be reached from the README, and no link leads nowhere."""
    reached, todo = set(), [path for path in ('README.md',) if path in files]
    while todo:
        page = todo.pop()
        reached.add(page)
        folder = page.rsplit('/', 1)[0] + '/' if '/' in page else ''
        for number, line in enumerate(files[page].splitlines(), 1):
            for link in LINK.findall(line):
                if '://' in link or link.startswith('mailto:'):
                    continue
                target = normal(folder + link)
                is_folder = any(path.startswith(target.rstrip('/') + '/') for path in files)
                if target not in files and not is_folder:
                    yield page, number, f'the link {link} leads nowhere'
                elif target.endswith('.md') and target not in reached and target not in todo:
                    todo.append(target)
    for path in sorted(files):
        if path.startswith('docs/') and path.endswith('.md') and path not in reached:
            yield path, 1, 'no page links to this one'


def normal(path):
    parts = []
    for part in path.split('/'):
        if part == '..':
            parts = parts[:-1]
        elif part not in ('', '.'):
            parts.append(part)
    return '/'.join(parts)


TREE_RULES = (drivers_complete, pages_linked)
