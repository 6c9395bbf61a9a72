"""What a person is told, kept until they have read it."""
