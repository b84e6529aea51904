"""`python -m trading_env` is the command `trading-env`."""

import sys

from trading_env.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
