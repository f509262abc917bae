"""What `import betafront` offers a program or a notebook; the command line is made of the same."""
