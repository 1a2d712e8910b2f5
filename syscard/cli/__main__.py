"""`python -m syscard.cli`, where no script is on the path."""

from syscard.cli import main

main(prog_name="syscard")
