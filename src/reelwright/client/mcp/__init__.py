"""The server's public API as tools of an assistant: the Model Context Protocol (https://modelcontextprotocol.io).

Needs the extra `mcp`. `reelwright mcp` speaks it over stdio, the server itself at `/mcp`; both use what is here, and
what is here uses `AsyncClient` alone: there is no other way to a job.
"""
