"""`python -m betafront`: the same as the console script."""

from betafront.cli import main

if __name__ == "__main__":
    main()
