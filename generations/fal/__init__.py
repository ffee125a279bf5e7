"""fal and its words: everything that knows them lives here, and nothing here knows Django."""
