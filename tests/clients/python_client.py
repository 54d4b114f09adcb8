"""A session with the official Python SDK, which validates every result against the tool's output schema.

Usage: python_client.py BINARY PLUGINS DATA FILES
"""

import asyncio
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


def structured(result):
    """The structured content, under whichever name this version of the SDK has for it."""
    found = getattr(result, "structured_content", None)
    return found if found is not None else result.structuredContent


def failed(result):
    """Whether the result is an error."""
    found = getattr(result, "is_error", None)
    return found if found is not None else result.isError


async def main(binary, plugins, data, files):
    arguments = ["--plugins", plugins, "--data", data, "--allow", files, "serve"]
    async with stdio_client(StdioServerParameters(command=binary, args=arguments)) as (read, write):
        async with ClientSession(read, write) as session:
            initialized = await session.initialize()
            info = getattr(initialized, "server_info", None) or initialized.serverInfo
            assert info.name == "kumiko", info

            tools = (await session.list_tools()).tools
            names = [tool.name for tool in tools]
            assert names == sorted(names) and "greet" in names and "load_dataset" in names, names

            greeted = await session.call_tool("greet", {"name": "Ada"})
            assert structured(greeted) == {"message": "Hello, Ada!"}, greeted

            refused = await session.call_tool("greet", {"nme": "Ada"})
            assert failed(refused) and "did you mean `name`?" in refused.content[0].text, refused

            heard = []

            async def listen(progress, total, message):
                heard.append((progress, total, message))

            await session.call_tool("climb", {"amount": 4}, progress_callback=listen)
            assert heard and heard[-1][0] == 4 and heard[-1][1] == 4, heard

            penguins = f"{files}/penguins.csv"
            loaded = structured(await session.call_tool("load_dataset", {"s3_uri": penguins}))
            assert loaded["rows"] == 344, loaded
            prepared = structured(
                await session.call_tool(
                    "preprocess_supervised",
                    {"s3_uri": penguins, "target_column": "species", "task_type": "classification", "test_size": 0.3},
                )
            )
            trained = structured(
                await session.call_tool(
                    "train_classification",
                    {"train_data_s3_uri": prepared["train_data_s3_uri"], "target_column": "species"},
                )
            )
            evaluated = await session.call_tool(
                "ml_evaluation.evaluate_classifier",
                {"model_s3_uri": trained["model_s3_uri"], "test_data_s3_uri": prepared["test_data_s3_uri"]},
            )
            assert structured(evaluated)["metrics"]["accuracy"] > 0.9, evaluated
            kinds = {block.type for block in evaluated.content}
            assert {"text", "image", "resource_link"} <= kinds, kinds

    print("all checks passed")


asyncio.run(main(*sys.argv[1:]))
