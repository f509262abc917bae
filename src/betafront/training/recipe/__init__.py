"""How a run is trained beside its objective: its steps, their gradients, the learning rate, and the
average of the weights."""
