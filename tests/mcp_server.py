"""A small MCP server over stdio: large exports, a picture, and a tool that fails."""

import json
import random
import struct
import zlib

from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp import Image as Picture

server = FastMCP("exports", log_level="ERROR")


def orders(count: int) -> list[dict[str, object]]:
    """Orders as a shop would export them, the same ones each time."""
    chance = random.Random(7)
    return [
        {
            "id": f"ORD-{i:06d}",
            "customer": f"customer-{chance.randrange(9_000):04d}",
            "total": round(chance.uniform(1, 900), 2),
            "status": chance.choice(["paid", "shipped", "returned"]),
            "comment": "left at the door of the neighbour, who signs for it",
        }
        for i in range(count)
    ]


@server.tool()
def export_orders(count: int) -> str:
    """Exports orders as JSON.

    Args:
        count (int): How many.
    """
    return json.dumps(orders(count))


@server.tool()
def photo(width: int) -> Picture:
    """Gives a square picture in PNG.

    Args:
        width (int): Pixels of a side.
    """
    rows = b"".join(b"\0" + random.Random(y).randbytes(3 * width) for y in range(width))
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, width, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    data = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return Picture(data=b"\x89PNG\r\n\x1a\n" + data, format="png")


@server.tool()
def fail() -> str:
    """Fails at once."""
    raise ValueError("the disk is on fire")


if __name__ == "__main__":
    server.run()
