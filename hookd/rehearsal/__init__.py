"""The SSM lifecycle played locally: the agent, its documents and a machine that is patched."""
