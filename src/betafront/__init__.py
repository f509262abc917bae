"""betafront: how to weight the KL term of a VAE, answered with evidence."""
