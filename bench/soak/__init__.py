"""`make soak`: half of what the machine can take, for half an hour, and whether anything grows."""
