"""README's index "Where a rule lives" is true: every home exists and holds what it says, and no home is left out."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
APPS = ("tuplets", "accounts", "billing", "analytics", "jobs")
SECTION = (ROOT / "README.md").read_text().partition("## Where a rule lives")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| (.+?) \| `([\w/.]+)`(?: (.*?))? \|$", SECTION, flags=re.MULTILINE)


def test_the_index_is_there():
    assert len(ROWS) >= 10


@pytest.mark.parametrize(("rule", "home", "names"), ROWS, ids=[row[1] for row in ROWS])
def test_a_home_exists_and_holds_the_names_it_is_listed_for(rule, home, names):
    source = (ROOT / home).read_text()
    for name in re.findall(r"`(\w+)`", names):
        assert re.search(rf"\b{name}\b", source), f"{home} has no {name}"


def test_every_module_that_claims_a_rule_is_in_the_index():
    claims = set()
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
            if docstring.upper().startswith("EVERY "):
                claims.add(str(path.relative_to(ROOT)))
    assert claims <= {home for _, home, _ in ROWS}
