"""The programs of the README run as they stand: the first one, LangGraph's, of which a tool is then called, and the test."""

import os
import re
from pathlib import Path

from world import World

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()
first, langgraph, testing = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
world = World()
os.environ["LEGATION_AGENT_FILE"] = str(world.file)

import json  # noqa: E402

os.environ["TRUST"] = json.dumps(world.trust)

if os.environ["LEGATION_QUICKSTART"] == "first":
    exec(compile(first, "README.md", "exec"), scope := {"__name__": "readme"})
    assert scope["verdict"]["decision"] == "permit", scope["verdict"]
elif os.environ["LEGATION_QUICKSTART"] == "testing":
    exec(compile(testing, "README.md", "exec"), scope := {"__name__": "readme"})
    assert scope["child"].agent.describe()["links"] == 2
else:
    exec(compile(langgraph, "README.md", "exec"), scope := {"__name__": "readme"})
    guarded = scope["tools"].tools_by_name["buy"]
    assert guarded.invoke({"item": "tea", "amount": 90}) == "bought tea"
print("1 passed, 0 failed")
