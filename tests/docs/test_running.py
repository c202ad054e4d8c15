"""docs/running.md starts the web server as the demo does."""

import re
from pathlib import Path

from uvicorn.main import main as command

from config import server

TEXT = (Path(__file__).parents[2] / "docs" / "running.md").read_text()


def options(flags: list[str]) -> dict[str, object]:
    """What uvicorn's own command line makes of these flags, where it differs from its defaults."""
    context = command.make_context("uvicorn", ["config.asgi:application", *flags])
    plain = command.make_context("uvicorn", ["config.asgi:application"])
    return {name: v for name, v in context.params.items() if v != plain.params[name]}


def test_the_flags_of_the_document_are_those_of_the_demo_and_of_the_tests() -> None:
    command_line = re.search(r"uvicorn config\.asgi:application (.*?)  +#", TEXT, re.DOTALL)
    assert command_line
    documented = options(command_line[1].replace("\\\n", " ").split())
    assert documented.pop("loop") == "uvloop"
    assert documented == options(list(server.FLAGS))
    assert documented == {name: value for name, value in server.OPTIONS.items() if value != "auto"}
