"""How long a test has to run, and on how many users, before it starts: behind `rage monitor design`."""
