"""The smallest plugin in Python: the same contract, another language."""

import json

from wit_world import exports
from wit_world.exports.tools import Annotations, Answer, Answer_Complete, Invocation, Manifest, Outcome, Tool

ARGUMENTS = {
    "type": "object",
    "properties": {"name": {"type": "string", "description": "Whom to greet."}},
    "required": ["name"],
    "additionalProperties": False,
}
RESULT = {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}


class Tools(exports.Tools):
    """What the component exports."""

    def describe(self) -> Manifest:
        greet = Tool(
            name="greet_in_python",
            title="Greet in Python",
            description="Greets somebody by name, from Python.",
            input_schema=json.dumps(ARGUMENTS),
            output_schema=json.dumps(RESULT),
            annotations=Annotations(read_only=True, destructive=False, idempotent=True, open_world=False),
            aliases=[],
            long_running=False,
        )
        return Manifest(
            name="hello_python",
            aliases=[],
            version="0.1.0",
            description="The smallest plugin in Python.",
            icon=None,
            tools=[greet],
        )

    def call(self, invocation: Invocation) -> Answer:
        name = json.loads(invocation.arguments)["name"]
        return Answer_Complete(Outcome(structured=json.dumps({"message": f"Hello, {name}!"}), content=[]))
