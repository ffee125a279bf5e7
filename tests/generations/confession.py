"""A child of the sandbox that tells what it was given."""

import json
import os
import sys

if __name__ == "__main__":
    sys.stdout.write(json.dumps(dict(os.environ)))
