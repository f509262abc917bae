"""The arguments that the audit gives to a loss: kinds of x, masks and lengths, further parameters
of a likelihood, a posterior as an object, and the parameters that the loss holds itself."""
