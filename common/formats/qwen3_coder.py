"""Qwen3-Coder, Qwen3.5, Qwen3.6, and Nemotron Nano (NVIDIA).

<tool_call>
<function=get_weather>
<parameter=city>
Paris
</parameter>
</function>
</tool_call>

Values are typed by the tool's schema; the template writes a newline on each side of one. Between `<tool_call>` and its
closer the models also write `<function name="get_weather">` and `<parameter name="city">`.
"""

from __future__ import annotations

from ..arguments.tags import Tags
from ..format import Span
from ..recovery import drift, recovering
from .tagged import Tagged, sample_of

WRAPPER = Span("<tool_call>", "</tool_call>")


def attributed(wrapper: Span, *, framed: bool) -> Tagged:
    """The variant with names as attributes, `<function name="f">` and `<parameter name="p">`."""
    return Tagged(
        sample="",
        wrapper=wrapper,
        call=Span("<function name=", "</function>"),
        name_end=(">",),
        arguments=Tags(
            open="<parameter name=",
            name_end=(">",),
            close="</parameter>",
            framed=framed,
        ),
    )


QWEN3_CODER = Tagged(
    sample=sample_of(__doc__),
    # Not in the template, but the models remember it.
    sections=drift("a section", Span("<function_invocation>", "</function_invocation>")),
    wrapper=WRAPPER,
    call=Span("<function=", "</function>"),
    name_end=(">",),
    arguments=Tags(
        open="<parameter=",
        name_end=(">",),
        close="</parameter>",
        framed=True,
    ),
    variant=recovering("names as attributes", attributed(WRAPPER, framed=True), off=None),
)
