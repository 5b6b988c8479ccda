"""What is done to a recording, as plain values and functions: no Django, no app, no heavy library.
`run.py` is the door.
"""
