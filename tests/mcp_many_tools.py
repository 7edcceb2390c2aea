"""An MCP server over stdio with 120 tools, each of which says its own name."""

from mcp.server.fastmcp import FastMCP

from made_up_tools import made_up_tools

server = FastMCP("many", log_level="ERROR")


def add(name: str, description: str) -> None:
    """Offer one tool."""

    def run(text: str) -> str:
        return f"{name} was called with {text}"

    server.add_tool(run, name=name, description=description)


for tool in made_up_tools():
    add(tool.name, tool.schema.get("description", ""))
for shelf in range(35):
    add(f"inspect_shelf_{shelf}", f"Inspect what lies on shelf {shelf} of the store room, and count it.")

if __name__ == "__main__":
    server.run()
