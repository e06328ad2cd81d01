"""The subcommands of `cbpner`, one module each: `add_arguments(parser)` and `run(args) -> int`, and no logic."""
