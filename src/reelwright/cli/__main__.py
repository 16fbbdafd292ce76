"""`python -m reelwright.cli`: the same as `reelwright`, also where the script is not on the PATH."""

from reelwright.cli import main

raise SystemExit(main())
