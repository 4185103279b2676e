"""Models for SGLang that write a given text: `SGLANG_EXTERNAL_MODEL_PACKAGE=sglang_models`."""
