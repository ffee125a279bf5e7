"""`python -m benchmarks.seed TEAMS FUNDS`: teams in the database that the environment names."""

import sys

import django

if __name__ == "__main__":
    django.setup()
    from benchmarks.seeding import teams

    teams(int(sys.argv[1]), int(sys.argv[2]))
