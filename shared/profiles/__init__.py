"""What others see of a person, and how complete it is."""
