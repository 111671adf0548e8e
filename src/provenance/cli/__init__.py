"""The command: parse, call one library function, print. Holds no logic."""
