"""The tool-calling probe: 24 scenarios against an OpenAI-compatible endpoint, and proof of what is at fault.

`scenarios` defines the requests and what must come back, `endpoint` sends them, `answer` reads the responses, `judge`
tells the parser's faults from the model's, `replay` plays a perfect model of a family, `report` writes the results.
"""
