"""The edge: the ASGI application, settings, the command line, the demo.

The highest layer: it may import every other root, and none of them imports it.
"""
