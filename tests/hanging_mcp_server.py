"""An MCP server over stdio that never answers one kind of request: `python hanging_mcp_server.py METHOD`."""

import json
import sys

ANSWERS: dict[str, object] = {
    "initialize": {
        "protocolVersion": "2024-11-05",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "hanging", "version": "1"},
    },
    "tools/list": {"tools": [{"name": "look", "description": "Looks.", "inputSchema": {"type": "object"}}]},
    "tools/call": {"content": [{"type": "text", "text": "a ship"}]},
}

for line in sys.stdin:
    request = json.loads(line)
    if "id" in request and request["method"] != sys.argv[1]:
        answer = {"jsonrpc": "2.0", "id": request["id"], "result": ANSWERS.get(request["method"], {})}
        print(json.dumps(answer), flush=True)
