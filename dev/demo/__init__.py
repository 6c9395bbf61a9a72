"""People for a demo: who never lived, with portraits, answers and likes, made once by `make up`."""
