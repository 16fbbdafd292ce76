"""The `reelwright` command."""


def main() -> None:
    raise SystemExit("not yet")
