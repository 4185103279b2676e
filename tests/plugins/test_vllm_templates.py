"""vLLM finds out by itself what our chat templates can read."""

from __future__ import annotations

import pytest
from dynamo_parsers.chat_templates import TEMPLATES, ChatTemplate

pytest.importorskip("vllm")

from vllm.renderers import hf


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_content_format(template: ChatTemplate) -> None:
    """Parts are handed over as parts, and developer messages as what they are."""
    assert hf._detect_content_format(template.text, default="string") == "openai"
    if hasattr(hf, "_detect_developer_role_support"):
        assert hf._detect_developer_role_support(template.text)
