"""What people may ask for: all that is held about them, and that it goes away."""
