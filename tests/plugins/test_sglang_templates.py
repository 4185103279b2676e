"""SGLang finds out by itself what our chat templates can read."""

from __future__ import annotations

import pytest
from dynamo_parsers.chat_templates import TEMPLATES, ChatTemplate, chat_template
from dynamo_parsers.template_words import Own, learn
from dynamo_parsers.template_words.encoders import encoders_for

pytest.importorskip("sglang")

from sglang.srt.parser import jinja_template_utils


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_content_format(template: ChatTemplate) -> None:
    """Parts are handed over as parts; reasoning of the history is read; media follow the order of the calls."""
    assert jinja_template_utils.detect_jinja_template_content_format(template.text) == "openai"
    for name in ("jinja_template_reads_reasoning_content", "jinja_template_may_reorder_tool_results"):
        if hasattr(jinja_template_utils, name):
            assert getattr(jinja_template_utils, name)(template.text)


@pytest.mark.parametrize(("name", "package"), [("deepseek_v3_2", "sglang"), ("deepseek_v4", "deepseek_recipe")])
def test_the_words_of_the_encoders_are_learned(name: str, package: str) -> None:
    """Tools and all: no text differs from what SGLang encodes without a reason."""
    encoder = next(each for each in encoders_for(name) if each.encoder.package == package)
    learned = learn(chat_template(name).text, Own.of(encoder, name), name)
    assert learned.proof.unexplained == []
    assert learned.proof.counted["equal"] >= 65
