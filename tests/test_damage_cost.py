"""Broken calls in a row cost their own length: what is held is read again twice at most."""

from __future__ import annotations

import pytest
import test_cost
from dynamo_parsers.registry import TOOL_ROWS, reasoning_row
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.write import markup
from replies import Request
from test_damage import FIRST, TOOLS, damaged, in_tags

pytestmark = pytest.mark.shared
EACH = 16
"""Of so many kinds of damage one is repeated."""


@pytest.mark.costly
@pytest.mark.parametrize("row", [row for row in TOOL_ROWS if not in_tags(row)], ids=lambda row: row.name)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("prose", ["", " Then.\n"], ids=["together", "apart"])
def test_broken_calls_in_a_row(row: ToolRow, prose: str) -> None:
    renderer = markup.RENDERERS[row.name]
    think = reasoning_row(row.pairs[0])
    (call,) = renderer.write([markup.Part("calls", calls=(FIRST,))], (think.open, think.close))
    broken = [(name, test_cost.repeated(text + prose)) for name, _, text in damaged(call, row)]
    # Which kinds are tried differs between the families.
    some = broken[len(row.name) % EACH :: EACH]
    request = Request(row.name, row.pairs[0], TOOLS, in_reasoning=False)
    assert not test_cost.too_slow(request, some, test_cost.WHOLE)
    assert not test_cost.too_slow(request, some[:2], 5)
