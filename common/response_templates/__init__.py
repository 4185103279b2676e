"""Hugging Face's `response_template`: the markup of a checkpoint's replies, as its `tokenizer_config.json` declares it.

- `language` reads what a template says, `patterns` its regular expressions: they are taken apart, and never run.
- `markup` makes a format of it, one of the shapes that the families here have, or refuses with the reason.
- `sentence` writes a call as a template wants it; `declared` finds a server's template and makes its rows.
- `families` says the markup of a family here in that language.

The language is that of transformers 5.13 and newer (`utils/chat_parsing`, and the page "Response Parsing" of its
documentation). vLLM's parser `hf` and SGLang's `response_template` read the same templates.
"""
