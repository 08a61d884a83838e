"""Just enough C++ to judge a file: its text without comments and literals, its functions, its co_await statements."""

import re

_TOKEN = re.compile(
    r'//[^\n]*(?:\\\n[^\n]*)*'                  # a comment to the end of the line
    r'|/\*.*?\*/'                              # a comment
    r'|(?:u8|[uUL])?R"([^()\\ \n]{0,16})\(.*?\)\1"'  # a raw string
    r'|"(?:\\.|[^"\\\n])*"'                    # a string
    r"|(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'",  # a character; 10'000 has none
    re.DOTALL)


def blank(text, keep_strings=False):
    """The text with comments (and, unless told otherwise, literals) overwritten by blanks; every line keeps its place."""
    def replace(match):
        token = match.group()
        if token.startswith('/'):
            return re.sub(r'[^\n]', ' ', token)
        if keep_strings:
            return token
        return '"' + re.sub(r'[^\n]', ' ', token[1:-1]) + '"' if len(token) > 1 else token
    return _TOKEN.sub(replace, text)


def without_directives(code):
    """Blanked code without preprocessor lines, whose braces need not match."""
    return re.sub(r'^[ \t]*#(?:[^\n\\]|\\\n|\\.)*', lambda m: re.sub(r'[^\n]', ' ', m.group()), code, flags=re.MULTILINE)


def line_of(text, position):
    return text.count('\n', 0, position) + 1


_CONTAINER = re.compile(r'\b(namespace|class|struct|union|enum|extern|concept)\b')
# What stands before the brace of a block, as opposed to that of an initializer.
_BLOCK_HEAD = re.compile(
    r'(?:^|[;{}]|\b(?:else|do|try)|[)\]](?:\s|\b(?:const|noexcept|mutable|override|final|constexpr)\b|&)*'
    r'(?:->[^;{}()]*)?|\bnoexcept\s*\([^()]*\)\s*(?:->[^;{}()]*)?|[^:]:)\s*$')


def is_block(code, brace):
    """Whether the brace at this position opens a block: of a function, a lambda or a statement."""
    return bool(_BLOCK_HEAD.search(code[max(0, brace - 400):brace]))


def closing(code, opening):
    """The position of the bracket that closes the one at `opening`, or the end of the text."""
    pairs = {'{': '}', '(': ')', '[': ']'}
    mine, other, depth = code[opening], pairs[code[opening]], 0
    for position in range(opening, len(code)):
        if code[position] == mine:
            depth += 1
        elif code[position] == other:
            depth -= 1
            if depth == 0:
                return position
    return len(code) - 1


def functions(text):
    """Yields (first line, number of lines, name) of every function that is not inside another one."""
    code = without_directives(blank(text))
    head, position = 0, 0
    while position < len(code):
        character = code[position]
        if character in ';}':
            head = position + 1
        elif character == '{':
            introduction = code[head:position]
            has_parameters = '(' in introduction
            assigned = re.search(r'=\s*$', introduction)
            is_container = _CONTAINER.search(introduction) and not re.search(r'\)[^()]*$', introduction)
            if is_container and not assigned:
                head = position + 1                      # go inside: its members are functions
            else:
                end = closing(code, position)
                if (has_parameters or not introduction.strip()) and not assigned:
                    first = line_of(code, head + len(introduction) - len(introduction.lstrip()))
                    name = re.findall(r'([\w~:]+)\s*\(', introduction)
                    yield first, line_of(code, end) - first + 1, name[0] if name else 'a function'
                position = end
                # `Foo() : a{1}, b{2} {}`: what follows an initializer's brace belongs to the same head
                head = end + 1
        position += 1


def await_statements(text):
    """Yields (start, end, code) of every full-expression with a co_await, without the bodies of lambdas inside it."""
    code = without_directives(blank(text))
    seen = set()
    for match in re.finditer(r'\bco_await\b', code):
        start, end = _statement(code, match.start())
        if start not in seen:
            seen.add(start)
            yield start, end, code


_CONTROL = re.compile(r'\s*(?:else\s+)?(?:if|while|switch|for)\s*(?:constexpr\s*)?\(')


def await_conditions(text):
    """Yields the position of every co_await that decides a branch: in a condition, or behind &&, || or ?."""
    for start, end, code in await_statements(text):
        statement = code[start:end]
        control = _CONTROL.match(statement)
        inside = statement[control.end():] if control else statement
        if control:
            inside = inside.rsplit(';', 1)[-1]           # the first half of an if with initializer is a declaration
        second_half = _is_second_half(code, start)       # `if (auto r = g(); co_await f(r))`
        decided = 'co_await' in inside if control or second_half else re.search(r'(?:&&|\|\||\?)[^;{}]*\bco_await\b', inside)
        if decided:
            yield start + statement.rindex('co_await')


def _is_second_half(code, start):
    """Is the ';' before this position inside the parentheses of an if?"""
    head = re.search(r'\b(?:if|while|switch)\s*\([^()]*(?:\([^()]*\)[^()]*)*;$', code[max(0, start - 300):start])
    return code[start - 1:start] == ";" and head is not None


def _statement(code, position):
    """The full-expression around this position. A condition is one of its own, apart from the statement it guards."""
    start = _statement_start(code, position)
    while control := _CONTROL.match(code, start):
        end = closing(code, control.end() - 1)
        if position < end:
            return start, end
        start = end + 1
    return start, _statement_end(code, start)


def _statement_start(code, position):
    """Back to the end of the statement or the brace of the block before it."""
    depth = 0
    while position > 0:
        position -= 1
        character = code[position]
        if character == '}' and depth == 0 and not re.match(r'}\s*[),.;\]>}?:]|}\s*(?:&&|\|\||[-+*/=<])', code[position:]):
            return position + 1
        if character in ')]}':
            depth += 1
        elif character == '{' and depth == 0 and is_block(code, position):
            return position + 1
        elif character in '([{':
            depth = max(0, depth - 1)
        elif character == ';' and depth == 0:
            return position + 1
    return 0


def _statement_end(code, position):
    depth = 0
    while position < len(code):
        character = code[position]
        if character == '{' and depth == 0 and is_block(code, position):
            return position
        if character in '([{':
            depth += 1
        elif character in ')]}':
            depth -= 1
            if depth < 0:
                return position
        elif character == ';' and depth == 0:
            return position
        position += 1
    return position


_INTRODUCER = re.compile(r'(?<![\w)\]"])\s*\[([^\[\]]*)\]\s*(?=[({]|mutable)')

# Numbers with a name: there is nothing to destroy in them.
_TRIVIAL = re.compile(r'\b(?:(?:nano|micro|milli)?seconds|minutes|hours|CommandId|EventId)\s*$')


def await_hazards(text):
    """Yields (position, what) of temporaries that g++ 12.2 destroys twice: aggregates and by-value captures."""
    for start, end, code in await_statements(text):
        position = start
        while position < end:
            character = code[position]
            if character == '[':
                captures = _INTRODUCER.match(code, position) or _INTRODUCER.match(code, position - 1)
                if captures and any(not re.match(r'&|this$', c.strip()) for c in captures.group(1).split(',') if c.strip()):
                    yield position, 'a lambda that captures by value'
            if character == '{':
                if is_block(code, position):
                    position = closing(code, position)
                elif not _TRIVIAL.search(code[:position][-40:]):
                    yield position, 'a braced temporary'
            position += 1
