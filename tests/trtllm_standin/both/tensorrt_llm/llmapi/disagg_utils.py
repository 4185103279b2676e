from ..anything import placeholder

__getattr__ = placeholder


def get_usage_tokens_from_ctx(_):
    return None, None


def rewrite_usage_info_from_ctx(*_):
    pass


def rewrite_usage_response_from_ctx(*_):
    pass
