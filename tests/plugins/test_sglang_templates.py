"""SGLang finds out by itself what our chat templates can read."""

from __future__ import annotations

import pytest
from dynamo_parsers.chat_templates import TEMPLATES, ChatTemplate

pytest.importorskip("sglang")

from sglang.srt.parser import jinja_template_utils


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_content_format(template: ChatTemplate) -> None:
    """Parts are handed over as parts; reasoning of the history is read; media follow the order of the calls."""
    assert jinja_template_utils.detect_jinja_template_content_format(template.text) == "openai"
    for name in ("jinja_template_reads_reasoning_content", "jinja_template_may_reorder_tool_results"):
        if hasattr(jinja_template_utils, name):
            assert getattr(jinja_template_utils, name)(template.text)
