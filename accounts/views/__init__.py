"""Pages of people, teams and workspaces, by subject."""
