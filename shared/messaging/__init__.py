"""What two people of a match write to each other."""
