"""A model to try the parsers with: no download, no GPU, and its replies follow a script.

- `checkpoint` writes the files of a tiny model with random weights and one family's real special tokens.
- `answer` decides, from the prompt alone, what such a model replies. An engine's logits processor forces
  these tokens (`dynamo_parsers.vllm.scripted`).


Rule: standard library and pydantic only, and no engine; the files are written without torch or
transformers.
"""
