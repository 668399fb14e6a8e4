"""Set aside memory for an index of so many GiB."""

import mmap
import sys

try:
    mmap.mmap(-1, int(sys.argv[1]) << 30)
except OSError as error:
    sys.exit(f"index: {error}")
