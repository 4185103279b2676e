"""Models for SGLang that say what they are told: `SGLANG_EXTERNAL_MODEL_PACKAGE=sglang_models`."""
