"""A model to try the parsers with: no download, no GPU, and it says what a script tells it.

- `checkpoint` writes the files of a tiny random-weight model that carries one family's real special tokens.
- `answer` decides, from the prompt alone, what such a model shall say. An engine's logits processor makes
  it say so, token by token (`dynamo_parsers.vllm.scripted`).

Rule: standard library and pydantic only, and no engine; the files are written without torch or
transformers.
"""
