"""The imperative shell: call.py gets a call its turn, phase.py executes the plan of one phase."""
