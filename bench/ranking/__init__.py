"""How well people are ranked for each other, against simple rankers, on decisions that people have made."""
