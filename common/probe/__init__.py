"""The tool-calling probe: 24 scenarios against an OpenAI-compatible endpoint, and proof of who is at fault.

`scenarios` says what is asked and what must come back, `endpoint` asks, `answer` reads what came, `judge` tells the
parser's faults from the model's, `replay` plays a perfect model of a family, `report` writes it all down.
"""
