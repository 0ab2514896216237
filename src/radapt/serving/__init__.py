"""A service on this machine that scores radiographs: a page, an interface for programs, and its limits."""
