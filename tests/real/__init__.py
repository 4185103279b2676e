"""`make real`: tools and calls that nobody here wrote, in every family's markup, through the core and the engines.

`collect` fetches, `questions` makes the replies, `in_core`, `in_vllm` and `in_sglang` ask, `report` writes the page.
"""
