"""Hugging Face's `response_template`: the markup of a checkpoint's replies, as its `tokenizer_config.json` declares it.

- `language` reads a template; `patterns` takes its regular expressions apart, which are never run.
- `markup` makes a format from it, in one of the shapes that the families here have, or refuses with the reason.
- `sentence` writes a call in a template's markup; `declared` finds a server's template and makes its rows.
- `families` writes the markup of a family of this package in that language.


The language is that of transformers 5.13 and newer (`utils/chat_parsing`, and the page "Response Parsing" of its
documentation). vLLM's parser `hf` and SGLang's `response_template` read the same templates.
"""
