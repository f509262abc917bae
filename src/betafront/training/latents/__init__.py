"""The latents of a run over its training: what each validation finds of them, and what became of
them, in words."""
