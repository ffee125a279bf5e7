"""The suites, one module each; a suite measures its contenders in turns and says what came of it."""
