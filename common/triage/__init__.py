"""For operators: what a launch line says, what a reply says of it, and where a call went wrong.

Rule: the engines are known here by name and flag only; nothing imports one.
"""
