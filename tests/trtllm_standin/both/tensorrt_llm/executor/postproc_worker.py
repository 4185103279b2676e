from dataclasses import dataclass


@dataclass(kw_only=True)
class PostprocArgs:
    first_iteration: bool = True
    num_prompt_tokens: int | None = None
    num_prompt_tokens_offset: int = 0
    tokenizer: object = None
