"""Writes template/expected.json: what Python's Jinja2, set up as transformers does, makes of the chat templates in
template/*.jinja for each case in template/cases.json. An error is null.

    python3 template.py            (pip install jinja2==3.1.6)
"""

import copy
import datetime
import json
import pathlib

import jinja2
import jinja2.ext
import jinja2.sandbox

HERE = pathlib.Path(__file__).parent / "template"
NOW = datetime.datetime(2025, 7, 9, 14, 5, 7)  # TemplateReferenceTest.cpp has the same


class Generation(jinja2.ext.Extension):
    """{% generation %} marks what the assistant says; it prints what is in it."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("run"), [], [], body).set_lineno(line)

    @jinja2.pass_eval_context
    def run(self, context, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def environment():
    result = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    result.filters["tojson"] = tojson
    result.globals["raise_exception"] = raise_exception
    result.globals["strftime_now"] = NOW.strftime
    return result


def render(template, variables):
    try:
        return template.render(**copy.deepcopy(variables))
    except Exception:
        return None


def main():
    cases = json.loads((HERE / "cases.json").read_text())
    env = environment()
    expected = {}
    for path in sorted(HERE.glob("*.jinja")):
        template = env.from_string(path.read_bytes().decode())
        expected[path.stem] = {name: render(template, variables) for name, variables in cases.items()}
    text = json.dumps(expected, ensure_ascii=False, indent=1)
    (HERE / "expected.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
