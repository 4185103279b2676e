"""For operators: checks a launch line, and finds the cause of a wrong reply.

Rule: engines are known here by name and flag only; nothing imports one.
"""
