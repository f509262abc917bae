"""The commands, a file each; `betafront.cli` names them."""
