from abc import ABC, abstractmethod


class BaseToolParser(ABC):
    def __init__(self):
        self._buffer = ""
        self.prev_tool_call_arr = []
        self.current_tool_id = -1
        self.current_tool_name_sent = False
        self.streamed_args_for_tool = []
        self.bot_token = ""
        self.eot_token = ""
        self.tool_call_separator = ", "

    @abstractmethod
    def detect_and_parse(self, text, tools):
        raise NotImplementedError

    def parse_streaming_increment(self, new_text, tools):
        raise NotImplementedError

    @abstractmethod
    def has_tool_call(self, text):
        raise NotImplementedError

    def supports_structural_tag(self):
        return True

    @abstractmethod
    def structure_info(self):
        raise NotImplementedError
