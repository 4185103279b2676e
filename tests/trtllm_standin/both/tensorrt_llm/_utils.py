def nvtx_range_debug(*_, **__):
    return lambda function: function
