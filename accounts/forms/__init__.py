"""What people send in about themselves, their workspaces and their programs, by subject."""
