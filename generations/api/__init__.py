"""API v1: what a person can do on the pages, a program can do with a token."""
