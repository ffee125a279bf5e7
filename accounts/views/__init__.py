"""People's and workspaces' own pages, by subject."""
