"""`python -m cbpner` is `cbpner`."""

import sys

from cbpner.cli import main

sys.exit(main())
