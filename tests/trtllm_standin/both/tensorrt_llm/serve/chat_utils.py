import uuid


def make_tool_call_id(id_type="random", func_name=None, idx=None):
    return f"chatcmpl-tool-{uuid.uuid4().hex}"
